"""The engine that has Spark make the shards."""

from __future__ import annotations

from dataclasses import replace
from threading import Event, Thread
from typing import TYPE_CHECKING

from fhir_case.errors import FhirCaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pyspark.sql import SparkSession

    from fhir_case.cohort.engine import Engine, Run
    from fhir_case.cohort.shard import ShardRecord

__all__ = ["spark_of"]

_POLL_S = 0.5


def spark_of(master: str, settings: Mapping[str, str]) -> Engine:
    """
    Return the engine that has Spark make the shards, a task each, and put all of them in place in the end.

    Args:
        master: The address of its master; empty for what its own configuration has.
        settings: Settings of Spark.

    Raises:
        CheckerError: When it is used: Spark or Java is not there.
        FhirCaseError: When it is used: a patient is not valid, or Spark has given up.
    """

    def engine(run: Run, shards: list[int], on_progress: Callable[[int], None]) -> Iterator[ShardRecord]:
        from fhir_case.cohort.attempts import clean
        from fhir_case.cohort.spark.session import session

        there = replace(run, folder=run.folder.resolve())
        try:
            with session(master, settings) as spark:
                _write(spark, there, shards, on_progress)
        except BaseException:  # Ctrl-C, too
            clean(there)
            raise
        return iter(())

    return engine


def _write(spark: SparkSession, run: Run, shards: list[int], on_progress: Callable[[int], None]) -> None:
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    from fhir_case.cohort.spark.session import first_line
    from fhir_case.cohort.spark.sink import FORMAT, source_for, take_failure

    take_failure(run.folder)
    spark.dataSource.register(source_for(run, shards))
    rows = spark.range(0, len(shards), 1, len(shards)).toDF("place")
    ended = Event()
    watching = Thread(target=_watch, args=(spark, run, on_progress, ended), daemon=True)
    watching.start()
    try:
        rows.write.format(FORMAT).mode("append").save()
    except (Py4JError, PySparkException) as error:
        failure = take_failure(run.folder)
        if failure is not None:
            raise failure from None
        hint = "docs/spark.md tells what every worker has to have and to see; what Spark has printed above may say more"
        raise FhirCaseError(f"Spark has given up: {first_line(error)}", where=str(run.folder), hint=hint) from None
    finally:
        ended.set()
        watching.join()


def _watch(spark: SparkSession, run: Run, on_progress: Callable[[int], None], ended: Event) -> None:
    """Report how many patients are in the tasks that are done; the job itself keeps the thread of its session."""
    tracker = spark.sparkContext.statusTracker()
    while not ended.wait(_POLL_S):
        jobs = (tracker.getJobInfo(job) for job in tracker.getActiveJobsIds())
        stages = (tracker.getStageInfo(stage) for job in jobs if job for stage in job.stageIds)
        done = sum(stage.numCompletedTasks for stage in stages if stage)
        on_progress(min(done * run.recipe.size, run.recipe.patients))

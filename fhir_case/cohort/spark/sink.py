"""
The data source that Spark writes a cohort to: a row is the place of a shard in a list, a partition has one row.

A task makes its shard in a hidden folder of its own. When all are made, Spark has chosen one task for each partition:
those are put in place, what repeated or speculative tasks have left is removed, and the manifest is written.

Source: https://spark.apache.org/docs/latest/api/python/tutorial/sql/python_data_source.html
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyspark.sql.datasource import DataSource, DataSourceWriter, WriterCommitMessage

from fhir_case.cohort.attempts import begin_attempt, clean, put_attempt_in_place, remove_attempts
from fhir_case.cohort.files import as_json, put_in_place
from fhir_case.cohort.run import finish
from fhir_case.errors import BundleError, CaseError, CheckerError, FhirCaseError, MappingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pyspark.sql.types import Row, StructType

    from fhir_case.cohort.engine import Run

__all__ = ["FORMAT", "ShardWriter", "source_for", "take_failure"]

FORMAT = "fhir-case"
"""The name of the data source."""

_FAILURE = ".failure.json"
_ERRORS = {one.__name__: one for one in (CaseError, BundleError, MappingError, CheckerError, FhirCaseError)}


@dataclass(frozen=True)
class _Made(WriterCommitMessage):
    """The shards that a task has made, each with the name of the folder of its attempt."""

    attempts: tuple[tuple[int, str], ...]


def source_for(run: Run, shards: Sequence[int]) -> type[DataSource]:
    """Return the data source of some shards; its class goes to the workers with all that it needs, by its value."""

    class Shards(DataSource):
        """The shards of one run."""

        @classmethod
        def name(cls) -> str:
            return FORMAT

        def writer(self, schema: StructType, overwrite: bool) -> DataSourceWriter:  # noqa: ARG002, FBT001, RUF100
            return ShardWriter(run, shards)

    return Shards


class ShardWriter(DataSourceWriter):
    """
    What makes shards on the workers, and puts them in place on the driver.

    Args:
        run: What they are made of, and where they go: a folder that all workers share.
        shards: Their numbers; a row has the place of one in this list.
    """

    def __init__(self, run: Run, shards: Sequence[int]) -> None:
        self.run, self.shards = run, tuple(shards)

    def write(self, iterator: Iterator[Row]) -> WriterCommitMessage:
        """
        Make the shards of a partition, each in a folder of its own.

        Raises:
            FhirCaseError: A patient is not valid, or this worker would make other patients or does not see the folder.
        """
        try:
            return _Made(tuple(self._attempt(self.shards[row[0]]) for row in iterator))
        except FhirCaseError as error:
            self._note(error)
            raise

    def _attempt(self, shard: int) -> tuple[int, str]:
        folder = self.run.folder
        if not folder.is_dir():
            hint = "name a folder that all workers share"
            raise FhirCaseError("a worker does not see the folder", where=str(folder), hint=hint)
        self._check_failure()
        if self.run.recipe.fingerprint != self.run.fingerprint:
            raise CheckerError(
                "a worker would make other patients: it has another version of fhir-case, of a mapping or of a file",
                hint="ship the package to the workers (docs/spark.md)",
            )
        attempt = begin_attempt(folder, shard)
        self.run.make(shard, self._check_failure, attempt)
        return shard, attempt.name

    def _check_failure(self) -> None:
        if (self.run.folder / _FAILURE).exists():
            raise RuntimeError("another task has failed for good")

    def _note(self, error: FhirCaseError) -> None:
        """Note an error where the driver finds it whole, and other tasks find that they need not go on."""
        said = {"kind": type(error).__name__, "message": error.message, "where": error.where, "hint": error.hint}
        with suppress(OSError):
            put_in_place(self.run.folder / _FAILURE, as_json(said))

    def commit(self, messages: list[WriterCommitMessage | None]) -> None:
        """Put in place what the tasks have made, remove all other attempts, and write the manifest."""
        folder = self.run.folder
        for message in messages:
            for shard, name in message.attempts if isinstance(message, _Made) else ():
                put_attempt_in_place(folder, folder / name, shard, self.run.fingerprint)
        remove_attempts(folder)
        finish(self.run)

    def abort(self, messages: list[WriterCommitMessage | None]) -> None:  # noqa: ARG002
        """Remove what the tasks have made; the folder too, if no run before has left whole shards in it."""
        clean(self.run)


def take_failure(folder: Path) -> FhirCaseError | None:
    """Return the error that a task has noted, and remove the note; None where there is none."""
    note = folder / _FAILURE
    try:
        said: dict[str, Any] = json.loads(note.read_bytes())
    except (OSError, ValueError):
        return None
    note.unlink(missing_ok=True)
    return _ERRORS.get(said["kind"], FhirCaseError)(said["message"], where=said["where"], hint=said["hint"])

"""Measure cohorts: a patient beside the models of fhir.resources, one core beside two, Spark, memory."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from benchmarks.case import without
from benchmarks.results import of_medians, report
from benchmarks.timing import interleaved

if TYPE_CHECKING:
    from benchmarks.results import Row

__all__ = ["bench_synth"]

_SHIPPED = "hcc-tare-sorafenib"
_FEW = 1000


def bench_synth(runs: int, *, patients: int, spark: bool, compare: bool) -> bool:
    """
    Time one patient in processor time, and whole cohorts of the shipped case in seconds of the clock.

    Args:
        runs: How often.
        patients: How many a cohort has.
        spark: Whether Spark makes it, too.
        compare: Whether to compare with what was kept, and to keep nothing.

    Returns:
        Whether nothing became slower.
    """
    rows = [_one_patient(runs or 15)]
    commands = {
        "-j 1": ["-j", "1"],
        "-j 2": ["-j", "2"],
        "spark": ["--engine", "spark", "--master", "local[2]", "--spark-conf", "spark.ui.enabled=false"],
    }
    if not spark:
        del commands["spark"]
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    megabytes: list[float] = []
    for _ in range(min(runs or 3, 3)):
        for name, options in commands.items():
            taken, most = _cohort(patients, options)
            seconds[name].append(taken)
            if name == "-j 1":
                megabytes.append(most)
    said = f"{patients:,} patients, seconds of the clock"
    rows.append(of_medians(f"{said}: `-j 2`", seconds["-j 2"], "`-j 1`", seconds["-j 1"], wanted=1.8))
    if spark:
        rows.append(of_medians(f"{said}: Spark `local[2]`", seconds["spark"], "`-j 2`", seconds["-j 2"], wanted=0.6))
    # a thousandth, so that the column of milliseconds holds megabytes
    few = [_cohort(_FEW, ["-j", "1"])[1] / 1000]
    name = f"MB of a process, {patients:,} patients"
    many = [most / 1000 for most in megabytes]
    rows.append(of_medians(name, many, f"MB, {_FEW:,} patients", few, wanted=1.1, bound="at most"))
    return report("synth", rows, compare=compare)


def _one_patient(runs: int) -> Row:
    from fhir.resources.R4B.bundle import Bundle

    from fhir_case.cli import collect_garbage_rarely
    from fhir_case.cohort.recipe import Recipe, patient_bundle, source_of
    from fhir_case.fhir.wire import dump

    collect_garbage_rarely()  # as the command does
    recipe = Recipe(source_of(_SHIPPED), 1000)
    bundle = patient_bundle(recipe, 1)
    known = without(bundle, "_valueDateTime")  # fhir.resources knows no extensions there and would stop
    numbers = iter(range(2, 1000))
    models, ours = interleaved(
        runs,
        lambda: Bundle.model_validate(known).model_dump_json() and None,
        lambda: dump(patient_bundle(recipe, next(numbers))) and None,
        processor_time=True,
    )
    against = f"fhir.resources, {len(bundle['entry'])} resources: model_validate and model_dump_json"
    return of_medians("one patient of a cohort, checked, processor time", ours, against, models, wanted=10)


def _cohort(patients: int, options: list[str]) -> tuple[float, float]:
    """Return the seconds that a cohort takes, and the most megabytes that the process had meanwhile."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            "-m",
            "fhir_case",
            "synth",
            _SHIPPED,
            "-n",
            str(patients),
            "--out",
            str(Path(folder) / "cohort"),
            "-q",
        ]
        begin, most = time.perf_counter(), 0.0
        process = psutil.Popen([sys.executable, *command, *options])
        while process.poll() is None:
            try:
                most = max(most, process.memory_info().rss / 1e6)
            except psutil.Error:
                break
            time.sleep(0.05)
        if process.wait():
            sys.exit(f"{' '.join(command)}: exit code {process.returncode}")
        return time.perf_counter() - begin, most

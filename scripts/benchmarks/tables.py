"""Measure the import of tables beside csv alone and the models of fhir.resources, and its memory for many rows."""

from __future__ import annotations

import csv
import random
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.case import without
from benchmarks.memory import run_measured
from benchmarks.results import of_medians, report
from benchmarks.timing import interleaved

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.results import Row

__all__ = ["bench_import", "bench_import_memory"]

_PATIENTS = 200
_EVENTS = 10  # rows of results for each patient, in any order
_RECIPE = """\
recipe: bench
title: Patient {id}
report: {citation: Made up, transcribed: 2026-11-29}
timeline: {anchor: diagnosis, index_date: {column: diagnosed, date: "%d.%m.%Y"}}
files:
  patients: {path: patients.csv, patient: id, rows: patient}
  results: {path: results.csv, patient: patient}
entries:
  - section: patient
    file: patients
    fields: {sex: {column: sex, map: {f: female, m: male}}, birth_date: {column: birth, date: "%d.%m.%Y"}}
  - section: conditions
    file: patients
    key: diagnosis
    fields:
      {kind: primary-cancer, diagnosis: hepatocellular-carcinoma, verification: confirmed, status: unknown, at: anchor}
  - section: performance
    file: patients
    key: ecog
    fields: {scale: ecog, value: {column: ecog, number: true}, at: anchor}
  - section: laboratory
    file: results
    key: result
    fields:
      test: {column: test, map: {AFP: afp, Hb: hemoglobin}}
      value: {column: value, unit: {column: unit}}
      at: {column: day, offset: {unit: d}}
"""


def bench_import(runs: int, *, compare: bool) -> bool:
    """
    Time reading tables as cases, and as Bundles, on one core.

    Returns:
        Whether nothing became slower.
    """
    from fhir.resources.R4B.bundle import Bundle

    from fhir_case import build_bundle
    from fhir_case.cli import collect_garbage_rarely
    from fhir_case.fhir.wire import dump
    from fhir_case.readers import read_cases
    from fhir_case.readers.table import TABLES

    collect_garbage_rarely()  # as the command does
    with tempfile.TemporaryDirectory(prefix="fhir-case-tables-") as scratch:
        folder = Path(scratch)
        rows = _write_tables(folder, _PATIENTS)
        recipe = folder / "recipe.yaml"
        cases = [read.case for read in read_cases(recipe, TABLES) if read.case is not None]
        bundles = [without(build_bundle(case), "_valueDateTime") for case in cases]

        def built() -> None:
            for read in read_cases(recipe, TABLES):
                if read.case is not None:
                    dump(build_bundle(read.case))

        alone, imported, to_bundles, models = interleaved(
            runs or 5,
            partial(_read_by_csv, folder),
            lambda: [read.case for read in read_cases(recipe, TABLES)] and None,
            built,
            lambda: [Bundle.model_validate(one).model_dump_json() for one in bundles] and None,
            processor_time=True,
        )
    resources = sum(len(bundle["entry"]) for bundle in bundles)
    found: list[Row] = [
        of_medians(f"{rows:,} rows to checked cases", imported, "csv alone", alone, bound="at most"),
        of_medians(
            f"{rows:,} rows to Bundles",
            to_bundles,
            f"fhir.resources, the {resources:,} resources: model_validate and model_dump_json",
            models,
        ),
    ]
    return report("import", found, compare=compare)


def bench_import_memory(sizes: Sequence[int]) -> None:
    """Print the peak memory and the rate of ``import`` for tables of so many rows, whose order is that of chance."""
    print(f"{'rows':>12}{'peak memory':>14}{'rows a second':>16}")
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="fhir-case-tables-") as scratch:
            rows = _write_tables(Path(scratch), size // (1 + _EVENTS))
            found = run_measured(["import", str(Path(scratch) / "recipe.yaml")], Path(scratch))
        print(f"{rows:>12,}{found.peak / 1e6:>11,.0f} MB{rows / found.seconds:>16,.0f}", flush=True)


def _read_by_csv(folder: Path) -> None:
    for name in ("patients.csv", "results.csv"):
        with (folder / name).open(encoding="utf-8", newline="") as file:
            for _ in csv.reader(file):
                pass


def _write_tables(folder: Path, patients: int) -> int:
    """Write a recipe, a table of patients and one of their results in any order; return the number of rows."""
    chance = random.Random(patients)  # noqa: S311  # no secret

    def day() -> str:
        return f"{chance.randint(1, 28):02}.{chance.randint(1, 12):02}.{chance.randint(1940, 1970)}"

    (folder / "recipe.yaml").write_text(_RECIPE, encoding="utf-8")
    header = ("id", "sex", "birth", "diagnosed", "ecog")
    diagnosed = (f"01.03.{chance.randint(2000, 2020)}" for _ in range(patients))
    rows = ([f"P{at}", chance.choice("fm"), day(), when, chance.randint(0, 3)] for at, when in enumerate(diagnosed))
    _write(folder / "patients.csv", header, rows)
    order = list(range(patients * _EVENTS))
    chance.shuffle(order)
    kinds = (("AFP", "ng/mL"), ("Hb", "g/dL"))
    results = (
        [f"P{at // _EVENTS}", test, chance.randint(60, 180) / 10, unit, chance.randint(0, 2000)]
        for at in order
        for test, unit in (kinds[at % 2],)
    )
    _write(folder / "results.csv", ("patient", "test", "value", "unit", "day"), results)
    return patients * (1 + _EVENTS)


def _write(path: Path, header: Sequence[str], rows: Any) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)

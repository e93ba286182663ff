"""docs/cohort-evidence.md is of the declarations and of the tables as they are, and says of each figure what it is."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from support import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (ROOT / "docs" / "cohort-evidence.md").read_text(encoding="utf-8")
DATA = ROOT.parent / "shared" / "data" / "tcga-lihc"


@pytest.fixture(scope="module")
def benchmark() -> Iterator[Any]:
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        import_module("benchmarks.cohort")
        yield sys.modules["benchmarks.cohort"]
    finally:
        sys.path.remove(str(ROOT / "scripts"))


def cells(page: str) -> list[list[str]]:
    """Return the cells of all rows of the tables of a page."""
    return [re.split(r" *\| *", row)[1:-1] for row in page.splitlines() if row.startswith("|")]


def test_the_page_is_of_the_declarations_as_they_are(benchmark: Any) -> None:
    assert f"declarations `{benchmark.page.fingerprint()}`" in PAGE, "run scripts/bench cohort"


def test_the_real_figures_of_the_page_are_those_of_the_tables(benchmark: Any) -> None:
    synthetic = list(benchmark.synthetic_patients(2, 1))
    made = benchmark.evidence(synthetic, benchmark.real_patients(DATA), 1)
    of_real = [[row[0], *row[2:-1]] for row in cells(PAGE) if "distance" not in row[0]]

    assert of_real == [[row[0], *row[2:-1]] for row in cells(made) if "distance" not in row[0]], (
        "run scripts/bench cohort"
    )
    assert re.sub(r"\d+", "N", PAGE.partition("\n| |")[0]) == re.sub(r"\d+", "N", made.partition("\n| |")[0])


def test_a_synthetic_patient_is_read_from_the_fhir_that_synth_writes(benchmark: Any) -> None:
    (one, again), (first,) = list(benchmark.synthetic_patients(2, 1)), list(benchmark.synthetic_patients(1, 1))

    assert first == one != again
    assert "A" == one.child_pugh
    assert {"radioembolisation"} <= one.treatments <= set(benchmark.patients.TREATMENTS)
    assert 25 <= one.age <= 90
    assert (one.recurred is None) == ("chemoembolisation" not in one.treatments)


def test_each_figure_has_one_of_the_three_grades() -> None:
    heads = [row for row in cells(PAGE) if row[0] == ""]

    assert ["", "synthetic", "calibrated on", "out of sample", "differs by"] == heads[0]
    assert 3 == len(heads)
    assert {"## Calibrated, and out of sample", "## Declared by the author"} <= set(PAGE.splitlines())
    assert "**What this does not show.**" in PAGE


def test_a_share_without_recurrence_counts_who_is_not_seen_any_more_only_as_long_as_seen(benchmark: Any) -> None:
    patient = benchmark.patients.Patient(True, 60.0, 1.0, "A", frozenset(), None, None)
    seen = [
        patient._replace(recurred=6.0, followed=30.0),
        patient._replace(followed=8.0),
        patient._replace(recurred=12.0, followed=30.0),
        patient._replace(followed=30.0),
        patient,
    ]

    assert [1.0, 0.75, 0.375, 0.375] == [benchmark.page.without_recurrence(seen, month) for month in (5, 6, 12, 36)]


def test_the_distance_of_two_distributions_is_the_largest_difference_of_their_shares(benchmark: Any) -> None:
    assert (0.0, 1.0, 0.5) == tuple(benchmark.page.distance([1, 2], other) for other in ([1, 2], [3, 4, 5], [2, 3]))

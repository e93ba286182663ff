"""What was measured is kept, becomes a table that says what was not reached, and what became slower is found."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from support import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MARKS = "# Page\n<!-- made by scripts/bench build -->\nold\n<!-- end -->\nrest\n"


@pytest.fixture(scope="module")
def results() -> Iterator[Any]:
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        yield import_module("benchmarks.results")
    finally:
        sys.path.remove(str(ROOT / "scripts"))


def _row(results: Any, ratio: float, *, bound: str = "at least", ms: float = 10) -> Any:
    return results.Row("building", ms, "models", 50, ratio, 4, bound)


@pytest.mark.parametrize(
    ("bound", "ours", "ratio", "reached"),
    [
        ("at least", 0.010, 5.0, True),
        ("at least", 0.020, 2.5, False),
        ("at most", 0.010, 0.2, True),
        ("at most", 0.5, 10, False),
    ],
)
def test_a_ratio_is_that_of_the_medians(results: Any, bound: str, ours: float, ratio: float, reached: bool) -> None:
    row = results.of_medians("building", [9, ours, 0], "models", [9, 0.050, 0], wanted=4, bound=bound)

    assert (1000 * ours, 50, ratio, reached) == (row.ms, row.against_ms, row.ratio, row.reached)


def test_a_run_is_kept_with_machine_and_versions_and_its_table_says_what_was_not_reached(
    results: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, file = tmp_path / "PAGE.md", tmp_path / "results.ndjson"
    page.write_text(_MARKS)

    for ratio in (5, 3):
        assert results.report("build", [_row(results, ratio)], compare=False, results=file, page=page)

    kept = [json.loads(line) for line in file.read_text().splitlines()]
    assert [5, 3] == [one["rows"][0]["ratio"] for one in kept]
    assert {"cores", "load", "python", "pydantic", "fhir.resources"} <= kept[0]["machine"].keys()
    assert (
        "| building | 10.0 | models | 50.0 | 3.00 | at least 4 | **not reached** |\n<!-- end -->\nrest\n"
        in page.read_text()
    )
    assert "old" not in page.read_text()
    assert "ratio 3.00, wanted at least 4: NOT REACHED" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("bound", "before", "now", "is_slower"),
    [("at least", 5, 4.6, False), ("at least", 5, 4.4, True), ("at most", 2, 2.1, False), ("at most", 2, 2.3, True)],
)
def test_a_ratio_that_is_a_tenth_worse_than_the_last_one_is_slower(
    results: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    bound: str,
    before: float,
    now: float,
    is_slower: bool,
) -> None:
    page, file = tmp_path / "PAGE.md", tmp_path / "results.ndjson"
    page.write_text(_MARKS)
    for ratio in (99 if bound == "at least" else 0.1, before):
        results.report("build", [_row(results, ratio, bound=bound)], compare=False, results=file, page=page)
    kept = file.read_text()

    assert is_slower is not results.report(
        "build", [_row(results, now, bound=bound)], compare=True, results=file, page=page
    )
    assert is_slower is ("SLOWER: building" in capsys.readouterr().out)
    assert kept == file.read_text()


def test_what_takes_no_time_is_not_compared(results: Any) -> None:
    kept = results.Measurement("build", "2026-01-01", (_row(results, 100),))
    now = results.Measurement("build", "2026-01-02", (_row(results, 1, ms=0.5),))

    assert [] == list(results.compared(now, [kept]))


def test_a_page_without_the_marks_is_told(results: Any) -> None:
    with pytest.raises(ValueError, match="made by scripts/bench other"):
        results.with_table(_MARKS, results.Measurement("other", "2026-01-01", ()))


def test_the_page_has_the_marks_of_each_benchmark_and_the_table_of_its_last_run(results: Any) -> None:
    page = (ROOT / "BENCHMARKS.md").read_text(encoding="utf-8")
    kept = {one.what: one for one in results._read(results._RESULTS)}

    assert kept.keys() == {"build", "import", "start", "validate"}
    assert all(page == results.with_table(page, one) for one in kept.values())

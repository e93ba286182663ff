"""The table of faults: what it counts, that it goes on where it was, and some of its cells."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from fhir_case.server.client import Client
from support import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from smallserver import SmallServer

Faults = Any  # the modules of scripts/benchmarks/faults, which no package holds


@pytest.fixture(scope="module")
def faults() -> Iterator[Faults]:
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        yield import_module("benchmarks.faults")
    finally:
        sys.path.remove(str(ROOT / "scripts"))


def cell(faults: Faults, name: str, form: str) -> Any:
    return next(each for each in faults.cells.cells("small") if (each.name, each.form) == (name, form))


@pytest.mark.parametrize(
    ("name", "form"),
    [("reset-after", "POST"), ("half", "mixed"), ("rst-answer", "PUT"), ("slices-answer", "conditional")],
)
def test_a_cell_is_hit_and_loses_and_doubles_nothing(fake: SmallServer, faults: Faults, name: str, form: str) -> None:
    found = faults.running.run_cell(cell(faults, name, form), fake.url, seed=1, documents=8)

    assert found.hits
    assert (0, 0, 0, 0, 1) == (found.lost, found.doubled, found.unknown, found.failed, found.runs), found.details


def test_what_is_lost_and_doubled_is_counted(fake: SmallServer, faults: Faults, tmp_path: Path, journal: Path) -> None:
    data = faults.counting.Data("r", ["update", "create"], tmp_path / "data")
    assert (1, "") == faults.running.load(data, fake.url, journal)
    with Client(fake.url) as client:
        assert "0 / 0 / 0 of 4" == faults.counting.count(data, journal, client).text
        del fake.resources["Patient/r-p-0"]
        fake.put({**fake.resources["Observation/r-o-0"], "status": "amended"})
        [created] = [name for name in fake.names if name.startswith("Patient/")]
        fake.put({**fake.resources[created], "id": "another"})

        found = faults.counting.count(data, journal, client)

    assert "1 / 2 / 0 of 4" == found.text
    assert not found.good


def test_a_full_disk_of_the_temporary_database_is_said_and_costs_nothing(
    fake: SmallServer, faults: Faults, tmp_path: Path
) -> None:
    found = faults.scenarios.SCENARIOS["temporary-full"].run(fake.url, tmp_path, 1)

    assert (0, 0, 0, 0) == (found.lost, found.doubled, found.unknown, found.failed)
    assert found.note.startswith("it says: a temporary file cannot be written: disk I/O error; make room")


def test_the_same_seed_hits_the_same_requests(faults: Faults) -> None:
    one = cell(faults, "half", "POST")

    assert one.schedule(1) == one.schedule(1) != one.schedule(2)
    assert [None, "half"] == one.schedule(1)[:2]


def test_a_run_goes_on_where_it_was_interrupted_and_says_what_was_not_run(
    faults: Faults, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    results, page = tmp_path / "faults.json", tmp_path / "faults.md"
    page.write_text(f"before\n{faults.command.BEGIN}\nwhat was there\n{faults.command.END}\nafter\n")
    done = []

    def run_cell(one: Any, url: str, **_options: Any) -> Any:
        done.append(one.key)
        if len(done) == 3:
            raise KeyboardInterrupt
        return faults.counting.Counts(resources=4, hits=1, doubled=int(len(done) == 2), runs=1)

    monkeypatch.setattr(faults.command, "run_cell", run_cell)
    monkeypatch.setattr(faults.command, "SCENARIOS", {})

    def bench() -> int:
        found: int = faults.bench_faults([], seed=1, quick=True, results=results, page=page, urls={}, documents=4)
        return found

    with pytest.raises(KeyboardInterrupt):
        bench()
    assert 2 == len(json.loads(results.read_text())["cells"])

    assert 1 == bench()

    assert len(set(done)) + 1 == len(done)  # only what was interrupted was begun twice
    text = page.read_text()
    assert text.startswith(f"before\n{faults.command.BEGIN}")
    assert text.endswith(f"{faults.command.END}\nafter\n")
    assert "what was there" not in text
    assert "| HTTP | 500 | after the commit | 0 / 0 / 0 of 4 | not run | not run | **0 / 1 / 0 of 4** |" in text
    assert "### HAPI FHIR on PostgreSQL\n\nNot run." in text
    assert "1/14 small/500/POST: 0 / 0 / 0 of 4; 1 hit, 1 runs" in capsys.readouterr().out

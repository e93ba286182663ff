"""A reader of a package makes its format one of the formats of every command."""

from __future__ import annotations

import json
import sys
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

import pytest

from fhir_case import CaseError, MappingError, load_case
from fhir_case.readers import discover_readers, discovery, reader_of
from support import run_command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MODULE = """
from fhir_case.case.node import Place
from fhir_case.case.tree import Tree
from fhir_case.readers import Reader, Reading, Unused, node_of


def read(path):
    for number, line in enumerate(path.read_text().splitlines()[1:], 2):
        name, sex, colour = line.split()
        place = Place(str(path), number, 1)
        case = {
            "case": name,
            "title": name,
            "report": {"citation": "a list", "transcribed": "2026-11-29"},
            "timeline": {"anchor": "visit", "index_date": "2026-01-01"},
            "patient": {"sex": sex, "source": "the list"},
            "conditions": [{"key": "visit", "kind": "disease", "diagnosis": {"text": "gout"}, "status": "active",
                            "verification": "confirmed", "at": "anchor", "source": "the list"}],
        }
        left = (Unused(Place(str(path), number, 8), f"the colour '{colour}'", "a case has no colours"),)
        yield Reading(Tree(node_of(case, place), ()), left, name)


READER = Reader("list", lambda head, path: head.startswith(b"LIST"), read, "A made-up list of patients")
"""


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Return what offers readers by a line of Python, beside our own, as an installed package does."""
    (tmp_path / "reader_from_outside.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    installed = list(entry_points(group="fhir_case.readers"))

    def offer(name: str) -> None:
        point = EntryPoint("outside", f"reader_from_outside:{name}", "fhir_case.readers")
        monkeypatch.setattr(discovery, "entry_points", lambda **_: [*installed, point])
        discover_readers.cache_clear()

    yield offer
    monkeypatch.undo()
    sys.modules.pop("reader_from_outside", None)
    discover_readers.cache_clear()


@pytest.fixture
def listed(tmp_path: Path, outside: Callable[[str], None]) -> Path:
    """Return a file of two patients in the made-up format, of which the second has a mistake."""
    outside("READER")
    path = tmp_path / "patients.list"
    path.write_text("LIST\nanna female red\nbert mal blue\n")
    return path


def test_a_file_is_known_by_its_content_and_each_of_its_cases_checked(listed: Path) -> None:
    code, out, err = run_command("validate", listed, "--verbose")

    assert 5 == code, err
    assert f"{listed}:3:1: patient.sex: 'mal' is not one of male, female, other, unknown; did you mean 'male'?" in out
    assert f"not carried over: {listed}:2:8: the colour 'red': a case has no colours" in out


def test_the_one_case_of_a_file_becomes_a_bundle(listed: Path) -> None:
    listed.write_text("LIST\nanna female red\n")

    code, out, err = run_command("build", listed)

    assert 0 == code, err
    assert "anna-patient" in {one["resource"]["id"] for one in json.loads(out)["entry"]}
    assert f"not carried over: {listed}:2:8: the colour 'red': a case has no colours" in err


def test_one_case_is_not_taken_of_several(listed: Path) -> None:
    with pytest.raises(CaseError, match="the file holds several cases"):
        load_case(listed)


def test_a_name_that_two_packages_give_to_readers_is_told(outside: Callable[[str], None], tmp_path: Path) -> None:
    with (tmp_path / "reader_from_outside.py").open("a") as module:
        module.write('\nREADERS = (READER, READER)\nWRONG = "no reader"\n')
    outside("READERS")

    with pytest.raises(MappingError, match="the reader 'list' comes twice"):
        discover_readers()

    outside("WRONG")
    with pytest.raises(MappingError, match="'no reader' is not a Reader"):
        discover_readers()

    outside("ABSENT")
    with pytest.raises(MappingError, match="cannot be imported: AttributeError"):
        discover_readers()


def test_what_no_reader_knows_has_none(tmp_path: Path) -> None:
    (tmp_path / "bundle.json").write_text('{"resourceType": "Bundle"}')

    assert reader_of(tmp_path / "bundle.json") is None
    assert reader_of(tmp_path / "absent.json") is None
    assert reader_of(tmp_path) is None

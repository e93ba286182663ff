"""Where mappings come from, and what happens when they are wrong."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from fhir_case import CaseError, MappingError, build_bundle, load_case
from fhir_case.fhir.wire import dump
from fhir_case.mapping import Room, discover
from fhir_case.mapping import load_case as read_file
from support import CASES, case_source

EXTRA = """
from fhir_case.mapping import Mapping

def flags(case):
    yield {"resourceType": "Flag", "id": "extra", "status": "active", "code": {"text": case.title},
           "subject": {"reference": "Patient/patient"}}

MAPPING = Mapping("flag", flags, "Flag")
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "mine.py"
    file.write_text(text)
    return file


def test_a_mapping_file_adds_its_resources_with_ids_and_references(tmp_path: Path) -> None:
    bundle = build_bundle(load_case(case_source("minimal")), mapping_files=[write(tmp_path, EXTRA)])
    flag = next(one["resource"] for one in bundle["entry"] if one["resource"]["resourceType"] == "Flag")

    assert flag["id"] == "minimal-extra"
    assert flag["subject"] == {"reference": "Patient/minimal-patient"}
    assert flag["identifier"] == [{"system": "urn:fhir-case:minimal", "value": "extra"}]
    assert flag["meta"]["security"][0]["code"] == "HTEST"


def test_the_shipped_mappings_come_from_the_entry_point() -> None:
    found = discover()

    assert "patient" in {one.mapping.name for one in found}
    assert {one.package for one in found} == {"fhir_case_mappings"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("MAPPING = 1", "is not a Mapping"),
        ("x = 1", "has neither MAPPINGS nor MAPPING"),
        ("1/0", "cannot be run: ZeroDivisionError"),
        ("def (", "cannot be run: SyntaxError"),
        ("raise SystemExit(0)", "cannot be run: SystemExit"),
        (EXTRA.replace('"flag"', '"patient"'), "the mapping 'patient' comes twice"),
        (EXTRA.replace('"id": "extra", ', ""), "without resourceType or id"),
        (EXTRA.replace("yield {", "yield 1 or {"), "without resourceType or id"),
        (EXTRA.replace("case.title", "case.nothing"), "failed: AttributeError"),
        (EXTRA.replace('"Flag", "id": "extra"', '"Patient", "id": "patient"'), "Patient 'patient' comes twice"),
        (EXTRA.replace('"code"', '"cod"'), "'cod' is not an element here; did you mean 'code'?"),
        (EXTRA.replace('"Flag", "id"', '"Falg", "id"'), "FHIR R4 has no such resource type"),
        (EXTRA.replace('"extra"', '"x" * 70'), "is not allowed"),
    ],
)
def test_a_wrong_mapping_is_a_mapping_error_that_says_why(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(MappingError) as caught:
        build_bundle(load_case(case_source("minimal")), mapping_files=[write(tmp_path, text)])

    assert message in str(caught.value)


def test_a_mapping_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=r"nowhere\.py: there is no such mapping file"):
        discover([tmp_path / "nowhere.py"])


@pytest.mark.parametrize("name", sorted(folder.name for folder in CASES.iterdir() if folder.is_dir()))
def test_a_case_of_its_own_sections_alone_becomes_the_same_bundle(name: str) -> None:
    case = load_case(case_source(name), only_named=True)

    assert len(discover()) > len(discover(named={section.name for section in case.sections}))
    assert dump(build_bundle(load_case(case_source(name)))) == dump(build_bundle(case))


def test_what_is_wrong_is_said_with_a_view_of_all_sections(tmp_path: Path) -> None:
    file = tmp_path / "case.yaml"
    file.write_text(Path(case_source("minimal")).read_text().replace("procedures:", "procedurs:") + "tumour: {}\n")
    said = []
    for read in (load_case, partial(load_case, only_named=True), partial(read_file, only_named=True)):
        with pytest.raises(CaseError) as caught:
            read(file)
        said.append([str(problem) for problem in caught.value.problems])

    assert said[0] == said[1] == said[2]
    assert any("did you mean 'procedures'?" in one for one in said[0])
    assert any("did you mean 'tumours'?" in one for one in said[0])


def test_build_imports_no_room_of_a_section_that_the_case_has_not(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom fhir_case.cli import main\n"
        "try:\n    main(['build', *sys.argv[1:]])\nexcept SystemExit:\n    pass\n"
        "print(*(name for name in sys.modules if name.startswith('fhir_case_mappings.')))"
    )
    arguments = [case_source("minimal"), "-o", str(tmp_path / "bundle.json")]

    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=120, check=True
    )

    rooms = {name.split(".")[1] for name in done.stdout.splitlines()[-1].split()}
    assert {"patient", "procedure", "document"} <= rooms
    assert {"plan", "medication", "genomics"}.isdisjoint(rooms)


def test_a_room_that_says_other_sections_than_its_mappings_is_refused() -> None:
    with pytest.raises(ValueError, match=r"fhir_case_mappings\.plan has the sections"):
        Room("fhir_case_mappings.plan", ("plan",)).mappings()

"""Where mappings come from, and what happens when they are wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fhir_case import MappingError, build_bundle, load_case
from fhir_case.mapping import discover
from support import case_source

if TYPE_CHECKING:
    from pathlib import Path

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

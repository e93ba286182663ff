"""A case as a document: one Composition, every resource in one section."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from fhir_case import build_bundle, load_case, upload, validate, verify
from fhir_case.case.shipped import shipped_case_names
from smallserver import SmallServer
from support import SHIPPED, resources

if TYPE_CHECKING:
    from pathlib import Path

    from fhir_case.fhir.models import FhirVersion

SECTIONS = [
    "History",
    "Findings",
    "Imaging",
    "Diagnosis and stage",
    "Treatment",
    "Course",
    "Source, people and places",
]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return build_bundle(load_case(SHIPPED), type="document")


def composition(bundle: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = bundle["entry"][0]["resource"]
    assert "Composition" == found["resourceType"]
    return found


def test_a_document_has_what_makes_it_one(document: dict[str, Any]) -> None:
    assert ("document", f"{SHIPPED}-document") == (document["type"], document["id"])
    assert {"system": f"urn:fhir-case:{SHIPPED}", "value": "document"} == document["identifier"]
    assert (
        load_case(SHIPPED).report.transcribed.isoformat() == document["timestamp"][:10] == composition(document)["date"]
    )
    assert f"Patient/{SHIPPED}-patient" == composition(document)["subject"]["reference"]


@pytest.mark.parametrize("name", shipped_case_names())
@pytest.mark.parametrize("fhir", ["R4", "R5"])
def test_every_resource_is_in_one_section_and_the_document_is_valid(name: str, fhir: FhirVersion) -> None:
    bundle = build_bundle(load_case(name), type="document", fhir=fhir)
    named = [entry["reference"] for section in composition(bundle)["section"] for entry in section["entry"]]
    by_itself = {f"Patient/{name}-patient", f"Composition/{name}-composition", f"Device/{name}-software"}

    assert sorted(resources(bundle).keys() - by_itself - {f"Provenance/{name}-provenance"}) == sorted(named)
    assert [title for title in SECTIONS if title in {one["title"] for one in composition(bundle)["section"]}] == [
        one["title"] for one in composition(bundle)["section"]
    ]
    result = validate(bundle, fhir=fhir, closed=True)
    assert [] == [str(issue) for issue in result.issues if issue.severity != "information"]
    assert not [run.name for run in result.checks if "loinc.org" in str(run)]


def test_sections_hold_what_a_reader_of_a_report_looks_for_there(document: dict[str, Any]) -> None:
    held = {one["title"]: [each["reference"] for each in one["entry"]] for one in composition(document)["section"]}
    expected = {
        "alcohol": "History",
        "hemoglobin": "Findings",
        "liver-mass-size": "Imaging",
        "hcc": "Diagnosis and stage",
        "sorafenib-twice-daily": "Treatment",
        "tare": "Treatment",
        "hand-foot-skin-reaction": "Course",
        "response-3-months": "Course",
        "report": "Source, people and places",
    }
    where = {name.partition(f"/{SHIPPED}-")[2]: title for title, names in held.items() for name in names}
    assert expected == {key: where[key] for key in expected}
    days = [resources(document)[name].get("effectiveDateTime", "") for name in held["Findings"]]
    assert sorted(days) == days


def test_the_text_of_a_section_is_that_of_its_resources(document: dict[str, Any]) -> None:
    for section in composition(document)["section"]:
        for entry in section["entry"]:
            text = re.sub(r"^<div[^>]*>|</div>$", "", resources(document)[entry["reference"]]["text"]["div"])
            assert text in section["text"]["div"]


def test_without_narratives_nothing_else_is_missing(document: dict[str, Any]) -> None:
    bundle = build_bundle(load_case(SHIPPED), type="document", narratives=False)

    assert not [name for name, one in resources(bundle).items() if "text" in one]
    assert not [one["title"] for one in composition(bundle)["section"] if "text" in one]
    assert [entry["fullUrl"] for entry in document["entry"]] == [entry["fullUrl"] for entry in bundle["entry"]]
    assert {"dom-6"} == {one.check for one in validate(bundle, closed=True).issues if one.severity != "information"}


def test_a_document_is_loaded_and_is_there_as_sent(
    document: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with SmallServer.like() as server:
        assert len(document["entry"]) == len(upload(document, server.url).entries)
        assert verify(document, server.url).ok
        stored = server.resources[f"Composition/{SHIPPED}-composition"]
        assert composition(document)["section"] == stored["section"]

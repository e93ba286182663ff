"""The encounter and the performer that any event can name, whatever it becomes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from fhir_case import build_bundle, validate
from fhir_case.errors import CaseError
from fhir_case.fhir.wire import dump
from fhir_case.mapping import discover, read_case
from support import resources

CASES = Path(__file__).parent / "cases"
SECTIONS = {
    section.name: section
    for found in discover()
    for section in found.mapping.sections
    if "encounter" in section.model.model_fields and section.name != "encounters"
}
FOLDERS = {section.name: found.mapping.name for found in discover() for section in found.mapping.sections}
WHO_AND_WHERE = {
    "encounters": [{"key": "the-stay", "kind": "hospital-stay", "at": "anchor", "source": "page 9"}],
    "organizations": [{"key": "the-hospital", "name": "Tertiary hospital", "source": "page 9"}],
    "people": [{"key": "the-doctor", "role": "doctor", "source": "page 9"}],
}
ENCOUNTER = {"AdverseEvent", "CarePlan", "Condition", "DiagnosticReport", "ImagingStudy", "Immunization"} | {
    "MedicationAdministration", "MedicationRequest", "MedicationStatement", "Observation", "Procedure",
    "QuestionnaireResponse",
}  # fmt: skip
NO_ENCOUNTER = {"BodyStructure", "Patient", "Specimen", "FamilyMemberHistory"}
PERFORMER = {"DiagnosticReport", "Immunization", "MedicationAdministration", "Observation", "Procedure"}
NO_PERFORMER = (ENCOUNTER | NO_ENCOUNTER) - PERFORMER


def full_case(section: str, **fields: str) -> Any:
    """Return the full case of a section with further fields in its first entry."""
    file = CASES / FOLDERS[section].replace("-", "_") / "full.yaml"
    written = YAML(typ="safe").load(file)
    written[section][0] |= fields
    return read_case(dump(written | WHO_AND_WHERE))


def main_resource(section: str, fhir: Any, **fields: str) -> tuple[dict[str, Any], Any]:
    case = full_case(section, **fields)
    bundle = build_bundle(case, fhir=fhir)
    key = getattr(case, section)[0].key
    return resources(bundle)[f"{SECTIONS[section].resource}/{case.case}-{key}"], bundle


def test_of_each_event_it_is_known_whether_it_names_an_encounter_and_a_performer() -> None:
    assert {section.resource for section in SECTIONS.values()} <= ENCOUNTER | NO_ENCOUNTER
    assert {section.resource for section in SECTIONS.values()} <= PERFORMER | NO_PERFORMER


@pytest.mark.parametrize("section", [name for name, one in SECTIONS.items() if one.resource in ENCOUNTER])
@pytest.mark.parametrize("fhir", ["R4", "R5"])
def test_what_an_event_becomes_names_its_encounter(section: str, fhir: Any) -> None:
    made, bundle = main_resource(section, fhir, encounter="the-stay")
    name = "context" if "context" in made else "encounter"

    assert made[name]["reference"].endswith("-the-stay")
    assert [] == [str(one) for one in validate(bundle, fhir=fhir, closed=True).issues if one.severity != "information"]


@pytest.mark.parametrize("section", [name for name, one in SECTIONS.items() if one.resource in PERFORMER])
@pytest.mark.parametrize("who", ["the-hospital", "the-doctor", "A department, by its name"])
def test_what_an_event_becomes_names_its_performer(section: str, who: str) -> None:
    if SECTIONS[section].resource == "MedicationAdministration" and who == "the-hospital":
        return  # people administer, as the next test says
    made, _ = main_resource(section, "R4", performer=who)
    (performer,) = made["performer"]
    named = performer.get("actor", performer)

    assert named.get("reference", "").endswith(f"-{who}") or named["display"] in {who, "Tertiary hospital"}


@pytest.mark.parametrize(
    ("section", "field", "said"),
    [
        ("adverse_events", {"performer": "the-doctor"}, "which names no performer in FHIR"),
        ("laboratory", {"performer": "the-docter"}, "no entry of people or organizations has the key 'the-docter'"),
        ("laboratory", {"encounter": "the-doctor"}, "'the-doctor' is an entry of people"),
        ("laboratory", {"encounter": "A stay"}, "is not a key"),
    ],
)
def test_who_or_what_cannot_be_named_is_told_with_its_line(section: str, field: dict[str, str], said: str) -> None:
    with pytest.raises(CaseError) as raised:
        build_bundle(full_case(section, **field))

    (problem,) = raised.value.problems
    assert said in problem.message
    assert problem.where.startswith("case.yaml:")


def test_who_made_images_without_a_report_is_told_in_a_note() -> None:
    case = full_case("imaging", performer="the-hospital")
    bundle = resources(
        build_bundle(case.model_copy(update={"imaging": (case.imaging[0].model_copy(update={"conclusion": None}),)}))
    )

    notes = bundle["ImagingStudy/imaging-full-pet"]["note"]
    assert "Performed by: Tertiary hospital." == notes[-1]["text"]


def test_an_encounter_names_what_it_is_part_of_and_no_other_encounter() -> None:
    written = YAML(typ="safe").load(CASES / "encounter" / "full.yaml")
    for entry in written["encounters"]:
        entry["encounter"] = "stay"
    with pytest.raises(CaseError) as raised:
        build_bundle(read_case(dump(written)))

    assert 2 == len(raised.value.problems)
    assert "an entry of encounters becomes a resource of type Encounter" in raised.value.problems[0].message

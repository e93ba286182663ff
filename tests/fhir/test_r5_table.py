"""The table of the conversion to R5, held against the definitions of both releases."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from definitions import Definitions, Samples
from fhir_case import validate
from fhir_case.fhir.models import model_findings
from fhir_case.fhir.r5 import to_r5
from fhir_case.fhir.r5.table import Section, alike, sections, systems
from support import leaves

if TYPE_CHECKING:
    from fhir_case.fhir.wire import Resource

# What R5 only has is made here, and "Extension" lists values, not elements.
SECTIONS = sorted(sections().keys() - {"DeviceAssociation", "Extension"})
DATA_TYPES = {"Attachment", "Dosage", "RelatedArtifact", "SampledData"}
RESOURCES = [name for name in SECTIONS if "." not in name and name not in DATA_TYPES]
ROOT = Path(__file__).resolve().parents[2]
CLINICAL = [
    "AllergyIntolerance",
    "Appointment",
    "CarePlan",
    "CareTeam",
    "ClinicalImpression",
    "Communication",
    "CommunicationRequest",
    "Coverage",
    "DetectedIssue",
    "DeviceRequest",
    "EpisodeOfCare",
    "FamilyMemberHistory",
    "Goal",
    "Group",
    "Immunization",
    "ImmunizationEvaluation",
    "ImmunizationRecommendation",
    "List",
    "Location",
    "Medication",
    "MedicationDispense",
    "MedicationRequest",
    "NutritionOrder",
    "Organization",
    "Person",
    "Practitioner",
    "PractitionerRole",
    "RelatedPerson",
    "ResearchSubject",
    "RiskAssessment",
    "Schedule",
    "ServiceRequest",
    "Slot",
    "Specimen",
    "Substance",
    "SupplyDelivery",
    "Task",
    "VisionPrescription",
]
TURNS = range(11)  # an Observation has a value of eleven types


@pytest.fixture(scope="session")
def r4(fhir_packages: dict[str, Path]) -> Definitions:
    return Definitions(fhir_packages["hl7.fhir.r4.core"])


@pytest.fixture(scope="session")
def r5(fhir_packages: dict[str, Path]) -> Definitions:
    return Definitions(fhir_packages["hl7.fhir.r5.core"])


def plain(name: str) -> str:
    return name.removesuffix("[x]")


@pytest.mark.parametrize("name", SECTIONS)
def test_every_element_of_r4_is_in_the_table_and_nothing_else(name: str, r4: Definitions) -> None:
    choices = {path: element for path, element in r4.elements(name).items() if path.endswith("[x]")}
    known = set(sections()[name].elements)
    for path, element in choices.items():  # each of its types may have a place of its own
        each = {plain(path) + kind[0].upper() + kind[1:] for kind in element.types}
        if each <= known:
            known = (known - each) | {path}

    assert r4.elements(name).keys() == known


def r5_element(r5: Definitions, name: str, place: str) -> Any:
    """Follow a place such as ``reason[].concept`` through the definitions of R5."""
    within, found = name, None
    for step in re.sub(r"\[\d?\]", "", place).split("."):
        elements = r5.elements(within)
        choice = next((path for path in elements if path.endswith("[x]") and step.startswith(plain(path))), "")
        found = elements.get(step) or elements[choice]
        part = found.types and found.types[0] in {"BackboneElement", "Element"}
        within = f"{within}.{step}" if part else found.same_as or (found.types[0] if found.types else "")
    return found


def r5_name(name: str) -> str:
    """Return the path in R5 of a part of R4."""
    kind, *steps = name.split(".")
    path = kind
    for step in steps:
        moved = sections()[path].target(step) if path in sections() else step
        path = f"{path}.{re.sub(r'[^a-zA-Z]', '', moved or step)}"
    return path


MOVED = [
    (section.name, element, target)
    for section in sections().values()
    if section.name in SECTIONS
    for element, target in section.targets.items()
]


def level(section: Section) -> str:
    """Return the level that the targets of a section count from: for a flattened part, that above it."""
    above, _, last = section.name.rpartition(".")
    return r5_name(above if above and last in sections()[above].flat else section.name)


@pytest.mark.parametrize(("name", "element", "target"), MOVED, ids=[f"{name}.{element}" for name, element, _ in MOVED])
def test_what_was_allowed_in_r4_is_allowed_at_its_place_in_r5(
    name: str, element: str, target: str, r4: Definitions, r5: Definitions
) -> None:
    before = r4.elements(name).get(element)
    if before is None:  # one type of several
        before = next(one for path, one in r4.elements(name).items() if element.startswith(plain(path)))
    after = r5_element(r5, level(sections()[name]), target)
    section = sections()[name]
    lost = before.targets - section.not_to.get(element, frozenset())

    assert not after.targets or "Resource" in after.targets or lost <= after.targets
    assert section.not_to.get(element, frozenset()).isdisjoint(after.targets)
    if before.value_set and after.value_set:
        written = r4.codes(before.value_set) or frozenset()
        codes = section.codes.get(element, {code: code for code in written})
        assert codes.keys() <= written
        assert frozenset(codes.values()) <= (r5.codes(after.value_set) or frozenset(codes.values()))


@pytest.mark.parametrize(
    ("name", "element", "left"),
    [("Device.deviceName", "type", {"model-name", "other"}), ("Provenance.entity", "role", set())],
)
def test_codes_that_r5_cannot_say_are_few_and_known(name: str, element: str, left: set[str], r4: Definitions) -> None:
    codes = r4.codes(r4.elements(name)[element].value_set) or frozenset()

    assert left == codes - sections()[name].codes[element].keys()


REFUSED = {f"{section.name}.{name}" for section in sections().values() for name in section.refused}
LOST = {f"{section.name}.{name}": types for section in sections().values() for name, types in section.not_to.items()}
# R5 has one of these where R4 has a list.
ALONE = {"AdverseEvent.suspectEntity.causality", "MedicationStatement.statusReason"}
# The codes of the samples that R5 writes otherwise.
WRITTEN_OTHERWISE = {"Device": {"manufacturer-name"}, "Encounter": {"arrived"}, "Provenance": {"derivation"}}


def wrong_in_r5(resource: Resource) -> list[str]:
    issues = validate(resource, fhir="R5", code_tables={}).issues
    return [str(one) for one in issues if one.check in {"structure", "strict"} and one.severity != "information"]


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("kind", RESOURCES)
def test_a_resource_with_every_element_is_right_in_r5_and_loses_no_value(kind: str, turn: int, r4: Definitions) -> None:
    samples = Samples(r4, whole=DATA_TYPES)
    sample = samples.resource(kind, turn=turn, without=REFUSED, alone=ALONE, lost=LOST)
    converted = to_r5(sample)

    assert [] == list(model_findings(sample))
    assert [] == wrong_in_r5(converted)
    assert WRITTEN_OTHERWISE.get(kind, set()) == set(leaves(sample)) - set(leaves(converted))


@pytest.mark.parametrize("kind", RESOURCES)
def test_a_resource_with_the_least_that_r4_requires_is_right_in_r5(kind: str, r4: Definitions) -> None:
    sample = Samples(r4).resource(kind, least=True)

    assert [] == list(model_findings(sample))
    assert [] == wrong_in_r5(to_r5(sample))


# Their only elements are refused, so that nothing would be left of them.
EMPTY = {"Communication.payload", "CommunicationRequest.payload", "EpisodeOfCare.diagnosis"}


@pytest.mark.parametrize("kind", CLINICAL)
def test_what_both_releases_have_alike_is_right_in_r5_and_loses_no_value(kind: str, r4: Definitions) -> None:
    refused, alone, lost = set(EMPTY), set(ALONE), dict(LOST)
    for section in alike().values():
        refused |= {f"{section.name}.{name}" for name in (*section.refused, *section.codes)}
        alone |= {f"{section.name}.{name}" for name, target in section.targets.items() if target.endswith("[0]")}
        lost |= {f"{section.name}.{name}": types for name, types in section.not_to.items()}
    sample = Samples(r4, whole=DATA_TYPES).resource(kind, without=REFUSED | refused, alone=alone, lost=lost)
    converted = to_r5(sample)

    assert [] == [one for one in wrong_in_r5(converted) if "required" not in one]
    assert set() == set(leaves(sample)) - set(leaves(converted))


def test_the_script_writes_what_is_alike_byte_for_byte() -> None:
    file = ROOT / "fhir_case" / "fhir" / "r5" / "alike.json"
    before = file.read_bytes()

    subprocess.run([sys.executable, str(ROOT / "scripts" / "make-r5-alike")], check=True, timeout=120)

    assert before == file.read_bytes()


def test_values_of_extensions_are_known_in_both_releases(r4: Definitions, r5: Definitions) -> None:
    before, after = (set(one.elements("Extension")["value[x]"].types) for one in (r4, r5))

    assert {"Contributor"} == before - after
    assert "valueContributor" in sections()["Extension"].refused


def test_every_data_type_of_another_form_has_a_section_or_is_refused(r4: Definitions, r5: Definitions) -> None:
    extension = sections()["Extension"]
    special = {name.removeprefix("value") for name in [*extension.typed, *extension.refused]}
    for kind in set(r4.elements("Extension")["value[x]"].types) - special:
        before, after = r4.elements(kind), r5.elements(kind)
        assert before.keys() <= after.keys(), kind
        assert [kind, *(one.many for one in before.values())] == [kind, *(after[path].many for path in before)]


def test_code_systems_that_moved_are_those_of_types(r4: Definitions, r5: Definitions) -> None:
    for old, new in systems().items():
        assert r4.codes_of_system(old)
        assert r5.codes_of_system(old) is None
        assert r5.codes_of_system(new)

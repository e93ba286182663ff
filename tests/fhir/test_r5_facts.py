"""R4 and R5 say the same: fact by fact, and value by value."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from facts import R4, R5, facts
from fhir_case import build_bundle, load_case
from fhir_case.case.shipped import shipped_case_names
from support import case_source, leaves, resources

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.fhir.wire import Resource

NAMES = ["minimal", "colon-cancer-open-codes", *shipped_case_names()]


@pytest.mark.parametrize("name", NAMES)
def test_r4_and_r5_tell_the_same_facts(name: str) -> None:
    case = load_case(case_source(name))
    bundle = build_bundle(case)
    r4, r5 = facts(bundle, R4), facts(build_bundle(case, fhir="R5"), R5)

    assert set() == r4 - r5
    assert set() == r5 - r4
    assert resources(bundle).keys() == {resource for resource, _, _ in r4}


def test_the_facts_of_the_shipped_cases_are_many_and_of_every_kind() -> None:
    found = {fact for name in shipped_case_names() for fact in facts(build_bundle(load_case(name), fhir="R5"), R5)}
    told = {(resource.partition("/")[0], fact) for resource, fact, _ in found}
    # Those of every reader, but for what these patients do not have.
    known = {(kind, fact) for kind, reader in R5.items() for fact in reader}

    assert 3000 < len(found)
    assert {("AdverseEvent", "code"), ("Condition", "onsetString"), ("Patient", "birthDate")} == known - told


def values(resource: Resource) -> Counter[str]:
    """Count every value of a resource, its profiles left out."""
    return Counter(leaves({**resource, "meta": {**resource["meta"], "profile": []}}))


# For each type, which values R4 has and R5 has not, and the other way round.
GONE = {
    "AdverseEvent": "http://hl7.org/fhir/5.0/StructureDefinition/extension-AdverseEvent.mitigatingAction|item",
    "BodyStructure": "http://hl7.org/fhir/resource-types",
    "Device": "Patient/.*",
    "Encounter": "finished",
}
ADDED = {
    "AdverseEvent": "unknown|http://hl7.org/fhir/4.0/StructureDefinition/extension-AdverseEvent.severity",
    "BodyStructure": "http://hl7.org/fhir/fhir-types",
    "Condition": "http://terminology.hl7.org/CodeSystem/condition-clinical|Unknown|unknown",
    "Encounter": "completed",
    "MedicationStatement": "recorded|http://hl7.org/fhir/CodeSystem/medication-statement-adherence"
    "|taking|Taking|stopped|Stopped|unknown|Unknown|http://hl7.org/fhir/StructureDefinition/event-basedOn",
    "Procedure": "BodyStructure|urn:fhir-case:.*|tare-s4|tare-s5|tare-s5-s8|pbt-s4|pbt-p4|liver-volume",
    "Provenance": "DeviceAssociation/.*",
}
# The elements that relative times count from, in any resource.
NAMED_IN_R4 = "performedDateTime|performedPeriod.start|date|period.start"
NAMED_IN_R5 = "occurrenceDateTime|occurrencePeriod.start|actualPeriod.start"


def differences(name: str) -> Iterator[tuple[str, set[str], set[str]]]:
    """Return for each resource of R4 its type, the values that it has oftener than R5, and those of R5."""
    case = load_case(case_source(name))
    r4, r5 = resources(build_bundle(case)), resources(build_bundle(case, fhir="R5"))
    for place, resource in r4.items():
        before, after = values(resource), values(r5[place])
        gone = {value for value in before - after if not re.fullmatch(NAMED_IN_R4, value)}
        added = {value for value in after - before if not re.fullmatch(NAMED_IN_R5, value)}
        yield resource["resourceType"], gone, added


@pytest.mark.parametrize("name", NAMES)
def test_every_value_of_r4_is_in_r5_and_no_other_but_for_what_is_listed(name: str) -> None:
    for kind, gone, added in differences(name):
        assert [] == [value for value in gone if not re.fullmatch(GONE.get(kind, "(?!)"), value)]
        assert [] == [value for value in added if not re.fullmatch(ADDED.get(kind, "(?!)"), value)]


def test_each_listed_difference_is_there_in_a_shipped_case() -> None:
    found = [each for name in shipped_case_names() for each in differences(name)]

    assert set(GONE) == {kind for kind, gone, _ in found if gone}
    assert set(ADDED) == {kind for kind, _, added in found if added}

"""The rule about vital signs, held against what the HL7 validation engine 6.10.4 says of the same Observations."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_case import validate
from fhir_case.fhir.systems import LOINC, OBSERVATION_CATEGORY, UCUM

VITAL = [{"coding": [{"system": OBSERVATION_CATEGORY, "code": "vital-signs"}]}]
EXAM = [{"coding": [{"system": OBSERVATION_CATEGORY, "code": "exam"}]}]
UNKNOWN = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "unknown"}]}


def code(*codes: str) -> dict[str, Any]:
    return {"coding": [{"system": LOINC, "code": one} for one in codes]}


def amount(ucum: str, **changes: object) -> dict[str, Any]:
    whole = {"value": 37, "unit": ucum, "system": UCUM, "code": ucum} | changes
    return {name: value for name, value in whole.items() if value is not None}


def component(loinc: str, unit: str | None = "mm[Hg]") -> dict[str, Any]:
    return {"code": code(loinc), **({"valueQuantity": amount(unit)} if unit else {"dataAbsentReason": UNKNOWN})}


def found(**changes: object) -> list[str]:
    """Return the elements that the rule finds something wrong with in a body temperature that is changed."""
    right: dict[str, Any] = {
        "resourceType": "Observation",
        "id": "o",
        "status": "final",
        "category": VITAL,
        "code": code("8310-5"),
        "subject": {"reference": "Patient/p"},
        "effectiveDateTime": "2020-03-01",
        "valueQuantity": amount("Cel"),
    }
    document = {name: value for name, value in (right | changes).items() if value is not None}
    issues = [one for one in validate(document).issues if one.check == "vital-signs"]
    assert all(one.severity == "error" for one in issues)
    return [one.expression.removeprefix("Observation.") for one in issues]


def test_a_right_vital_sign_has_no_finding() -> None:
    assert [] == found()


@pytest.mark.parametrize(
    ("changes", "elements"),
    [
        ({"category": EXAM}, ["category"]),
        ({"category": None}, ["category"]),
        ({"category": [*EXAM, *VITAL]}, []),
        ({"code": code("8331-1")}, ["code"]),
        ({"code": code("8331-1", "8310-5")}, []),
        ({"code": code("59408-5"), "valueQuantity": amount("%")}, ["code"]),
        ({"code": code("2708-6", "59408-5"), "valueQuantity": amount("%")}, []),
        ({"code": code("1975-2"), "category": EXAM}, []),
        ({"code": code("8478-0"), "category": EXAM}, []),
        ({"subject": None}, ["subject"]),
        ({"effectiveDateTime": None}, ["effective"]),
        ({"effectiveDateTime": "2020-03"}, ["effectiveDateTime"]),
        ({"effectiveDateTime": None, "effectivePeriod": {"start": "2020-03"}}, []),
        ({"valueQuantity": amount("K")}, ["valueQuantity.code"]),
        ({"valueQuantity": amount("[degF]")}, []),
        ({"valueQuantity": amount("Cel", unit=None)}, ["valueQuantity.unit"]),
        ({"valueQuantity": amount("Cel", system=None, code=None)}, ["valueQuantity.system"]),
        ({"valueQuantity": None}, ["value"]),
        ({"valueQuantity": None, "dataAbsentReason": UNKNOWN}, []),
        ({"valueQuantity": None, "valueString": "warm"}, ["valueString"]),
        ({"valueQuantity": None, "valueCodeableConcept": {"text": "normal"}}, ["valueCodeableConcept"]),
        ({"code": code("8302-2"), "valueQuantity": amount("m")}, ["valueQuantity.code"]),
        ({"code": code("29463-7"), "valueQuantity": amount("kg")}, []),
        ({"code": code("85353-1")}, ["valueQuantity", "hasMember"]),
        ({"code": code("85354-9")}, ["valueQuantity", "component", "component"]),
        ({"code": code("8480-6")}, ["code", "valueQuantity", "component", "component"]),
    ],
)
def test_the_rule_finds_what_the_engine_finds(changes: dict[str, Any], elements: list[str]) -> None:
    assert elements == found(**changes)


@pytest.mark.parametrize(
    ("components", "elements"),
    [
        ([component("8480-6"), component("8462-4")], []),
        ([component("8480-6"), component("8462-4", None)], []),
        ([component("8480-6"), component("8462-4"), component("8478-0")], []),
        ([component("8480-6")], ["component"]),
        ([component("8480-6"), component("8480-6"), component("8462-4")], ["component"]),
        ([component("8480-6", "kPa"), component("8462-4")], ["component[0].valueQuantity.code"]),
    ],
)
def test_a_blood_pressure_has_both_pressures_in_its_unit(components: list[Any], elements: list[str]) -> None:
    assert elements == found(code=code("85354-9"), valueQuantity=None, component=components)


@pytest.mark.parametrize("release", ["R4", "R5"])
def test_the_rule_holds_in_both_releases(release: Any) -> None:
    document = {
        "resourceType": "Observation",
        "status": "final",
        "code": code("8867-4"),
        "valueQuantity": amount("/min"),
    }
    found_in = {one.expression for one in validate(document, fhir=release).issues if one.check == "vital-signs"}

    assert {"Observation.category", "Observation.subject", "Observation.effective"} == found_in

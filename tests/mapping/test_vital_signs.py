"""Vital signs, in whatever section of a case they stand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fhir_case import build_bundle, validate
from fhir_case.errors import CaseError
from fhir_case.fhir.systems import US_CORE
from fhir_case.mapping import read_case
from support import ROOT, resources

HEAD = """\
case: made-up
title: Made up
report: {citation: Made up., transcribed: 2026-11-28}
timeline: {anchor: a, index_date: 2020-03-01}
patient: {sex: female, age: 60 a, at: anchor, source: s}
procedures:
  - {key: a, procedure: {text: biopsy}, at: anchor, source: s}
"""


def finding(code: str, value: str, at: str = "anchor", section: str = "findings") -> Any:
    """Return the Observation of a finding with a LOINC code, and what is found wrong with its Bundle."""
    coded = f'{{text: A sign, code: {{system: "http://loinc.org", code: "{code}"}}}}'
    named = f"finding: {coded}, category: exam" if section == "findings" else f"test: {coded}"
    entry = f"{section}:\n  - {{key: t, {named}, value: {value}, at: {at}, source: s}}\n"
    bundle = build_bundle(read_case(HEAD + entry))
    errors = [str(one) for one in validate(bundle, closed=True).issues if one.severity == "error"]
    return resources(bundle)["Observation/made-up-t"], errors


@pytest.mark.parametrize("section", ["findings", "laboratory"])
@pytest.mark.parametrize(
    ("code", "value", "profile", "number", "unit"),
    [
        ("8310-5", "{value: 37.4, unit: °C, ucum: Cel}", "body-temperature", Decimal("37.4"), "Cel"),
        ("8331-1", "{value: 37.4, unit: °C, ucum: Cel}", "body-temperature", Decimal("37.4"), "Cel"),
        ("8867-4", "{value: 120, unit: /min, ucum: /min}", "heart-rate", 120, "/min"),
        ("8867-4", "120", "heart-rate", 120, "/min"),
        ("9279-1", "{value: 24, unit: /min, ucum: /min}", "respiratory-rate", 24, "/min"),
        ("59408-5", "93 %", "pulse-oximetry", 93, "%"),
        ("2708-6", "93 %", "vital-signs", 93, "%"),
        ("8302-2", "{value: 1.72, unit: m, ucum: m}", "body-height", 172, "cm"),
        ("8302-2", "172 cm", "body-height", 172, "cm"),
        ("9843-4", "355 mm", "head-circumference", Decimal("35.5"), "cm"),
        ("29463-7", "{value: 70.50, unit: kg, ucum: kg}", "body-weight", Decimal("70.50"), "kg"),
        ("39156-5", "{value: 23.8, unit: kg/m², ucum: kg/m2}", "bmi", Decimal("23.8"), "kg/m2"),
    ],
)
def test_what_has_the_code_of_a_vital_sign_is_one(
    section: str, code: str, value: str, profile: str, number: object, unit: str
) -> None:
    made, errors = finding(code, value, section=section)

    assert [] == errors
    assert [f"{US_CORE}us-core-{profile}"] == made["meta"]["profile"]
    assert ["vital-signs"] == [one["coding"][0]["code"] for one in made["category"]]
    assert (number, unit) == (made["valueQuantity"]["value"], made["valueQuantity"]["code"])
    assert code in {one["code"] for one in made["code"]["coding"]}


@pytest.mark.parametrize(
    ("code", "value", "told", "number"),
    [
        ("8480-6", "{value: 62, unit: mmHg, ucum: 'mm[Hg]'}", "8480-6", 62),
        ("8462-4", "{value: 52, unit: mmHg, ucum: 'mm[Hg]'}", "8462-4", 52),
        ("8480-6", "{value: 16, unit: kPa, ucum: kPa}", "8480-6", 120),
    ],
)
def test_one_pressure_is_a_component_of_a_blood_pressure_and_the_other_is_unknown(
    code: str, value: str, told: str, number: int
) -> None:
    made, errors = finding(code, value)
    components = {one["code"]["coding"][0]["code"]: one for one in made["component"]}
    other = ({"8480-6", "8462-4"} - {told}).pop()

    assert [] == errors
    assert [f"{US_CORE}us-core-blood-pressure"] == made["meta"]["profile"]
    assert ["85354-9"] == [one["code"] for one in made["code"]["coding"]]
    assert (number, "mm[Hg]") == (
        components[told]["valueQuantity"]["value"],
        components[told]["valueQuantity"]["code"],
    )
    assert "dataAbsentReason" in components[other]
    assert "valueQuantity" not in made


@pytest.mark.parametrize(
    ("code", "value", "observed"),
    [
        ("8310-5", "{text: afebrile}", ["386725007"]),
        ("8310-5", "normal", ["386725007"]),
        ("8310-5", "39-40 °C", ["386725007"]),
        ("8310-5", "{value: 310, unit: K, ucum: K}", ["386725007"]),
        ("8310-5", "37", ["386725007"]),
        ("85354-9", "{text: 62/52 mmHg}", ["75367002"]),
        ("8480-6", "{text: not measurable}", ["271649006"]),
        ("8302-2", "{text: tall}", []),
    ],
)
def test_what_the_profile_has_no_place_for_has_no_code_that_asks_for_it(
    code: str, value: str, observed: list[str]
) -> None:
    made, errors = finding(code, value)

    assert [] == errors
    assert "A sign" == made["code"]["text"]
    assert observed == [one["code"] for one in made["code"].get("coding", [])]
    assert [f"{US_CORE}us-core-simple-observation"] == made["meta"]["profile"]


@pytest.mark.parametrize("date", ["2017-03", "2017"])
def test_a_vital_sign_of_a_month_or_a_year_has_no_code_that_asks_for_a_day(date: str) -> None:
    made, errors = finding("8867-4", "120", at=date)

    assert [] == errors
    assert date == made["effectiveDateTime"]
    assert ["364075005"] == [one["code"] for one in made["code"]["coding"]]


def test_what_was_converted_says_what_was_printed() -> None:
    made, _ = finding("8302-2", "{value: 1.72, unit: m, ucum: m}")

    assert ["Printed as 1.72 m; converted to the unit of the profile."] == [one["text"] for one in made["note"]]


def sign(written: str) -> dict[str, Any]:
    """Return the Observation of an entry of the section of vital signs."""
    entry = f"vital_signs:\n  - {{key: t, {written}, at: anchor, source: s}}\n"
    bundle = build_bundle(read_case(HEAD + entry))
    assert [] == [str(one) for one in validate(bundle, closed=True).issues if one.severity == "error"]
    return resources(bundle)["Observation/made-up-t"]


@pytest.mark.parametrize(
    ("value", "pressures", "notes"),
    [
        ("62/52 mmHg", [62, 52], []),
        ("120 / 80 mm Hg", [120, 80], []),
        ("16/10.5 kPa", [120, 79], ["Printed as 16/10.5 kPa; converted to the unit of the profile."]),
        ("{systolic: 62 mmHg, diastolic: 52 mmHg}", [62, 52], []),
    ],
)
def test_a_blood_pressure_is_two_components_in_mmhg(value: str, pressures: list[int], notes: list[str]) -> None:
    made = sign(f"sign: blood-pressure, value: {value}")
    quantities = [one["valueQuantity"] for one in made["component"]]

    assert pressures == [one["value"] for one in quantities]
    assert {"mm[Hg]"} == {one["code"] for one in quantities}
    assert notes == [one["text"] for one in made.get("note", [])]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("sign: blood-pressure, value: 62 mmHg", "a blood pressure is two numbers and their unit"),
        ("sign: blood-pressure, value: 52/62 mmHg", "the systolic pressure is written before the diastolic one"),
        ("sign: blood-pressure, value: 62/52", "is not a blood pressure with its unit"),
        ("sign: heart-rate, value: 62/52 mmHg", "two pressures are the value of the sign blood-pressure"),
        ("sign: heart-rate, value: -3", "a measured amount is not negative"),
        ("sign: heart-rate, value: 37 °C", "the unit '°C' does not fit heart-rate"),
        ("sign: body-temperature, value: 37", "the unit '' does not fit body-temperature"),
        ("sign: pulse-wave, value: 70", "'pulse-wave' is not a known short name of vital_signs"),
        ("sign: heart-rate, value: 70, oxygen_flow: 2 L/min", "belongs to an oxygen-saturation"),
        ("sign: oxygen-saturation, value: 93 %, oxygen_flow: 2 L", "this is a number of L/min"),
        ("sign: heart-rate", "'value' is missing"),
    ],
)
def test_a_wrong_vital_sign_is_told_with_its_line(written: str, said: str) -> None:
    with pytest.raises(CaseError) as raised:
        sign(written)

    (problem,) = raised.value.problems
    assert said in problem.message
    assert "case.yaml:9:" in problem.where


def test_the_reported_case_has_vital_signs_with_their_profiles() -> None:
    text = (ROOT / "../shared/reports/case/vital-signs.yaml").read_bytes()
    bundle = build_bundle(read_case(text))
    made = resources(bundle)

    assert [] == [str(one) for one in validate(bundle, closed=True).issues if one.severity == "error"]
    assert [f"{US_CORE}us-core-body-temperature"] == made["Observation/vital-signs-t"]["meta"]["profile"]
    assert [f"{US_CORE}us-core-blood-pressure"] == made["Observation/vital-signs-s"]["meta"]["profile"]

"""The life and death of a patient."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_case import build_bundle
from fhir_case.errors import CaseError
from fhir_case.mapping import read_case
from support import resources

CASE = """\
case: made-up
title: Made up
report: {{citation: Made up., transcribed: 2026-11-28}}
timeline: {{anchor: a, index_date: 2020-03-01}}
patient: {{sex: female, {patient}, source: s}}
conditions:
  - {{key: sepsis, kind: comorbidity, diagnosis: {{text: Shock}}, status: active, verification: confirmed, source: s}}
procedures:
  - {{key: a, procedure: {{text: biopsy}}, at: anchor, source: s}}
"""


def made(patient: str, **options: Any) -> dict[str, Any]:
    return resources(build_bundle(read_case(CASE.format(patient=patient)), **options))


@pytest.mark.parametrize(
    ("written", "element", "value"),
    [
        ("death: {}", "deceasedBoolean", True),
        ("death: {at: +20 mo}", "deceasedDateTime", "2021-11-01"),
        ("death: {at: 2021-10}", "deceasedDateTime", "2021-10"),
        ("alive_at: +12 mo", "deceasedBoolean", False),
        ("alive_at: +12 mo, death: {at: +20 mo}", "deceasedDateTime", "2021-11-01"),
        ("age: 60 a", "deceasedBoolean", None),
    ],
)
@pytest.mark.parametrize("fhir", ["R4", "R5"])
def test_the_patient_is_deceased_as_the_report_says(written: str, element: str, value: object, fhir: str) -> None:
    patient = made(written, fhir=fhir)["Patient/made-up-patient"]

    assert value == patient.get(element)
    assert 1 >= sum(name.startswith("deceased") for name in patient)


def test_the_cause_of_death_is_an_observation_about_the_disease_of_the_case() -> None:
    written = "death: {at: +2 d, cause: {text: Septic shock}, conditions: [sepsis]}"
    cause = made(written)["Observation/made-up-cause-of-death"]

    assert "79378-6" == cause["code"]["coding"][0]["code"]
    assert {"text": "Septic shock"} == cause["valueCodeableConcept"]
    assert [{"reference": "Condition/made-up-sepsis"}] == cause["focus"]
    assert "2020-03-03" == cause["effectiveDateTime"]


def test_who_was_alive_at_the_last_contact_has_the_vital_status_of_that_day() -> None:
    status = made("alive_at: +12 mo")["Observation/made-up-vital-status"]

    assert "438949009" == status["valueCodeableConcept"]["coding"][0]["code"]
    assert "2021-03-01" == status["effectiveDateTime"]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("death: {conditions: [sepsis]}", "these are the cause of death"),
        ("death: {cause: {text: x}, conditions: [a]}", "'a' is an entry of procedures"),
        ("death: {at: 2020-13}", "'2020-13' is not a date of the calendar"),
        ("death: {cause: no-such-disease}", "'no-such-disease' is not a known short name of diagnoses"),
        ("death: true", "death"),
        ("alive_at: tomorrow-or-so", "no entry has the key 'tomorrow-or-so'"),
    ],
)
def test_a_wrong_death_is_told_with_its_line(written: str, said: str) -> None:
    with pytest.raises(CaseError) as raised:
        made(written)

    (problem,) = raised.value.problems
    assert "case.yaml:5:" in str(problem.where)
    assert said in problem.message

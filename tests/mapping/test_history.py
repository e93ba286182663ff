"""Allergies, immunizations, smoking, pregnancies, transfusions, encounters, people: what comes, what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fhir_case import build_bundle
from fhir_case.errors import CaseError
from fhir_case.mapping import read_case
from fhir_case_mappings.transfusion import MAPPING
from support import resources

if TYPE_CHECKING:
    from fhir_case.issues import Issue

HEAD = """\
case: made-up
title: Made up
report: {citation: Made up., transcribed: 2026-11-28}
timeline: {anchor: a, index_date: 2020-03-01}
patient: {sex: female, age: 60 a, at: anchor, source: s}
procedures:
  - {key: a, procedure: {text: biopsy}, at: anchor, source: s}
"""


def made(section: str, written: str, **options: Any) -> dict[str, Any]:
    entry = f"{section}:\n  - {{key: t, {written}, source: s}}\n"
    return resources(build_bundle(read_case(HEAD + entry), **options))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("no-known-allergies", "716186003"),
        ("no-known-drug-allergies", "409137002"),
        ("no-known-food-allergies", "429625007"),
    ],
)
def test_that_no_allergy_is_known_is_a_code_without_a_reaction(name: str, code: str) -> None:
    allergy = made("allergies", f"substance: {name}")["AllergyIntolerance/made-up-t"]

    assert [code] == [one["code"] for one in allergy["code"]["coding"]]
    assert not {"reaction", "category", "type"} & allergy.keys()


def test_a_vaccine_that_was_not_given_says_why() -> None:
    written = "vaccine: zoster-live, status: not-done, reason: medical-precaution, at: a"
    vaccine = made("immunizations", written)["Immunization/made-up-t"]

    assert "not-done" == vaccine["status"]
    assert "MEDPREC" == vaccine["statusReason"]["coding"][0]["code"]


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        ("R4", {"doseNumberPositiveInt": 2, "seriesDosesPositiveInt": 3}),
        ("R5", {"doseNumber": "2", "seriesDoses": "3"}),
    ],
)
def test_the_dose_of_a_series_is_a_number_in_r4_and_a_text_in_r5(release: str, expected: dict[str, object]) -> None:
    vaccine = made("immunizations", "vaccine: hepatitis-b, dose: 2, doses: 3, at: a", fhir=release)

    assert [expected] == vaccine["Immunization/made-up-t"]["protocolApplied"]


def test_the_kind_of_an_allergy_is_a_concept_in_r5() -> None:
    allergy = made("allergies", "substance: eggs, kind: intolerance", fhir="R5")["AllergyIntolerance/made-up-t"]

    assert "intolerance" == allergy["type"]["coding"][0]["code"]


def test_pack_years_are_an_observation_of_their_own() -> None:
    found = made("smoking", "status: former, pack_years: 30, at: a")

    assert "8517006" == found["Observation/made-up-t"]["valueCodeableConcept"]["coding"][0]["code"]
    assert 30 == found["Observation/made-up-t-pack-years"]["valueQuantity"]["value"]


def test_gravidity_and_parity_are_whole_numbers() -> None:
    found = made("pregnancies", "status: pregnant, gravidity: 3, parity: 0, at: a")

    assert 3 == found["Observation/made-up-t-gravidity"]["valueInteger"]
    assert 0 == found["Observation/made-up-t-parity"]["valueInteger"]


def test_the_units_of_a_transfusion_have_no_code_of_enzymes() -> None:
    found = made("transfusions", "product: platelets, amount: 2 units, at: a")
    dose = found["MedicationAdministration/made-up-t-product"]["dosage"]["dose"]

    assert {"value": 2, "unit": "units"} == dose
    assert {"text": "Platelets"} == found["MedicationAdministration/made-up-t-product"]["medicationCodeableConcept"]
    assert [{"reference": "Procedure/made-up-t"}] == found["MedicationAdministration/made-up-t-product"]["partOf"]


def test_the_example_of_a_transfusion_gives_no_warning() -> None:
    (section,) = MAPPING.sections
    told: list[Issue] = []
    build_bundle(read_case(HEAD + section.example.replace("operation", "a").replace("made up", "s")), warn=told.append)

    assert [] == [one.message for one in told if "transfusion" in one.message]


def test_a_stay_has_its_reason_in_r5_too() -> None:
    stay = made("encounters", "kind: emergency-visit, complaints: [{text: fever}], at: a", fhir="R5")

    assert [{"value": [{"concept": {"text": "fever"}}]}] == stay["Encounter/made-up-t"]["reason"]
    assert "EMER" == stay["Encounter/made-up-t"]["class"][0]["coding"][0]["code"]


@pytest.mark.parametrize(
    ("section", "written", "said"),
    [
        ("allergies", "substance: penicilin", "did you mean 'penicillin'?"),
        ("allergies", "substance: no-known-allergies, reactions: [{manifestation: {text: rash}}]", "nothing reacts"),
        ("allergies", "substance: eggs, reactions: [{severity: mild}]", "manifestation"),
        ("allergies", "substance: eggs, kind: allergic", "'allergic' is not one of allergy, intolerance"),
        ("immunizations", "vaccine: influenza, reason: objection, at: a", "write 'status: not-done'"),
        ("immunizations", "vaccine: influenza, dose: 3, doses: 2, at: a", "of this many doses it is one"),
        ("immunizations", "vaccine: influenza, dose: 0, at: a", "0"),
        ("immunizations", "vaccine: influenza", "'at' is missing"),
        ("smoking", "status: once-smoker, at: a", "'once-smoker' is not a known short name of smoking_statuses"),
        ("smoking", "status: former, pack_years: 30 a, at: a", "this is a number of pack-years"),
        ("pregnancies", "status: pregnant, gestational_age: 28 mo, at: a", "this is a number of wk or d"),
        ("pregnancies", "status: pregnant, gravidity: 1, parity: 2, at: a", "more births than pregnancies"),
        ("transfusions", "product: platelets, amount: 0 units, at: a", "an amount is more than nothing"),
        ("transfusions", "product: platelets, reasons: [a], at: a", "'a' is an entry of procedures"),
        ("encounters", "kind: {text: stay}, at: a", "needs 'setting'"),
        ("encounters", "kind: hospital-stay, length: 3 mg, at: a", "a length is a number of"),
        ("encounters", "kind: hospital-stay, part_of: t, at: a", "no part of itself"),
        ("encounters", "kind: hospital-stay, part_of: a, at: a", "'a' is an entry of procedures"),
        ("encounters", "kind: hospital-stay, discharged_to: hom, at: a", "did you mean 'home'?"),
        ("people", "specialties: [medical-oncology]", "'role' is missing"),
        ("organizations", "kinds: [hospitl], name: x", "'hospitl' is not a known short name of organizations"),
        ("places", "name: x, organization: a", "'a' is an entry of procedures"),
    ],
)
def test_a_wrong_entry_is_told_with_its_line(section: str, written: str, said: str) -> None:
    with pytest.raises(CaseError) as raised:
        made(section, written)

    (problem,) = raised.value.problems
    assert said in str(problem)
    assert "case.yaml:9:" in problem.where

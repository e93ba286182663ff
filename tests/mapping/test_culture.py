"""Cultures, organisms and their susceptibilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fhir_case import CaseError, build_bundle
from fhir_case.mapping import read_case

if TYPE_CHECKING:
    from fhir_case.fhir.wire import Resource

HEAD = """\
case: small
title: A small case
report: {citation: made up, transcribed: 2026-01-01}
timeline: {anchor: visit, index_date: 2020-01-31}
patient: {sex: female, source: page 1}
procedures: [{key: visit, procedure: {text: visit}, at: anchor, source: page 1}]
"""


def built(fields: str) -> dict[str, Resource]:
    section = f"cultures: [{{key: c, culture: blood-culture, {fields}, at: anchor, source: page 1}}]"
    bundle = build_bundle(read_case(HEAD + section, file="small.yaml"))
    return {
        f"{one['resource']['resourceType']}/{one['resource']['id'].removeprefix('small-')}": one["resource"]
        for one in bundle["entry"]
    }


def first(concept: Any) -> tuple[str, str]:
    return concept["coding"][0]["code"], concept["coding"][0]["display"]


def led_to(references: Any) -> list[str]:
    return [one["reference"].partition("small-")[2] for one in references]


def test_an_organism_has_its_susceptibilities_as_members_and_the_report_the_organism() -> None:
    tested = "susceptibilities: [{drug: meropenem, result: S}, {drug: ciprofloxacin, result: R, mic: 4 mg/L}]"
    made = built(f"result: growth, organisms: [{{organism: escherichia-coli, {tested}}}]")
    organism = made["Observation/c-organism-1"]

    assert ("112283007", "Escherichia coli (organism)") == first(organism["valueCodeableConcept"])
    assert "600-7" == first(organism["code"])[0]
    assert ["c-organism-1-1", "c-organism-1-2"] == led_to(organism["hasMember"])
    assert ["c-organism-1"] == led_to(made["DiagnosticReport/c"]["result"])
    assert "Blood culture: Escherichia coli" in made["DiagnosticReport/c"]["text"]["div"]


@pytest.mark.parametrize(
    ("result", "code", "display"),
    [("S", "S", "Susceptible"), ("I", "I", "Intermediate"), ("R", "R", "Resistant"),
     ("SDD", "SDD", "Susceptible-dose dependent")],
)  # fmt: skip
def test_a_susceptibility_has_its_interpretation_and_its_concentration(result: str, code: str, display: str) -> None:
    tested = f"[{{drug: meropenem, result: {result}, mic: <= 0.25 mg/L}}]"
    made = built(f"result: growth, organisms: [{{organism: mrsa, susceptibilities: {tested}}}]")
    susceptibility = made["Observation/c-organism-1-1"]

    assert (code, display) == first(susceptibility["interpretation"][0])
    assert ("<=", "0.25") == (
        susceptibility["valueQuantity"]["comparator"],
        str(susceptibility["valueQuantity"]["value"]),
    )
    assert ("18943-1", "Meropenem [Susceptibility]") == first(susceptibility["code"])


def test_a_susceptibility_without_a_concentration_has_its_word_as_value() -> None:
    made = built("result: growth, organisms: [{organism: mrsa, susceptibilities: [{drug: oxacillin, result: R}]}]")

    assert ("30714006", "Resistant (qualifier value)") == first(
        made["Observation/c-organism-1-1"]["valueCodeableConcept"]
    )


def test_that_nothing_grew_is_a_result() -> None:
    made = built("result: no-growth")

    assert ("264868006", "No growth (qualifier value)") == first(made["Observation/c-result"]["valueCodeableConcept"])
    assert ["c-result"] == led_to(made["DiagnosticReport/c"]["result"])


def test_a_culture_whose_result_is_pending_is_registered_and_has_none() -> None:
    report = built("result: pending")["DiagnosticReport/c"]

    assert "registered" == report["status"]
    assert "result" not in report
    assert "_issued" not in report


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("result: no-growth, organisms: [{organism: mrsa}]", "organisms go with 'result: growth'"),
        ("result: grown", "Input should be|'grown' is not one of"),
        ("result: growth, organisms: [{organism: odd-germ}]", "'odd-germ' is not a known short name of organisms"),
        (
            "result: growth, organisms: [{organism: mrsa, susceptibilities: [{drug: meropenem}]}]",
            r"a susceptibility has a result \(S, I, R, SDD\) or a MIC",
        ),
        (
            "result: growth, organisms: [{organism: mrsa, susceptibilities: [{drug: meropenim, result: S}]}]",
            "did you mean 'meropenem'",
        ),
    ],
)
def test_what_no_culture_can_be_is_told_at_its_field(fields: str, message: str) -> None:
    with pytest.raises(CaseError, match=message):
        built(fields)


@pytest.mark.parametrize("written", ['"> 10^5 CFU/mL"', '"> 10⁵ CFU/mL"', '"> 1 x 10^5 CFU/mL"'])
def test_how_much_grew_may_be_a_power_alone(written: str) -> None:
    grown = built(f"result: growth, organisms: [{{organism: E. coli, amount: {written}}}]")["Observation/c-organism-1"]
    amount = grown["component"][0]["valueQuantity"]

    assert (">", 100000, "[CFU]/mL") == (amount["comparator"], amount["value"], amount["code"])


@pytest.mark.parametrize(
    ("drug", "code"),
    [("vancomycin", "19000-9"), ("clindamycin", "18908-4"), ("amikacin", "18860-7"), ("co-trimoxazole", "18998-5")],
)
def test_what_is_commonly_tested_has_its_code_of_loinc(drug: str, code: str) -> None:
    tested = f"result: growth, organisms: [{{organism: MRSA, susceptibilities: [{{drug: {drug}, result: S}}]}}]"

    assert code == built(tested)["Observation/c-organism-1-1"]["code"]["coding"][0]["code"]

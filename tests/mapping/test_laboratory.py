"""Results of the laboratory: their words, interpretations, reference ranges and panels."""

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


def built(section: str) -> dict[str, Resource]:
    bundle = build_bundle(read_case(HEAD + section, file="small.yaml"))
    return {
        f"{one['resource']['resourceType']}/{one['resource']['id'].removeprefix('small-')}": one["resource"]
        for one in bundle["entry"]
    }


def result(fields: str) -> Any:
    return built(f"laboratory: [{{key: a, {fields}, at: anchor, source: page 1}}]")["Observation/a"]


def codes(concept: Any) -> list[tuple[str, str]]:
    return [(one["code"], one["display"]) for one in concept["coding"]]


@pytest.mark.parametrize(
    ("word", "value", "interpretation"),
    [
        ("positive", ("10828004", "Positive (qualifier value)"), ("POS", "Positive")),
        ("negative", ("260385009", "Negative (qualifier value)"), ("NEG", "Negative")),
        ("not-detected", ("260415000", "Not detected (qualifier value)"), ("ND", "Not detected")),
        ("normal", ("17621005", "Normal (qualifier value)"), ("N", "Normal")),
        ("reactive", ("11214006", "Reactive (qualifier value)"), ("RR", "Reactive")),
    ],
)
def test_a_result_in_words_is_coded_and_interpreted(
    word: str, value: tuple[str, str], interpretation: tuple[str, str]
) -> None:
    made = result(f"test: {{text: A test}}, value: {word}")

    assert [value] == codes(made["valueCodeableConcept"])
    assert [interpretation] == codes(made["interpretation"][0])


@pytest.mark.parametrize(
    ("word", "code"),
    [("critically-high", "HH"), ("critically-low", "LL"), ("critical", "AA"), ("abnormal", "A"), ("positive", "POS")],
)
def test_the_interpretation_of_a_number_is_that_of_the_report(word: str, code: str) -> None:
    made = result(f"test: hemoglobin, value: 4.1 g/dL, interpretation: {word}")

    assert [code] == [one["coding"][0]["code"] for one in made["interpretation"]]


def test_an_interpretation_that_no_table_knows_stays_words_and_a_wrong_name_is_told() -> None:
    assert [{"text": "borderline"}] == result("test: hemoglobin, value: 11 g/dL, interpretation: {text: borderline}")[
        "interpretation"
    ]
    with pytest.raises(CaseError, match="'hihg' is not a known short name of interpretations; did you mean 'high'"):
        result("test: hemoglobin, value: 11 g/dL, interpretation: hihg")


def test_a_reference_range_has_the_unit_of_the_result_where_it_has_none() -> None:
    made = result("test: hemoglobin, value: 10.8 g/dL, reference_range: 12.0-15.5")
    unit = {"unit": "g/dL", "system": "http://unitsofmeasure.org", "code": "g/dL"}
    (printed,) = made["referenceRange"]

    assert ({"value": "12.0"} | unit, {"value": "15.5"} | unit) == (
        printed["low"] | {"value": str(printed["low"]["value"])},
        printed["high"] | {"value": str(printed["high"]["value"])},
    )
    assert "10.8 g/dL, reference range 12.0 to 15.5" in made["text"]["div"]


def test_a_bound_is_kept_as_printed() -> None:
    (printed,) = result("test: alt, value: 41 U/L, reference_range: < 35 U/L")["referenceRange"]

    assert ("< 35 U/L", 35) == (printed["text"], printed["high"]["value"])
    assert "low" not in printed


def test_a_test_of_ones_own_may_be_negative_and_a_known_one_not() -> None:
    assert -5 == result("test: {text: Base excess}, value: -5 mmol/L")["valueQuantity"]["value"]
    assert -5 == result("test: base-excess, value: -5 mmol/L")["valueQuantity"]["value"]
    with pytest.raises(CaseError, match="a measured amount is not negative"):
        result("test: hemoglobin, value: -5 g/dL")


def test_a_panel_leads_to_results_of_the_laboratory_and_to_nothing_else() -> None:
    section = """\
laboratory: [{key: a, test: hemoglobin, value: 11 g/dL, at: anchor, source: page 1}]
tumour_markers: [{key: b, test: afp, value: 11 ng/mL, at: anchor, source: page 1}]
panels: [{key: p, panel: complete-blood-count, results: [a, b], at: anchor, source: page 1}]
"""
    panel = built(section)["DiagnosticReport/p"]

    assert ["Observation/small-a", "Observation/small-b"] == [one["reference"] for one in panel["result"]]
    with pytest.raises(CaseError, match="'visit' is an entry of procedures; this names an entry of laboratory"):
        built(section.replace("[a, b]", "[a, visit]"))

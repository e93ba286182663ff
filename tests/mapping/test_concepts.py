"""Short names, units and codes of one's own."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from fhir_case import CaseError
from fhir_case.case.forms.concept import plain_key
from fhir_case.mapping.short_names import names_of
from fhir_case.mapping.vocabulary import vocabularies
from small_case import built


def test_an_unknown_test_names_its_line_and_the_nearest_known() -> None:
    with pytest.raises(CaseError) as caught:
        built("laboratory: [{key: a, test: albumim, value: 4 g/dL, at: anchor, source: page 1}]")

    assert caught.value.where == "small.yaml:7:29"
    assert "'albumim' is not a known short name of tests; did you mean 'albumin'?" in caught.value.message


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("acute-myeloid-leukaemia", "Acute myeloid leukaemia"),
        ("acute-myeloid-leukemia", "Acute myeloid leukaemia"),
        ("aml", "Acute myeloid leukaemia"),
        ("AML", "AML"),
        ("Acute myeloid leukemia", "Acute myeloid leukemia"),
    ],
)
def test_a_diagnosis_is_found_by_its_other_names_and_as_it_is_spelt(written: str, text: str) -> None:
    code = _condition(f"diagnosis: {written}")["code"]

    assert ["91861009", "C92.0"] == [one["code"] for one in code["coding"]]
    assert text == code["text"]


def test_a_name_that_begins_with_a_digit_is_found_too() -> None:
    section = "medications: [{key: a, drug: 5-FU, status: completed, at: anchor, source: page 1}]"

    assert "4492" == built(section)["MedicationStatement/a"]["medicationCodeableConcept"]["coding"][0]["code"]


def test_a_side_before_the_name_of_a_place_is_its_side() -> None:
    sites = [
        _condition(f"sites: [{one}]")["bodySite"] for one in ("right lung", "right-lung", "{name: lung, side: right}")
    ]

    assert sites[0] == sites[1] == sites[2]


def test_a_name_that_no_table_has_is_told_as_it_was_written() -> None:
    with pytest.raises(CaseError, match="'Odd disease' is not a known short name of diagnoses; a thing that no table"):
        _condition("diagnosis: Odd disease")


def test_no_two_things_of_a_table_share_a_name() -> None:
    for vocabulary in vocabularies():
        terms = {term.name: term for term in vocabulary.terms}
        names = [one for term in vocabulary.terms for one in {term.name, *map(plain_key, term.other_names)}]

        assert [] == [one for one, times in Counter(names).items() if times > 1], vocabulary.table
        assert set(terms) == set(names_of(terms).values()), vocabulary.table


def _condition(given: str) -> dict[str, Any]:
    diagnosis = "" if "diagnosis" in given else "diagnosis: {text: cancer}, "
    entry = f"key: a, kind: disease, {diagnosis}{given}, verification: confirmed, at: anchor, source: page 1"
    return built(f"conditions: [{{{entry}}}]")["Condition/a"]


def test_a_unit_that_does_not_fit_its_test_is_refused_with_those_that_do() -> None:
    with pytest.raises(CaseError, match=r"the unit 'mg/dL' does not fit hemoglobin, which is measured in g/L, g/dL"):
        built("laboratory: [{key: a, test: hemoglobin, value: 15 mg/dL, at: anchor, source: page 1}]")


@pytest.mark.parametrize(
    ("test", "value", "other"),
    [("creatinine", "88 µmol/L", "creatinine-molar"), ("creatinine-molar", "1 mg/dL", "creatinine")],
)
def test_a_unit_of_another_kind_names_the_test_that_has_it(test: str, value: str, other: str) -> None:
    with pytest.raises(CaseError, match=rf"does not fit {test}, .*; in that unit it is '{other}'"):
        built(f"laboratory: [{{key: a, test: {test}, value: {value}, at: anchor, source: page 1}}]")


def test_a_missing_unit_does_not_fit_either() -> None:
    with pytest.raises(CaseError, match=r"the unit '' does not fit afp"):
        built("tumour_markers: [{key: a, test: afp, value: 15, at: anchor, source: page 1}]")


def test_a_ratio_has_no_unit_and_says_so_in_ucum() -> None:
    inr = built("laboratory: [{key: a, test: inr, value: 1.10, at: anchor, source: page 1}]")["Observation/a"]

    assert str(inr["valueQuantity"].pop("value")) == "1.10"
    assert inr["valueQuantity"] == {"unit": "INR", "system": "http://unitsofmeasure.org", "code": "1"}


def test_codes_of_the_case_win_over_the_table_and_keep_its_words() -> None:
    section = (
        "tumour_markers: [{key: a, test: {name: afp, code: {system: 'http://loinc.org', code: 1834-1}}, "
        "value: 3 ng/mL, at: anchor, source: page 1}]"
    )
    code = built(section)["Observation/a"]["code"]

    assert code == {"coding": [{"system": "http://loinc.org", "code": "1834-1"}], "text": "Alpha-fetoprotein (AFP)"}


def test_a_unit_that_nobody_knows_stays_words() -> None:
    section = "laboratory: [{key: a, test: {text: Odd}, value: 3 blobs, at: anchor, source: page 1}]"

    assert built(section)["Observation/a"]["valueQuantity"] == {"value": 3, "unit": "blobs"}


def test_a_unit_with_its_ucum_code_is_coded() -> None:
    section = (
        "laboratory: [{key: a, test: {text: Odd}, value: {value: 3.0, unit: per cent, ucum: '%'}, "
        "at: anchor, source: page 1}]"
    )
    value = built(section)["Observation/a"]["valueQuantity"]

    assert (str(value["value"]), value["unit"], value["code"]) == ("3.0", "per cent", "%")
    assert isinstance(value["value"], Decimal)


def test_words_in_place_of_a_number_are_interpreted() -> None:
    section = "laboratory: [{key: a, test: ast, value: normal, at: anchor, source: page 1}]"
    found = built(section)["Observation/a"]

    assert found["valueCodeableConcept"]["coding"][0]["code"] == "17621005"
    assert found["interpretation"][0]["coding"][0]["code"] == "N"


def test_the_side_of_an_organ_is_an_extension_everywhere_and_in_words_where_no_profile_has_it() -> None:
    section = """
conditions:
  - {key: c, kind: primary-cancer, diagnosis: {text: c}, sites: [{name: lung, side: left}], status: active,
     verification: confirmed, source: page 1}
findings:
  - {key: f, finding: {text: f}, value: present, category: exam, site: {name: lung, side: left}, at: anchor,
     source: page 1}
"""
    resources = built(section)
    side = resources["Condition/c"]["bodySite"][0]["extension"][0]["valueCodeableConcept"]["coding"][0]

    assert side["code"] == "7771000"
    assert resources["Observation/f"]["bodySite"]["text"] == "Lung, left"
    assert resources["Observation/f"]["bodySite"]["extension"] == resources["Condition/c"]["bodySite"][0]["extension"]


def test_a_month_is_a_calendar_month() -> None:
    section = "laboratory: [{key: a, test: ast, value: 3 U/L, at: +1 mo, source: page 1}]"

    assert built(section)["Observation/a"]["effectiveDateTime"] == "2020-02-29"


def test_a_date_of_the_source_has_no_relative_time() -> None:
    section = "laboratory: [{key: a, test: ast, value: 3 U/L, at: 2020-02, source: page 1}]"
    found = built(section)["Observation/a"]

    assert found["effectiveDateTime"] == "2020-02"
    assert "_effectiveDateTime" not in found

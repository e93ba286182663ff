"""Units, ranges, bounds and ages of a case become quantities with UCUM codes."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from fhir_case import CaseError
from fhir_case.fhir.codes import code_table
from fhir_case.fhir.ucum import is_ucum, ucum_code
from small_case import built

WORDS = {
    name: term.more["ucum"] for name, term in code_table("fhir_case_mappings", "units").items() if "ucum" in term.more
}


def quantity_of(value: str) -> dict[str, Any]:
    section = f"laboratory: [{{key: a, test: {{text: Test}}, value: '{value}', at: anchor, source: page 1}}]"
    return {name: str(part) for name, part in built(section)["Observation/a"]["valueQuantity"].items()}


@pytest.mark.parametrize(
    ("printed", "code"),
    [
        ("mg/L", "mg/L"),
        ("mmol/L", "mmol/L"),
        ("U/mL", "U/mL"),
        ("u/L", "U/L"),
        ("mmHg", "mm[Hg]"),
        ("mm Hg", "mm[Hg]"),
        ("/min", "/min"),
        ("bpm", "/min"),
        ("breaths/min", "/min"),
        ("kg", "kg"),
        ("kg/m²", "kg/m2"),
        ("mg/m^2", "mg/m2"),
        ("/µL", "/uL"),
        ("/μL", "/uL"),
        ("cells/µL", "/uL"),
        ("/mm³", "/mm3"),
        ("10^9/L", "10*9/L"),
        ("10^3/µL", "10*3/uL"),
        ("K/µL", "10*3/uL"),
        ("10^6 cells/kg", "10*6/kg"),
        ("G/L", "10*9/L"),
        ("mmol/l", "mmol/L"),
        ("ml/min", "mL/min"),
        ("IU/mL", "[IU]/mL"),
        ("mIU/L", "m[IU]/L"),
        ("µg/L", "ug/L"),
        ("mcg/kg/min", "ug/kg/min"),
        ("mL/min/1.73 m²", "mL/min/{1.73_m2}"),
        ("mL/min/1.73m2", "mL/min/{1.73_m2}"),
        ("g/24 h", "g/(24.h)"),
        ("mg/day", "mg/d"),
        ("mm/hr", "mm/h"),
        ("mEq/L", "meq/L"),
        ("mOsm/kg", "mosm/kg"),
        ("copies/mL", "/mL"),
        ("mitoses/10 HPF", "/(10.[HPF])"),
        ("% predicted", "%"),
        ("°C", "Cel"),
        ("°F", "[degF]"),
        ("µM", "umol/L"),
        ("mAU/mL", "[arb'U]/L"),
        ("mutations/Mb", "1/1000000{Base}"),
        ("dyn·s/cm⁵", "dyn.s/cm5"),
        ("ng/mL FEU", "ng/mL"),
        ("cmH2O", "cm[H2O]"),
        ("GBq", "GBq"),
    ],
)
def test_a_printed_unit_has_the_code_of_ucum(printed: str, code: str) -> None:
    assert code == ucum_code(printed, WORDS.get)
    assert is_ucum(code)


@pytest.mark.parametrize(
    "printed", ["blobs", "C", "K", "F", "M", "Mg", "MG/DL", "kb", "103/µL", "mg/dL (fasting)", "log10 IU/mL", "u" * 61]
)
def test_a_unit_that_may_mean_another_one_in_ucum_is_not_coded(printed: str) -> None:
    assert ucum_code(printed, WORDS.get) is None


def test_every_code_of_the_table_of_units_is_one_of_ucum() -> None:
    assert [] == [word for word, code in WORDS.items() if code and not is_ucum(code)]


@pytest.mark.parametrize("written", ["1.2 x 10^9/L", "1.2 × 10⁹/L", "1.2 10*9/L"])
def test_a_count_with_a_power_of_ten_keeps_its_number(written: str) -> None:
    expected = {"value": "1.2", "unit": "10^9/L", "system": "http://unitsofmeasure.org", "code": "10*9/L"}

    assert expected == quantity_of(written)


def test_a_unit_that_its_test_lists_may_be_printed_otherwise() -> None:
    section = "laboratory: [{key: a, test: platelets, value: 137000 /uL, at: anchor, source: page 1}]"
    value = built(section)["Observation/a"]["valueQuantity"]

    assert ("/uL", "/uL") == (value["unit"], value["code"])


@pytest.mark.parametrize(
    "room",
    ["laboratory: [{test: {text: a}", "findings: [{category: exam, finding: {text: a}", "scores: [{score: {text: a}"],
)
def test_a_range_is_a_range_in_every_room(room: str) -> None:
    found = built(f"{room}, key: a, value: 5–10 mg, at: anchor, source: page 1}}]")["Observation/a"]
    unit = {"unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}

    assert {"low": {"value": 5, **unit}, "high": {"value": 10, **unit}} == found["valueRange"]
    assert "valueQuantity" not in found


def test_a_range_in_a_unit_that_does_not_fit_its_test_is_refused() -> None:
    with pytest.raises(CaseError, match="the unit 'mg/dL' does not fit hemoglobin"):
        built("laboratory: [{key: a, test: hemoglobin, value: 10-15 mg/dL, at: anchor, source: page 1}]")


def test_the_bound_of_a_score_is_kept() -> None:
    found = built("scores: [{key: a, score: {text: a score}, value: '>= 7', at: anchor, source: page 1}]")

    assert {"value": 7, "comparator": ">="} == found["Observation/a"]["valueQuantity"]


INFANT = (
    "conditions: [{{key: c, kind: comorbidity, diagnosis: {{text: c}}, status: active, verification: confirmed, "
    "onset: {{age: {}}}, source: s}}]"
)


@pytest.mark.parametrize(
    ("written", "value", "code"),
    [("6 mo", "6", "mo"), ("0.5 a", "0.5", "a"), ("3 d", "3", "d"), ("2 weeks", "2", "wk")],
)
def test_an_onset_keeps_the_unit_of_its_age(written: str, value: str, code: str) -> None:
    age = built(INFANT.format(written))["Condition/c"]["onsetAge"]

    assert (value, code, "http://unitsofmeasure.org") == (str(age["value"]), age["code"], age["system"])


def test_an_onset_at_birth_is_words_since_an_age_is_positive() -> None:
    assert "at birth" == built(INFANT.format("0 d"))["Condition/c"]["onsetString"]


def test_the_shipped_case_needs_no_parser_of_units() -> None:
    program = (
        "import sys; from fhir_case import build_bundle, load_case; "
        "build_bundle(load_case('hcc-tare-sorafenib')); sys.exit('ucumvert' in sys.modules)"
    )

    assert 0 == subprocess.run([sys.executable, "-c", program], check=False).returncode


def test_a_unit_of_more_than_250_characters_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fhir_case.fhir.ucum._is_parsed", lambda _: pytest.fail("it was read"))

    assert not is_ucum("/m" * 126)
    assert is_ucum("/".join(["mg"] * 83))

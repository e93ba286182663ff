"""Numbers, ranges, ages, blood pressures and times as reports print them."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_case.case import Age, Amount, BloodPressure, Quantity, Range, Value, When


def parts(form: Any) -> dict[str, Any]:
    """Return what a form holds, its numbers as text with their digits."""
    return {
        name: parts(value) if isinstance(value, Quantity | Range) else value if isinstance(value, str) else str(value)
        for name in type(form).model_fields
        if (value := getattr(form, name)) is not None
    }


@pytest.mark.parametrize(
    ("written", "value", "unit"),
    [
        ("1.2 x 10^9/L", "1.2", "10^9/L"),
        ("1.2 × 10⁹/L", "1.2", "10^9/L"),
        ("1.2×10⁹ /L", "1.2", "10^9/L"),
        ("1.20 10*9/L", "1.20", "10^9/L"),
        ("1.2 x 10**9/L", "1.2", "10^9/L"),
        ("1.2e9/L", "1.2", "10^9/L"),
        ("1.2 x10E9/L", "1.2", "10^9/L"),
        ("5 x 10^3/µL", "5", "10^3/µL"),
        ("2.5 x 10^6 cells/kg", "2.5", "10^6 cells/kg"),
    ],
)
def test_a_power_of_ten_stays_with_the_unit_of_a_count(written: str, value: str, unit: str) -> None:
    assert {"value": value, "unit": unit} == parts(Quantity.model_validate(written))


@pytest.mark.parametrize(
    ("written", "value", "unit"),
    [
        ("3.4 x 10^6 IU/mL", "3400000", "IU/mL"),
        ("3 × 10⁻³ mg", "0.003", "mg"),
        ("1.5e3 copies/mL", "1500", "copies/mL"),
    ],
)
def test_a_power_of_ten_elsewhere_is_written_out(written: str, value: str, unit: str) -> None:
    assert {"value": value, "unit": unit} == parts(Quantity.model_validate(written))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("37%", {"value": "37", "unit": "%"}),
        ("38.5°C", {"value": "38.5", "unit": "°C"}),
        ("110/min", {"value": "110", "unit": "/min"}),
        ("110 /min", {"value": "110", "unit": "/min"}),
        ("5mg", {"value": "5", "unit": "mg"}),
        ("≤5 mg/L", {"value": "5", "unit": "mg/L", "comparator": "<="}),
        ("> 60 mL/min/1.73 m²", {"value": "60", "unit": "mL/min/1.73 m²", "comparator": ">"}),
        ("−2.5 mmol/L", {"value": "-2.5", "unit": "mmol/L"}),
        ("4 /100 WBC", {"value": "4", "unit": "/100 WBC"}),
    ],
)
def test_a_quantity_is_read_as_it_is_printed(written: str, expected: dict[str, str]) -> None:
    assert expected == parts(Quantity.model_validate(written))


@pytest.mark.parametrize(
    ("written", "low", "high", "unit"),
    [
        ("5-10 mg", "5", "10", "mg"),
        ("5–10 mg", "5", "10", "mg"),
        ("5 to 10 mg/m2", "5", "10", "mg/m2"),
        ("5 mg - 10 mg", "5", "10", "mg"),
        ("3.5-5.10 mmol/L", "3.5", "5.10", "mmol/L"),
        ("4-10 x 10^9/L", "4", "10", "10^9/L"),
        ("30-40%", "30", "40", "%"),
    ],
)
@pytest.mark.parametrize("form", [Amount, Value])
def test_two_numbers_with_a_unit_are_a_range(form: type[Amount], written: str, low: str, high: str, unit: str) -> None:
    bounds = {"low": {"value": low, "unit": unit}, "high": {"value": high, "unit": unit}}

    assert {"range": bounds} == parts(form.model_validate(written))
    assert form.model_validate(written) == form.model_validate({"low": f"{low} {unit}", "high": f"{high} {unit}"})


def test_the_words_of_an_amount_are_plain() -> None:
    written = {
        "5-10 mg": "5 to 10 mg",
        "1.2 × 10⁹/L": "1.2 x 10^9/L",
        "4-10 x 10^9/L": "4 to 10 x 10^9/L",
        "37%": "37%",
        "< 5 mg": "<5 mg",
    }

    assert written == {text: str(Value.model_validate(text)) for text in written}


@pytest.mark.parametrize(
    ("written", "words", "code"),
    [
        ("6 mo", "6 months", "mo"),
        ("0.5 a", "0.5 years", "a"),
        ("3 d", "3 days", "d"),
        ("1 wk", "1 week", "wk"),
        ("36 h", "36 hours", "h"),
        ("12 years", "12 years", "a"),
        ("60y", "60 years", "a"),
        (61, "61 years", "a"),
        ("< 1 mo", "less than 1 month", "mo"),
        ("> 89 a", "more than 89 years", "a"),
        ({"value": 6, "unit": "months"}, "6 months", "mo"),
    ],
)
def test_an_age_has_any_unit_of_time(written: Any, words: str, code: str) -> None:
    age = Age.model_validate(written)

    assert (words, code) == (age.words, age.code)


@pytest.mark.parametrize(
    ("written", "words"),
    [("62/52 mmHg", "62/52 mmHg"), ("120 / 80 mm Hg", "120/80 mm Hg"), ("16/10.5 kPa", "16/10.5 kPa")],
)
def test_a_blood_pressure_is_two_pressures_in_one_unit(written: str, words: str) -> None:
    pressure = BloodPressure.model_validate(written)

    assert words == str(pressure)
    assert pressure.systolic.unit == pressure.diastolic.unit


@pytest.mark.parametrize("written", ["62/52", "52/62 mmHg", "62/52 mg", {"systolic": "62 mmHg", "diastolic": "7 kPa"}])
def test_a_blood_pressure_without_unit_or_sense_is_refused(written: Any) -> None:
    with pytest.raises(ValueError, match="pressure"):
        BloodPressure.model_validate(written)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("+36 h", {"relation": "after", "count": "36", "unit": "h"}),
        ("30 min after x", {"relation": "after", "event": "x", "count": "30", "unit": "min"}),
        ("1.5 years before x", {"relation": "before", "event": "x", "count": "1.5", "unit": "a"}),
        ("3-5 d after x", {"relation": "after", "event": "x", "least": "3", "most": "5", "unit": "d"}),
        ("+3–5 d", {"relation": "after", "least": "3", "most": "5", "unit": "d"}),
        ("2 to 3 wk before x", {"relation": "before", "event": "x", "least": "2", "most": "3", "unit": "wk"}),
        ("within 2 wk after x", {"relation": "after", "event": "x", "most": "2", "unit": "wk"}),
        ("more than 6 mo after x", {"relation": "after", "event": "x", "least": "6", "unit": "mo"}),
        ("> 6 mo after x", {"relation": "after", "event": "x", "least": "6", "unit": "mo"}),
        ("before x", {"relation": "before", "event": "x", "unit": "d"}),
        ("0 d after x", {"relation": "after", "event": "x", "count": "0", "unit": "d"}),
        ("before 2017-03", {"day": "2017-03", "relation": "before", "unit": "d"}),
        ("after 2017", {"day": "2017", "relation": "after", "unit": "d"}),
    ],
)
def test_a_time_is_read_as_the_report_counts_it(written: str, expected: dict[str, str]) -> None:
    assert expected == parts(When.model_validate(written))

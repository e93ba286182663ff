"""What contradicts itself in a case: an error where no reading is left, else a warning with its line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fhir_case import CaseError, build_bundle
from fhir_case.mapping import read_case
from small_case import HEAD, built

if TYPE_CHECKING:
    from fhir_case.issues import Issue

STAY = "encounters: [{key: a, kind: ICU, at: %s, source: page 1}]"


def warnings_of(section: str) -> list[str]:
    told: list[Issue] = []
    build_bundle(read_case(HEAD + section, file="small.yaml"), warn=told.append)
    return [one.message for one in told]


@pytest.mark.parametrize(
    ("section", "said"),
    [
        (
            "vital_signs: [{key: a, sign: temperature, value: 394 °C",
            "394 °C is not possible for 'Body temperature', wh",
        ),
        ("vital_signs: [{key: a, sign: SpO2, value: 140 %", "140% is not possible for 'Oxygen saturation by pulse"),
        ("vital_signs: [{key: a, sign: blood-pressure, value: 900/80 mmHg", "900 mmHg is not possible for 'Blood pres"),
        (
            "vital_signs: [{key: a, sign: height, value: 1.72 cm",
            "1.72 cm is not possible for 'Body height', which is b",
        ),
        ("vital_signs: [{key: a, sign: FiO2, value: 60", "60 is not possible for 'Fraction of inspired oxygen', which"),
        ("laboratory: [{key: a, test: hemoglobin, value: 120 g/dL", "120 g/dL is not possible for 'Hemoglobin', which"),
        (
            "laboratory: [{key: a, test: arterial-ph, value: 72.4",
            "72.4 is not possible for 'Arterial pH', which is bet",
        ),
    ],
)
def test_a_value_that_no_living_body_has_is_a_warning_with_its_line(section: str, said: str) -> None:
    (told,) = warnings_of(f"{section}, at: anchor, source: page 1}}]")

    assert told.startswith("small.yaml:7:"), told
    assert said in told


@pytest.mark.parametrize(
    ("value", "called", "said"),
    [
        ("8 g/dL", "high", "8 g/dL is called high, and is below its reference range"),
        ("13 g/dL", "critically-high", "13 g/dL is called high, and is within its reference range"),
        ("18 g/dL", "low", "18 g/dL is called low, and is above its reference range"),
        ("8 g/dL", "normal", "8 g/dL is called normal, and is below its reference range"),
    ],
)
def test_an_interpretation_that_contradicts_the_reference_range_is_a_warning(
    value: str, called: str, said: str
) -> None:
    told = warnings_of(_measured(value, called))

    assert [f"small.yaml:7:14: Observation/a: {said}"] == told


@pytest.mark.parametrize(
    ("value", "called"), [("8 g/dL", "low"), ("13 g/dL", "normal"), ("18 g/dL", "high"), ("> 18 g/dL", "low")]
)
def test_an_interpretation_that_may_be_right_is_no_warning(value: str, called: str) -> None:
    assert [] == warnings_of(_measured(value, called))


def test_a_stay_that_lasted_longer_than_its_dates_is_a_warning() -> None:
    assert ["small.yaml:7:14: Encounter/a: it lasted 12 d, and its dates are 3 days apart"] == warnings_of(
        STAY % "anchor, until: 3 d after a, length: 12 d"
    )


def test_days_may_be_counted_with_the_first_and_the_last() -> None:
    assert [] == warnings_of(STAY % "anchor, until: 3 d after a, length: 4 d")


@pytest.mark.parametrize(
    ("times", "begin", "end"),
    [
        ("3 d after visit, until: 1 d after visit", "2020-02-03", "2020-02-01"),
        ("2020-02-03, until: 2020-01", "2020-02-03", "2020-01"),
        ("visit, until: -3 d", "2020-01-31", "2020-01-28"),
    ],
)
def test_an_end_before_its_begin_is_an_error_at_its_line(times: str, begin: str, end: str) -> None:
    with pytest.raises(CaseError, match=f"the end, {end}, is before the begin, {begin}; correct") as caught:
        built(STAY % times)

    assert "small.yaml:7:" in str(caught.value)


@pytest.mark.parametrize(
    "times", ["3 d after visit, until: after visit", "before visit, until: -3 d", "visit, until: a"]
)
def test_an_end_of_which_only_the_order_is_told_is_none(times: str) -> None:
    built(STAY % times)


def test_a_text_with_a_comma_that_is_not_in_quotes_is_told_as_such() -> None:
    with pytest.raises(CaseError) as caught:
        built("encounters: [{key: a, kind: ICU, at: anchor, source: page 1, note: Fever, chills and cough}]")

    assert caught.value.message.endswith("encounters.a: unknown key 'chills and cough'")
    assert caught.value.hint.startswith("text with a comma stands in quotes; allowed here: ")


def _measured(value: str, called: str) -> str:
    result = f'value: "{value}", reference_range: 12-16 g/dL, interpretation: {called}'
    return f"laboratory: [{{key: a, test: hemoglobin, {result}, at: anchor, source: page 1}}]"

"""Reference ranges as a laboratory prints them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from fhir_case.case.forms import ReferenceRange


@pytest.mark.parametrize(
    ("printed", "low", "high", "text"),
    [
        ("135-180 g/L", "135 g/L", "180 g/L", None),
        ("3.5–5.2 g/dL", "3.5 g/dL", "5.2 g/dL", None),
        ("-2 to +3 mmol/L", "-2 mmol/L", "3 mmol/L", None),
        ("3.5 - 5.2", "3.5", "5.2", None),
        ("< 5 mg/L", None, "5 mg/L", "< 5 mg/L"),
        ("≥60 mL/min", "60 mL/min", None, "≥60 mL/min"),
    ],
)
def test_a_range_has_the_ends_that_are_printed(
    printed: str, low: str | None, high: str | None, text: str | None
) -> None:
    given = ReferenceRange.model_validate(printed)

    assert (low, high, text) == (given.low and str(given.low), given.high and str(given.high), given.text)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("normal", "is not a range such as 135-180 g/L"),
        ("5.2-3.5 g/dL", "the low end of a reference range is above its high end"),
        ({}, "has a low or a high end, or a text"),
        ({"high": "< 5 mg/L"}, "a number without < or >"),
    ],
)
def test_what_is_no_range_is_refused(written: object, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ReferenceRange.model_validate(written)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("3.5-5.2 g/dL", "3.5 to 5.2 g/dL"),
        ({"low": "60 mL/min"}, "at least 60 mL/min"),
        ({"high": "5 mg/L"}, "at most 5 mg/L"),
        ({"low": "900 mg/L", "high": "1.2 g/L"}, "900 mg/L to 1.2 g/L"),
        ("< 5 mg/L", "< 5 mg/L"),
    ],
)
def test_a_range_in_words(written: object, words: str) -> None:
    assert words == str(ReferenceRange.model_validate(written))

"""The question for the word that was meant."""

from __future__ import annotations

import pytest

from fhir_case.wording import did_you_mean


@pytest.mark.parametrize("number", [1, 49, 10_000])
def test_the_nearest_word_is_found_among_few_and_among_many(number: int) -> None:
    others = [f"{at:05}-laboratory" for at in range(number)]

    assert "did you mean 'afp-baseline'?" == did_you_mean("apf-baselin", [*others, "afp-baseline"])


def test_nothing_is_asked_when_no_word_is_like_it() -> None:
    assert "" == did_you_mean("zzz", [f"afp-{at}" for at in range(200)])

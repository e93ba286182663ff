"""The question for the word that was meant."""

from __future__ import annotations

import difflib
from unittest.mock import patch

import pytest

from fhir_case.validation import validate
from fhir_case.wording import MAX_HINTS, did_you_mean, is_misspelt


@pytest.mark.parametrize("number", [1, 49, 10_000])
def test_the_nearest_word_is_found_among_few_and_among_many(number: int) -> None:
    others = [f"{at:05}-laboratory" for at in range(number)]

    assert "did you mean 'afp-baseline'?" == did_you_mean("apf-baselin", [*others, "afp-baseline"])


def test_nothing_is_asked_when_no_word_is_like_it() -> None:
    assert "" == did_you_mean("zzz", [f"afp-{at}" for at in range(200)])


@pytest.mark.parametrize(
    ("word", "known"),
    [
        ("albumim", "albumin"),
        ("hihg", "high"),
        ("hom", "home"),
        ("penicilin", "penicillin"),
        ("meropenim", "meropenem"),
    ],
)
def test_a_misspelt_word_of_the_clinic_is_known(word: str, known: str) -> None:
    assert is_misspelt(word, known)


@pytest.mark.parametrize(
    ("word", "known"),
    [
        ("recovered", "recovering"),
        ("leukopenia", "alopecia"),
        ("co-trimoxazole", "voriconazole"),
        ("lymphadenectomy", "appendectomy"),
        ("continuous-renal-replacement", "knee-replacement"),
        ("hypokalemia", "hyperkalemia"),
        ("abnormal", "normal"),
        ("alt", "ast"),
        ("cd25", "cd20"),
    ],
)
def test_another_thing_of_the_clinic_is_no_misspelt_word(word: str, known: str) -> None:
    assert not is_misspelt(word, known)


def test_of_very_many_unknown_names_only_the_first_are_compared() -> None:
    resource = {"resourceType": "Patient", **{f"gendr{number}": 1 for number in range(1_000)}}
    with patch("difflib.get_close_matches", wraps=difflib.get_close_matches) as compared:
        found = validate(resource).issues

    assert 1_000 <= sum("is not an element" in each.message for each in found)
    assert sum("did you mean 'gender'" in each.message for each in found) >= 20
    assert compared.call_count <= 2 * MAX_HINTS

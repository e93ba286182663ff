"""Every mistake of `broken/mistakes.toml`, made in the same good file, gives exactly the message that it says."""

from __future__ import annotations

import tomllib
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

from fhir_case.errors import CaseError
from fhir_case.mapping import read_case

BROKEN = Path(__file__).parent / "broken"
BASE = (BROKEN / "base.yaml").read_text(encoding="utf-8")
MISTAKES: list[dict[str, Any]] = tomllib.loads((BROKEN / "mistakes.toml").read_text(encoding="utf-8"))["mistake"]


def test_the_file_that_mistakes_are_made_in_is_good() -> None:
    assert read_case(BASE).case == "base"


@pytest.mark.parametrize("mistake", [pytest.param(mistake, id=mistake["name"]) for mistake in MISTAKES])
def test_a_mistake_is_told_with_its_place_and_what_to_do(mistake: dict[str, Any]) -> None:
    assert mistake["old"] in BASE
    with pytest.raises(CaseError) as caught:
        read_case(BASE.replace(mistake["old"], mistake["new"], 1))

    told = [str(problem) for problem in caught.value.problems]
    assert mistake["says"] == [
        _as_far_as(said, line) for said, line in zip_longest(mistake["says"], told, fillvalue="")
    ]


def _as_far_as(said: str, line: str) -> str:
    """Return as much of a message as the mistake says, which ends in … before a list that grows with the sections."""
    return line[: len(said) - 1] + "…" if said.endswith("…") else line


@pytest.mark.parametrize("word", ["Input should", "pydantic", "Field required", "valid ", "Extra inputs"])
def test_no_message_speaks_the_language_of_the_library_behind(word: str) -> None:
    assert [] == [line for mistake in MISTAKES for line in mistake["says"] if word in line]


def test_each_mistake_is_another_one() -> None:
    assert len(MISTAKES) == len({mistake["name"] for mistake in MISTAKES})
    assert len(MISTAKES) == len({mistake["old"] + "\0" + mistake["new"] for mistake in MISTAKES})

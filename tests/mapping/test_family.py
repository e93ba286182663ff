"""What relatives had, and what nobody in the family had."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_case import CaseError
from small_case import built


def family(written: str, **options: Any) -> dict[str, Any]:
    return built(f"family_history: [{{key: f, source: s, {written}}}]", **options)


@pytest.mark.parametrize("fhir", ["R4", "R5"])
def test_a_relative_has_diseases_with_their_onset_and_a_death_with_its_age(fhir: str) -> None:
    written = "relative: mother, age_at_death: 51 a, diseases: [{diagnosis: {text: cancer}, onset: 48 a, fatal: true}]"
    made = family(written, fhir=fhir)["FamilyMemberHistory/f"]

    assert "MTH" == made["relationship"]["coding"][0]["code"]
    assert (51, "a") == (made["deceasedAge"]["value"], made["deceasedAge"]["code"])
    (disease,) = made["condition"]
    assert (48, "a", True) == (disease["onsetAge"]["value"], disease["onsetAge"]["code"], disease["contributedToDeath"])
    assert (
        "mother: cancer at the age of 48 years, of which the relative died; died at the age of 51 years"
        in (made["text"]["div"])
    )


def test_an_onset_in_months_stays_in_months() -> None:
    made = family("relative: brother, diseases: [{diagnosis: {text: seizures}, onset: 6 mo}]")["FamilyMemberHistory/f"]

    assert (6, "mo") == (made["condition"][0]["onsetAge"]["value"], made["condition"][0]["onsetAge"]["code"])


def test_what_nobody_in_the_family_had_is_an_absent_result_and_no_history_of_a_relative() -> None:
    made = family("relative: family, absent: [{text: colon cancer}]")
    found = made["Observation/f-absent"]

    assert "FamilyMemberHistory/f" not in made
    assert "Family history of colon cancer" == found["code"]["text"]
    assert "2667000" == found["valueCodeableConcept"]["coding"][0]["code"]
    assert "No family history of colon cancer." in found["text"]["div"]


@pytest.mark.parametrize(
    "written",
    [
        "relative: mother, age: 50 a, age_at_death: 51 a",
        "relative: mother, age: 50 a, deceased: true",
        "relative: mother, age: 50 kg",
        "relative: mother, diseases: [{diagnosis: {text: cancer}, onset: 48 a, onset_text: early}]",
        "relative: mum",
    ],
)
def test_what_contradicts_itself_is_told_at_its_line(written: str) -> None:
    with pytest.raises(CaseError) as caught:
        family(written)

    assert caught.value.where.startswith("small.yaml:7:")

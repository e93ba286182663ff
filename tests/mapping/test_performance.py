"""Performance status and comorbidity scores: what claims a profile of mCODE, and what is kept as it is written."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_case import CaseError
from small_case import built

CANCER = (
    "conditions: [{key: c, kind: primary-cancer, diagnosis: {text: cancer}, status: active, "
    "verification: confirmed, source: s}]\n"
)


def found(section: str, written: str, cancer: str = CANCER) -> dict[str, Any]:
    return built(f"{cancer}{section}: [{{key: a, at: anchor, source: s, {written}}}]")["Observation/a"]


def profile(resource: dict[str, Any]) -> str:
    name: str = resource["meta"]["profile"][0].rpartition("/")[2]
    return name


GRADES = [
    ("scale: ecog, value: 0", "mcode-ecog-performance-status", 0, "LA9622-7"),
    ("scale: ecog, value: 3", "mcode-ecog-performance-status", 3, "LA9625-0"),
    ("scale: ecog, value: 5", "mcode-ecog-performance-status", 5, "LA9627-6"),
    ("scale: karnofsky, value: 80", "mcode-karnofsky-performance-status", 80, "LA29177-5"),
    ("scale: karnofsky, value: 100 %", "mcode-karnofsky-performance-status", 100, "LA29175-9"),
    ("scale: lansky, value: 20", "mcode-lansky-play-performance-status", 20, "C70540"),
]


@pytest.mark.parametrize(("written", "name", "grade", "meaning"), GRADES)
def test_a_grade_claims_the_profile_of_its_scale_and_says_what_it_means(
    written: str, name: str, grade: int, meaning: str
) -> None:
    made = found("performance", written)

    assert (name, grade) == (profile(made), made["valueInteger"])
    assert [meaning] == [one["coding"][0]["code"] for one in made["interpretation"]]


def test_a_bounded_grade_is_kept_as_it_is_written() -> None:
    made = found("performance", "scale: ecog, value: <= 1")

    assert "us-core-observation-clinical-result" == profile(made)
    assert ("<=", 1) == (made["valueQuantity"]["comparator"], made["valueQuantity"]["value"])
    assert "interpretation" not in made


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("scale: ecog, value: 6", "ECOG performance status goes from 0 to 5"),
        ("scale: karnofsky, value: 110", "Karnofsky performance status goes from 0 to 100"),
        ("scale: ecog, value: 1 mg", "a grade of ECOG performance status has no unit, not 'mg'; leave it out"),
        ("scale: ecogg, value: 1", "'ecogg' is not a known short name"),
    ],
)
def test_a_grade_that_is_not_of_the_scale_is_told_at_its_line(written: str, said: str) -> None:
    with pytest.raises(CaseError, match=said) as caught:
        found("performance", written)

    assert caught.value.where.startswith("small.yaml:8:")


def test_without_a_cancer_the_performance_status_is_a_clinical_result() -> None:
    assert "us-core-observation-clinical-result" == profile(found("performance", "scale: ecog, value: 1", cancer=""))


def test_an_index_of_comorbidity_is_a_simple_observation_with_its_points() -> None:
    made = found("comorbidity_scores", "score: charlson, value: 4")

    assert ("us-core-simple-observation", 4) == (profile(made), made["valueInteger"])
    assert "762713009" == made["code"]["coding"][0]["code"]


def test_a_bounded_index_and_one_with_a_unit_are_kept() -> None:
    made = found("comorbidity_scores", "score: charlson, value: '>= 3 points'")

    assert (">=", 3, "points") == tuple(made["valueQuantity"][name] for name in ("comparator", "value", "unit"))


def test_an_index_without_its_value_says_that_it_is_unknown() -> None:
    made = found("comorbidity_scores", "score: charlson")

    assert "unknown" == made["dataAbsentReason"]["coding"][0]["code"]


def test_the_deauville_scale_claims_the_profile_of_mcode_and_says_what_its_points_mean() -> None:
    made = found("scores", "score: deauville, value: 4")

    assert ("mcode-deauville-scale", 4) == (profile(made), made["valueInteger"])
    assert "C99749" == made["interpretation"][0]["coding"][0]["code"]


def test_points_are_a_number_and_bounds_stay_bounds() -> None:
    assert 7 == found("scores", "score: sofa, value: 7 points")["valueInteger"]
    assert ">=" == found("scores", "score: sofa, value: '>= 7'")["valueQuantity"]["comparator"]


def test_points_that_a_score_does_not_have_are_refused() -> None:
    with pytest.raises(CaseError, match="Glasgow coma scale goes from 3 to 15"):
        found("scores", "score: glasgow-coma-scale, value: 2")


def test_a_list_of_comorbidities_names_what_is_there_and_what_is_not() -> None:
    made = found("comorbidity_scores", "score: comorbidities, of: c, present: [c], absent: [{text: diabetes}]")
    present, absent = made["extension"]

    assert "mcode-comorbidities" == profile(made)
    assert {"reference": "Condition/small-c"} == present["valueReference"]
    assert {"text": "diabetes"} == absent["valueCodeableConcept"]
    assert [{"reference": "Condition/small-c"}] == made["focus"]


@pytest.mark.parametrize("written", ["score: comorbidities", "score: comorbidities, present: [c], value: 3"])
def test_a_list_without_comorbidities_or_with_a_value_is_refused(written: str) -> None:
    with pytest.raises(CaseError):
        found("comorbidity_scores", written)

"""The status, the verification and the times of a disease."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_case import CaseError
from small_case import built


def condition(written: str, **options: Any) -> dict[str, Any]:
    section = f"conditions: [{{key: c, kind: disease, diagnosis: {{text: asthma}}, source: s, {written}}}]"
    return built(section, **options)["Condition/c"]


def code_of(concept: dict[str, Any]) -> str:
    code: str = concept["coding"][0]["code"]
    return code


@pytest.mark.parametrize("written", ["verification: confirmed", "verification: confirmed, status: unknown"])
def test_a_status_that_the_report_does_not_tell_is_unknown_in_both_releases(written: str) -> None:
    assert "clinicalStatus" not in condition(written)
    assert "unknown" == code_of(condition(written, fhir="R5")["clinicalStatus"])


def test_what_may_be_over_is_on_no_list_of_problems() -> None:
    (category,) = condition("verification: confirmed")["category"]

    assert ("http://hl7.org/fhir/us/core/CodeSystem/condition-category", "health-concern") == (
        category["coding"][0]["system"],
        code_of(category),
    )


def test_a_refuted_diagnosis_has_no_clinical_status() -> None:
    refuted = condition("verification: refuted")

    assert "refuted" == code_of(refuted["verificationStatus"])
    assert "clinicalStatus" not in refuted
    assert "encounter-diagnosis" == code_of(refuted["category"][0])
    assert refuted["meta"]["profile"][0].endswith("us-core-condition-encounter-diagnosis")
    assert "The diagnosis was refuted." in refuted["text"]["div"]


def test_a_refuted_diagnosis_with_a_status_is_told_at_its_line() -> None:
    with pytest.raises(CaseError, match="a refuted diagnosis has no clinical status; leave it out") as caught:
        condition("verification: refuted, status: active")

    assert caught.value.where.startswith("small.yaml:7:")


@pytest.mark.parametrize("verification", ["provisional", "differential", "unconfirmed"])
def test_a_diagnosis_that_is_not_confirmed_says_so(verification: str) -> None:
    found = condition(f"verification: {verification}, status: active")

    assert (verification, "active") == (code_of(found["verificationStatus"]), code_of(found["clinicalStatus"]))


def test_the_day_of_the_diagnosis_is_asserted_and_is_no_onset() -> None:
    found = condition("verification: confirmed, status: active, at: 20 a before anchor")
    (asserted,) = (one for one in found["extension"] if one["url"].endswith("condition-assertedDate"))

    assert "2000" == asserted["valueDateTime"]
    assert [] == [name for name in found if "onset" in name]


@pytest.mark.parametrize(("severity", "code"), [("severe", "24484000"), ("moderate", "6736007"), ("mild", "255604002")])
def test_a_severity_has_its_code(severity: str, code: str) -> None:
    found = condition(f"verification: confirmed, status: active, severity: {severity}")

    assert code == code_of(found["severity"])


def test_a_course_in_words_is_a_note_and_in_the_narrative() -> None:
    found = condition("verification: confirmed, status: relapse, course: Remission for a year and then relapse.")

    assert [{"text": "Remission for a year and then relapse."}] == found["note"]
    assert "Remission for a year and then relapse." in found["text"]["div"]


def test_what_ended_is_not_active() -> None:
    with pytest.raises(CaseError, match="a condition that ended is inactive, in remission or resolved"):
        condition("verification: confirmed, status: active, until: +3 mo")

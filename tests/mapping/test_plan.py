"""Plans, phenotypes and questionnaires."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_case import CaseError
from small_case import built


def made(section: str, written: str, **options: Any) -> dict[str, Any]:
    return built(f"{section}: [{{key: a, at: anchor, source: s, {written}}}]", **options)


BOARD = (
    "plan: tumour-board, decision: Operation., activities: ["
    "{key: x, what: {text: resection}, status: done, done_by: [visit], source: s}, "
    "{key: y, what: {text: radiotherapy}, status: declined, reason: the patient refused, source: s}, "
    "{key: z, what: {text: CT}, status: planned, every: 3 mo, times: 4, source: s}]"
)


def test_what_a_board_decided_is_a_plan_with_requests_that_say_what_came_of_them() -> None:
    found = made("plans", BOARD)
    plan = found["CarePlan/a"]

    assert ["assess-plan"] == [one["coding"][0]["code"] for one in plan["category"] if "coding" in one]
    assert "Operation." == plan["description"]
    assert ["completed", "revoked", "active"] == [found[f"ServiceRequest/{key}"]["status"] for key in "xyz"]
    assert [{"reference": "Procedure/small-visit"}] == plan["activity"][0]["outcomeReference"]


def test_what_was_not_carried_out_says_why() -> None:
    declined = made("plans", BOARD)["ServiceRequest/y"]

    assert "the patient refused" == declined["extension"][0]["valueCodeableConcept"]["text"]
    assert [{"text": "Declined: the patient refused."}] == declined["note"]


def test_a_schedule_is_a_timing() -> None:
    repeat = made("plans", BOARD)["ServiceRequest/z"]["occurrenceTiming"]["repeat"]

    assert {"count": 4, "frequency": 1, "period": 3, "periodUnit": "mo"} == repeat


def test_a_plan_leads_to_its_requests_in_r5_too() -> None:
    found = made("plans", BOARD, fhir="R5")
    first = found["CarePlan/a"]["activity"][0]

    assert {"reference": "ServiceRequest/small-x"} == first["plannedActivityReference"]
    assert [{"reference": {"reference": "Procedure/small-visit"}}] == first["performedActivity"]
    assert "resection" == found["ServiceRequest/x"]["code"]["concept"]["text"]


@pytest.mark.parametrize(
    "activity",
    [
        "status: planned, reason: none",
        "status: planned, times: 3",
        "status: planned, every: 3 kg",
        "status: done, done_by: [nothing]",
    ],
)
def test_an_activity_that_cannot_be_is_told_at_its_line(activity: str) -> None:
    with pytest.raises(CaseError) as caught:
        made(
            "plans",
            f"plan: follow-up, decision: CT., activities: [{{key: x, what: {{text: CT}}, source: s, {activity}}}]",
        )

    assert caught.value.where.startswith("small.yaml:7:")


@pytest.mark.parametrize(("status", "code"), [("present", "52101004"), ("excluded", "2667000")])
def test_a_phenotype_is_present_or_absent(status: str, code: str) -> None:
    found = made("phenotypes", f"phenotype: seizure, status: {status}")["Observation/a"]

    assert "HP:0001250" == found["code"]["coding"][0]["code"]
    assert code == found["valueCodeableConcept"]["coding"][0]["code"]
    assert f"Seizure: {status}" in found["text"]["div"]


def test_a_questionnaire_keeps_its_answers_and_its_score_is_a_result() -> None:
    written = (
        "questionnaire: {text: QLQ}, score: 58, answers: [{question: Health, answer: 66.7}, "
        '{question: Breath, answer: {text: a little}, link: "8"}, {question: Pain, answer: present}]'
    )
    found = made("questionnaires", written)
    (group,) = found["QuestionnaireResponse/a"]["item"]

    assert ("QLQ", ["1", "8", "3"]) == (group["text"], [one["linkId"] for one in group["item"]])
    assert ["valueDecimal", "valueString", "valueCoding"] == [next(iter(one["answer"][0])) for one in group["item"]]
    assert 58 == found["Observation/a-score"]["valueInteger"]
    assert [{"reference": "QuestionnaireResponse/small-a"}] == found["Observation/a-score"]["derivedFrom"]


@pytest.mark.parametrize("fhir", ["R4", "R5"])
def test_a_questionnaire_without_a_definition_says_so(fhir: str) -> None:
    found = made("questionnaires", "questionnaire: {text: QLQ}", fhir=fhir)["QuestionnaireResponse/a"]

    assert "unknown" == found["_questionnaire"]["extension"][0]["valueCode"]

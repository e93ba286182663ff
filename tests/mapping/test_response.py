"""What a response was judged by decides its category and evidence, and the last one tells a remission."""

from __future__ import annotations

from typing import Any

import pytest

from small_case import built

CANCER = (
    "conditions: [{{key: c, kind: primary-cancer, diagnosis: {{text: cancer}}, status: {status}, "
    "verification: confirmed, source: s}}]\n"
)


def responses(*written: str, status: str = "active") -> dict[str, Any]:
    entries = ", ".join(f"{{key: r{number}, of: c, source: s, {one}}}" for number, one in enumerate(written))
    return built(f"{CANCER.format(status=status)}responses: [{entries}]")


def categories(resource: dict[str, Any]) -> list[str]:
    return [one["coding"][0]["code"] for one in resource["category"]]


def codes(concept: dict[str, Any]) -> list[str]:
    return [one["code"] for one in concept.get("coding", [])]


JUDGED = [
    ("[histology]", ["laboratory"], ["714797009"]),
    ("[cytology]", ["laboratory"], ["116147009"]),
    ("[tumour-markers]", ["laboratory"], ["250724005"]),
    ("[laboratory]", ["laboratory"], ["386344002"]),
    ("[physical-examination]", ["exam"], ["5880005"]),
    ("[imaging]", ["imaging"], ["363679005"]),
    ("[imaging, tumour-markers]", ["imaging", "laboratory"], ["363679005", "250724005"]),
    ("[{text: the judgement of the family}]", ["exam"], []),
]


@pytest.mark.parametrize(("basis", "kinds", "evidence"), JUDGED)
def test_a_response_has_the_category_and_the_evidence_of_what_it_was_judged_by(
    basis: str, kinds: list[str], evidence: list[str]
) -> None:
    made = responses(f"response: complete-response, basis: {basis}, at: anchor")
    status, by_criteria = made["Observation/r0"], made["Observation/r0-criteria"]

    assert kinds == categories(status) == categories(by_criteria)
    assert evidence == [codes(one["valueCodeableConcept"])[0] for one in status.get("extension", [])]


def test_a_response_of_which_nothing_tells_what_it_was_judged_by_has_no_evidence() -> None:
    status = responses("response: complete-response, at: anchor")["Observation/r0"]

    assert (["exam"], False) == (categories(status), "extension" in status)
    assert "Judged" not in status["text"]["div"]


def test_evidence_without_a_code_is_a_note_since_the_profile_takes_codes_only() -> None:
    made = responses("response: complete-response, basis: [{text: how she felt}], at: anchor")

    assert "extension" not in made["Observation/r0"]
    assert [{"text": "Judged by how she felt."}] == made["Observation/r0"]["note"]


def test_the_last_complete_response_of_a_cancer_in_remission_is_a_remission() -> None:
    complete, partial = "response: complete-response, basis: [imaging]", "response: partial-response, basis: [imaging]"
    made = responses(f"{complete}, at: +9 mo", f"{partial}, at: +3 mo", f"{complete}, at: +6 mo", status="remission")
    values = {key: codes(made[f"Observation/{key}"]["valueCodeableConcept"]) for key in ("r0", "r1", "r2")}

    assert {"r0": ["103338009"], "r1": ["268910001"], "r2": ["268910001"]} == values


def test_a_complete_response_of_a_cancer_that_is_not_in_remission_is_an_improvement() -> None:
    made = responses("response: complete-response, basis: [imaging], at: +9 mo", status="active")

    assert ["268910001"] == codes(made["Observation/r0"]["valueCodeableConcept"])


@pytest.mark.parametrize(
    ("response", "status"),
    [
        ("complete-remission", ["103338009"]),
        ("partial-remission", ["103337004"]),
        ("complete-remission-incomplete-recovery", ["103338009"]),
        ("stable-disease", ["359746009"]),
        ("relapse", ["271299001"]),
        ("not-evaluable", ["709137006"]),
        ("refractory", []),
    ],
)
def test_a_response_says_of_the_disease_what_mcode_has_a_code_for(response: str, status: list[str]) -> None:
    made = responses(f"response: {response}, basis: [laboratory], at: anchor")

    assert status == codes(made["Observation/r0"]["valueCodeableConcept"])

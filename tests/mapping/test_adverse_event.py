"""What came of adverse events, in each release, and what follows for their Conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fhir_case import build_bundle
from fhir_case.mapping import read_case
from support import resources

if TYPE_CHECKING:
    from fhir_case.fhir.wire import Resource

HEAD = """\
case: events
title: Made up
report: {citation: Made up., transcribed: 2026-11-28}
timeline: {anchor: a, index_date: 2020-03-01}
patient: {sex: female, age: 60 a, at: anchor, source: s}
medications:
  - {key: a, drug: {text: gefitinib}, dose: 250 mg, at: anchor, status: stopped, source: s}
  - {key: b, drug: {text: gefitinib}, dose: 125 mg, at: +9 d, status: active, source: s}
procedures:
  - {key: c, procedure: {text: transfusion}, at: +9 d, source: s}
adverse_events:
"""


def made(fields: str, fhir: Any = "R4") -> dict[str, Resource]:
    entry = f"  - {{key: rash, event: {{text: rash}}, at: +7 d, suspects: [a, b], {fields}, source: s}}\n"
    return resources(build_bundle(read_case(HEAD + entry), fhir=fhir))


@pytest.mark.parametrize(
    ("written", "outcome", "status"),
    [
        ("outcome: {text: resolved}", "resolved", "resolved"),
        ("outcome: {text: Recovered.}", "resolved", "resolved"),
        ("outcome: resolved", "resolved", "resolved"),
        ("until: +20 d", "resolved", "resolved"),
        ("outcome: resolved-with-sequelae", "resolvedWithSequelae", "resolved"),
        ("outcome: {text: improving}", "recovering", "active"),
        ("outcome: ongoing", "ongoing", "active"),
        ("grade: 5", "fatal", "active"),
        ("outcome: {text: died}", "fatal", "active"),
        ("outcome: {text: lost to follow-up}", "unknown", None),
        ("grade: 2", None, None),
    ],
)
@pytest.mark.parametrize("fhir", ["R4", "R5"])
def test_the_outcome_and_the_status_of_the_condition_follow_what_is_written(
    written: str, outcome: str | None, status: str | None, fhir: Any
) -> None:
    found = made(written, fhir)
    event, condition = found["AdverseEvent/events-rash"], found["Condition/events-rash-condition"]
    outcomes = event.get("outcome", []) if fhir == "R5" else [event["outcome"]] if "outcome" in event else []
    clinical = condition["clinicalStatus"]["coding"][0]["code"] if "clinicalStatus" in condition else None
    category = condition["category"][0]["coding"][0]["code"]

    assert ([outcome] if outcome else []) == [one["coding"][0]["code"] for one in outcomes]
    assert (status or ("unknown" if fhir == "R5" else None)) == clinical
    assert ("problem-list-item" if status else "health-concern") == category
    assert ["us-core-condition-problems-health-concerns"] * (fhir == "R4") == [
        one.rpartition("/")[2] for one in condition["meta"].get("profile", [])
    ]
    assert (status == "resolved") == bool({"abatementDateTime", "_abatementDateTime"} & condition.keys())


def test_the_words_of_the_report_stay_beside_the_code() -> None:
    event = made("outcome: {text: healed without a scar}")["AdverseEvent/events-rash"]

    assert ("unknown", "healed without a scar") == (event["outcome"]["coding"][0]["code"], event["outcome"]["text"])


def test_what_resolved_has_its_end() -> None:
    assert "2020-03-21" == made("until: +20 d")["Condition/events-rash-condition"]["abatementDateTime"]


def test_seriousness_severity_and_grade_are_three_things() -> None:
    found = made("seriousness: serious, severity: severe, grade: 3")
    event, grade = found["AdverseEvent/events-rash"], found["Observation/events-rash-grade"]

    assert ("serious", "severe") == tuple(event[each]["coding"][0]["code"] for each in ("seriousness", "severity"))
    assert 3 == grade["valueInteger"]
    assert "24484000" == found["Condition/events-rash-condition"]["severity"]["coding"][0]["code"]


def test_all_suspects_are_named() -> None:
    suspects = made("grade: 1")["AdverseEvent/events-rash"]["suspectEntity"]

    assert ["MedicationStatement/events-a", "MedicationStatement/events-b"] == [
        one["instance"]["reference"] for one in suspects
    ]


def test_what_was_done_is_a_mitigating_action_in_r5() -> None:
    done = "actions: [{action: dose-reduced, treatment: b}, {action: {text: blood}, treatment: c}]"
    event = made(done, "R5")["AdverseEvent/events-rash"]

    assert "extension" not in event
    assert [
        {"itemCodeableConcept": {"text": "the dose was reduced"}},
        {"itemReference": {"reference": "MedicationRequest/events-b"}},
        {"itemCodeableConcept": {"text": "blood"}},
        {"itemReference": {"reference": "Procedure/events-c"}},
    ] == event["mitigatingAction"]


def test_another_word_of_the_table_is_its_short_name() -> None:
    assert made("outcome: resolved")["AdverseEvent/events-rash"]["outcome"] == (
        made("outcome: Fully recovered")["AdverseEvent/events-rash"]["outcome"] | {"text": "resolved"}
    )

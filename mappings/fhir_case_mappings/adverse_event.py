"""Adverse events, with the disease and the grade as resources that every server keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.fhir.datatypes import annotation, code_of, reference
from fhir_case.fhir.systems import (
    ADVERSE_EVENT_OUTCOME,
    CONDITION_CATEGORY,
    CONDITION_CLINICAL,
    CONDITION_VERIFICATION,
    US_CORE,
)
from fhir_case.mapping import PATIENT, Codes, Mapping, dated, moment_words, observation, reference_to, resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.case.model import AdverseEvent
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "adverse_events"]

_codes = Codes.beside(__name__)


def adverse_events(case: Case) -> Iterator[Resource]:
    """
    Map adverse events.

    R4 has no grade and no action in AdverseEvent, and its severity is not a grade: the grade is an Observation, and
    what came of the event stands in words beside the outcome code.

    Reads: ``case.adverse_events``.
    Gives: one AdverseEvent, one Condition and, with a grade, one Observation each.
    Source: https://hl7.org/fhir/R4/adverseevent.html
    """
    for event in case.adverse_events:
        yield from _event(case, event)


def _event(case: Case, event: AdverseEvent) -> Iterator[Resource]:
    code = _codes.concept("events", event.event, event)
    when = moment_words(case, event.at)
    graded = f"{code['text']}, grade {event.grade}" if event.grade else code["text"]
    outcome = _codes.words("events", event.outcome, event) if event.outcome else ""
    condition = f"{event.key}-condition"
    yield resource(
        "AdverseEvent",
        event.key,
        event,
        f"{graded} ({when}).",
        f"Outcome: {outcome}." if outcome else "",
        actuality="actual",
        event={**code, "text": graded},
        subject=PATIENT,
        **dated(case, "date", event.at, event),
        resultingCondition=[reference("Condition", condition)],
        outcome={**code_of(ADVERSE_EVENT_OUTCOME, "unknown"), "text": outcome} if outcome else None,
        suspectEntity=[{"instance": reference_to(case, key)} for key in event.suspects],
    )
    yield resource(
        "Condition",
        condition,
        event,
        f"{graded} ({when}).",
        profile=US_CORE + "us-core-condition-problems-health-concerns",
        clinicalStatus=code_of(CONDITION_CLINICAL, "active"),
        verificationStatus=code_of(CONDITION_VERIFICATION, "confirmed"),
        category=[code_of(CONDITION_CATEGORY, "problem-list-item")],
        severity={"text": f"grade {event.grade}"} if event.grade else None,
        code=_codes.concept("diagnoses", event.event, event) if event.event.name else code,
        subject=PATIENT,
        **dated(case, "onsetDateTime", event.at, event),
        **annotation(event.note),
    )
    if event.grade is not None:
        yield observation(
            case,
            event,
            key=f"{event.key}-grade",
            kind="exam",
            code={"text": f"Grade of {code['text'].lower()}"},
            value={"valueInteger": event.grade},
            words=str(event.grade),
            at=event.at,
            profile=US_CORE + "us-core-simple-observation",
            focus=[reference("Condition", condition)],
        )


MAPPING = Mapping("adverse-event", adverse_events, "AdverseEvent, with its Condition and its grade as Observation")

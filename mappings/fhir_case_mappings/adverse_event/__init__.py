"""Adverse events, with the disease and the grade as resources that every server keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from fhir_case.case import Concept, Event, Section
from fhir_case.case.entry import TreatmentKey
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
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "AdverseEvent", "adverse_events"]

_codes = Codes.beside(__name__)


class AdverseEvent(Event):
    """
    An adverse event.

    Args:
        grade: The grade as printed, 1 to 5.
        suspects: The treatments that are suspected.
        outcome: What came of it, as the report says.
    """

    event: Annotated[Concept, _codes.table("events")]
    grade: Annotated[int, Field(strict=True, ge=1, le=5)] | None = None
    suspects: tuple[TreatmentKey, ...] = ()
    outcome: Annotated[Concept, _codes.table("events")] | None = None


def adverse_events(case: Case) -> Iterator[Resource]:
    """
    Map adverse events.

    R4 has no grade and no action in AdverseEvent, and its severity is not a grade: the grade is an Observation, and
    what came of the event stands in words beside the outcome code.

    Reads: each `AdverseEvent`.
    Returns: one AdverseEvent, one Condition and, with a grade, one Observation each.
    Source: https://hl7.org/fhir/R4/adverseevent.html
    """
    for event in case.entries_of(AdverseEvent):
        yield from _event(case, event)


def _event(case: Case, event: AdverseEvent) -> Iterator[Resource]:
    code = _codes.concept("events", event.event, event)
    when = moment_words(case, event.at)
    graded = f"{code['text']}, grade {event.grade}" if event.grade else code["text"]
    outcome = _codes.words("events", event.outcome, event) if event.outcome else ""
    condition = f"{event.key}-condition"
    condition_term = _codes.find("event_conditions", event.event)
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
        code=condition_term.codeable_concept(event.event.text) if condition_term and not event.event.code else code,
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


MAPPING = Mapping(
    "adverse-event",
    adverse_events,
    "AdverseEvent, with its Condition and its grade as Observation",
    sections=(
        Section(
            "adverse_events",
            AdverseEvent,
            resource="AdverseEvent",
            time="date",
            example="""\
adverse_events:
  - key: diarrhoea
    event: {text: diarrhoea}
    grade: 1
    at: 2 wk after capecitabine
    suspects: [capecitabine]
    source: made up
""",
        ),
    ),
)

"""Adverse events, with the disease and the grade as resources that every server keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case import Concept, Event, Section, When
from fhir_case.case.entry import TreatmentKey
from fhir_case.case.forms import Form
from fhir_case.fhir.datatypes import absent, annotation, code_of, extension, reference
from fhir_case.fhir.systems import (
    ADVERSE_EVENT_SERIOUSNESS,
    ADVERSE_EVENT_SEVERITY,
    CONDITION_CATEGORY,
    CONDITION_CLINICAL,
    CONDITION_VERIFICATION,
    ELEMENT_OF_R5,
    HEALTH_CONCERN,
    US_CORE,
)
from fhir_case.mapping import PATIENT, Codes, Mapping, dated, moment_words, observation, reference_to, resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.codes import Term
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Action", "AdverseEvent", "adverse_events"]

_codes = Codes.beside(__name__)

_FATAL_GRADE = 5


class Action(Form):
    """
    What was done about an adverse event.

    Args:
        action: Such as ``dose-reduced`` or ``treatment-withdrawn``, or words.
        treatment: The treatment that it led to: the drug in its new dose, or what was given against the event.
    """

    action: Annotated[Concept, _codes.table("actions")]
    treatment: TreatmentKey | None = None


class AdverseEvent(Event):
    """
    An adverse event.

    Args:
        event: What happened.
        grade: The grade as printed, 1 to 5; 5 is death.
        severity: The severity as the report calls it; it is no grade.
        seriousness: What the report calls it: serious is what led to death, a danger to life, a stay in hospital …
        suspects: The treatments that are suspected.
        actions: What was done about it.
        outcome: What came of it: ``resolved``, ``recovering``, ``ongoing``, ``fatal``, or the words of the report.
        until: When it had resolved.
    """

    event: Annotated[Concept, _codes.table("events")]
    grade: Annotated[int, Field(strict=True, ge=1, le=5)] | None = None
    severity: Literal["mild", "moderate", "severe"] | None = None
    seriousness: Literal["serious", "non-serious"] | None = None
    suspects: tuple[TreatmentKey, ...] = ()
    actions: tuple[Action, ...] = ()
    outcome: Annotated[Concept, _codes.table("outcomes")] | None = None
    until: When | None = None

    @property
    def known_outcome(self) -> Term | None:
        """Return what is known of its outcome: as written, or by the grade or the end where nothing is written."""
        given = self.outcome
        if given is None:
            name = "fatal" if self.grade == _FATAL_GRADE else "resolved" if self.until is not None else None
            return _codes.find("outcomes", Concept(name=name)) if name else None
        if given.name is not None:
            return _codes.find("outcomes", given)
        said = " ".join((given.text or "").lower().split()).rstrip(".")
        terms = _codes.terms("outcomes").values()
        return next((term for term in terms if said == term.text or said in term.more["words"]), None)

    @model_validator(mode="after")
    def _outcome_fits(self) -> Self:
        known = self.known_outcome
        if self.grade == _FATAL_GRADE and known is not None and known.name != "fatal":
            raise PydanticCustomError("outcome", "an event of grade 5 is fatal; correct the grade or the outcome")
        if self.until is not None and (known is None or known.more.get("status") != "resolved"):
            raise PydanticCustomError(
                "until", "what has an end is resolved; write 'outcome: resolved', or leave it out"
            )
        return self


def adverse_events(case: Case) -> Iterator[Resource]:
    """
    Map adverse events.

    R4 has no grade and no action in AdverseEvent, and its severity is not a grade: the grade is an Observation, and the
    actions are in the extension that R4 has for an element of R5. The Condition has the status that the outcome says,
    and where the report tells no outcome, none that is known.

    Reads: each `AdverseEvent`.
    Returns: one AdverseEvent, one Condition and, with a grade, one Observation each.
    Source: https://hl7.org/fhir/R4/adverseevent.html, https://hl7.org/fhir/R5/adverseevent.html
    """
    for event in case.entries_of(AdverseEvent):
        yield _event(case, event)
        yield _condition(case, event)
        if event.grade is not None:
            yield observation(
                case,
                event,
                key=f"{event.key}-grade",
                kind="exam",
                code={"text": f"Grade of {_codes.words('events', event.event, event).lower()}"},
                value={"valueInteger": event.grade},
                words=str(event.grade),
                at=event.at,
                profile=US_CORE + "us-core-simple-observation",
                focus=[reference("Condition", f"{event.key}-condition")],
            )


def _event(case: Case, event: AdverseEvent) -> Resource:
    code = _codes.concept("events", event.event, event)
    outcome = _outcome(event)
    return resource(
        "AdverseEvent",
        event.key,
        event,
        f"{_graded(event)} ({moment_words(case, event.at)}).",
        f"It was {event.seriousness}." if event.seriousness else "",
        f"Done about it: {'; '.join(_codes.words('actions', one.action, event) for one in event.actions)}."
        if event.actions
        else "",
        _outcome_words(case, event),
        extension=[extension(_MITIGATING_ACTION, extension=[item]) for item in _actions(case, event)],
        actuality="actual",
        event={**code, "text": _graded(event)},
        subject=PATIENT,
        **dated(case, "date", event.at, event),
        resultingCondition=[reference("Condition", f"{event.key}-condition")],
        seriousness=_SERIOUSNESS[event.seriousness] if event.seriousness else None,
        severity=code_of(ADVERSE_EVENT_SEVERITY, event.severity, event.severity.capitalize())
        if event.severity
        else None,
        outcome=outcome,
        suspectEntity=[{"instance": reference_to(case, key)} for key in event.suspects],
    )


_MITIGATING_ACTION = f"{ELEMENT_OF_R5}AdverseEvent.mitigatingAction"
# As HL7 terminology writes the codes since its first version; R4 itself has them with a capital.
_SERIOUSNESS = {
    "serious": code_of(ADVERSE_EVENT_SERIOUSNESS, "serious", "Serious", text="serious"),
    "non-serious": code_of(ADVERSE_EVENT_SERIOUSNESS, "non-serious", "Non-serious", text="not serious"),
}


def _graded(event: AdverseEvent) -> str:
    words = _codes.words("events", event.event, event)
    parts = (event.severity or "", f"grade {event.grade}" if event.grade else "")
    return ", ".join(filter(None, (words, *parts)))


def _outcome(event: AdverseEvent) -> dict[str, Any] | None:
    """Return the outcome, by a code of the value set that R4 requires, with the words of the report."""
    known = event.known_outcome
    if known is None and event.outcome is None:
        return None
    words = event.outcome.text if event.outcome else None
    if known is None:
        known = _codes.terms("outcomes")["unknown"]
    return known.codeable_concept(words)


def _outcome_words(case: Case, event: AdverseEvent) -> str:
    outcome = _outcome(event)
    if outcome is None:
        return "The report does not say what came of it."
    ended = moment_words(case, event.until)
    return f"Outcome: {outcome['text']}" + (f" ({ended})." if ended else ".")


def _actions(case: Case, event: AdverseEvent) -> Iterator[dict[str, Any]]:
    """Return the items of the actions: what was done in words, and the treatment that it led to."""
    for one in event.actions:
        yield extension("item", valueCodeableConcept=_codes.concept("actions", one.action, event))
        if one.treatment is not None:
            led_to = reference_to(case, one.treatment)["reference"]
            # What R5 takes here of a drug is its plan.
            plan = led_to.replace("MedicationStatement/", "MedicationRequest/")
            yield extension("item", valueReference={"reference": plan})


def _condition(case: Case, event: AdverseEvent) -> Resource:
    term = _codes.find("event_conditions", event.event)
    code = _codes.concept("events", event.event, event)
    known = event.known_outcome
    status = known.more.get("status") if known else None
    severity = _codes.terms("severities")[event.severity].codeable_concept() if event.severity else None
    ended = dated(case, "abatementDateTime", event.until, event)
    if status == "resolved" and not ended:
        ended = {"_abatementDateTime": {"extension": absent()}}
    return resource(
        "Condition",
        f"{event.key}-condition",
        event,
        f"{_graded(event)} ({moment_words(case, event.at)}).",
        _outcome_words(case, event),
        profile=US_CORE + "us-core-condition-problems-health-concerns",
        # R4 has no code for an unknown status, and what may be over is on no list of problems.
        clinicalStatus=code_of(CONDITION_CLINICAL, status) if status else None,
        verificationStatus=code_of(CONDITION_VERIFICATION, "confirmed"),
        category=[
            code_of(CONDITION_CATEGORY, "problem-list-item")
            if status
            else code_of(HEALTH_CONCERN, "health-concern", "Health Concern")
        ],
        severity=severity or ({"text": f"grade {event.grade}"} if event.grade else None),
        code=term.codeable_concept(event.event.text) if term and not event.event.code else code,
        subject=PATIENT,
        **dated(case, "onsetDateTime", event.at, event),
        **ended,
        **annotation(event.note),
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
            roles=("adverse-event",),
            example="""\
adverse_events:
  - key: diarrhoea
    event: {text: diarrhoea}
    grade: 1
    at: 2 wk after capecitabine
    suspects: [capecitabine]
    actions: [{action: dose-not-changed}]
    outcome: resolved  # or recovering, ongoing, resolved-with-sequelae, fatal
    until: 4 wk after capecitabine
    source: made up
""",
        ),
    ),
)

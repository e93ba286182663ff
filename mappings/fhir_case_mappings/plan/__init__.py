"""Plans and decisions: tumour board, care plan, follow-up schedule, and what was decided and not carried out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case import Concept, Event, KeyedEntry, Quantity, Section, When
from fhir_case.case.entry import ConditionKey, EventKey
from fhir_case.case.forms import Text
from fhir_case.fhir.datatypes import annotation, code_of, extension, reference
from fhir_case.fhir.systems import CAREPLAN_CATEGORY, REQUEST_STATUS_REASON, US_CORE
from fhir_case.mapping import PATIENT, Codes, Mapping, dated, moment_words, period, reference_to, resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Activity", "Plan", "plans"]

_codes = Codes.beside(__name__)

_PERIOD_UNITS = {"d": "day", "wk": "week", "mo": "month", "a": "year"}
_STATUS = {
    "planned": "active",
    "done": "completed",
    "declined": "revoked",
    "cancelled": "revoked",
    "unknown": "unknown",
}


class Activity(KeyedEntry):
    """
    One thing that a plan asks for.

    Args:
        what: What is to be done.
        status: What came of it, as far as the report tells.
        reason: Why it was not carried out.
        at: When it was to be done.
        every: The interval at which it is to be repeated, in d, wk, mo or a, for example ``3 mo``.
        times: How often it is to be repeated.
        done_by: The entries of what was done in the end.
    """

    what: Annotated[Concept, _codes.table("procedures")]
    status: Literal["planned", "done", "declined", "cancelled", "unknown"]
    reason: Text | None = None
    at: When | None = None
    every: Quantity | None = None
    times: Annotated[int, Field(strict=True, ge=1, le=1000)] | None = None
    done_by: tuple[EventKey, ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.every is not None and (self.every.unit not in _PERIOD_UNITS or self.every.value <= 0):
            raise PydanticCustomError("every", "an interval is a time such as 3 mo, 2 wk or 1 a")
        if self.times is not None and self.every is None:
            raise PydanticCustomError("times", "what is repeated needs its interval: 'every'")
        if self.reason is not None and self.status not in {"declined", "cancelled"}:
            raise PydanticCustomError("reason", "a reason is for what was declined or cancelled")
        return self


class Plan(Event):
    """
    A plan or a decision.

    Args:
        plan: What it is: a decision of a tumour board, a follow-up schedule, a plan of treatment.
        decision: What was decided, in words.
        status: What became of the plan.
        of: The conditions that it is about.
        until: Until when it holds.
        activities: What it asks for.
    """

    plan: Annotated[Concept, _codes.table("plans")]
    decision: Text
    status: Literal["active", "on-hold", "revoked", "completed", "unknown"] = "unknown"
    of: tuple[ConditionKey, ...] = ()
    until: When | None = None
    activities: tuple[Activity, ...] = ()


def plans(case: Case) -> Iterator[Resource]:
    """
    Map plans and decisions. What a plan asks for is a request of its own, so that one that was not carried out says so.

    Reads: each `Plan` with its activities.
    Returns: one CarePlan (us-core-careplan) each, one ServiceRequest an activity.
    Source: https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-careplan.html
    """
    for plan in case.entries_of(Plan):
        code = _codes.concept("plans", plan.plan, plan)
        asked = [_in_words(case, plan, one) for one in plan.activities]
        yield resource(
            "CarePlan",
            plan.key,
            plan,
            f"{code['text']} ({moment_words(case, plan.at)}): {plan.decision}",
            *asked,
            f"Status: {plan.status}." if plan.status != "unknown" else "",
            profile=US_CORE + "us-core-careplan",
            status=plan.status,
            intent="plan",
            category=[code_of(CAREPLAN_CATEGORY, "assess-plan", "Assessment and Plan of Treatment"), code],
            title=code["text"],
            description=plan.decision,
            subject=PATIENT,
            period=period(case, plan.at, plan.until, plan),
            **dated(case, "created", plan.at, plan),
            addresses=[reference("Condition", key) for key in plan.of],
            activity=[
                {
                    **({"outcomeReference": [reference_to(case, key) for key in one.done_by]} if one.done_by else {}),
                    "reference": reference("ServiceRequest", one.key),
                }
                for one in plan.activities
            ],
            **annotation(plan.note),
        )
        for one in plan.activities:
            yield _request(case, plan, one)


def _request(case: Case, plan: Plan, activity: Activity) -> Resource:
    code = _codes.concept("procedures", activity.what, activity)
    reason = {"text": activity.reason} if activity.reason else None
    return resource(
        "ServiceRequest",
        activity.key,
        activity,
        _in_words(case, plan, activity),
        extension=[extension(REQUEST_STATUS_REASON, valueCodeableConcept=reason)] if reason else [],
        status=_STATUS[activity.status],
        intent="plan",
        code=code,
        subject=PATIENT,
        reasonReference=[reference("Condition", key) for key in plan.of],
        **_occurrence(case, activity),
        **dated(case, "authoredOn", plan.at, None),
        **annotation(activity.note, f"{activity.status.capitalize()}: {activity.reason}." if activity.reason else None),
    )


def _occurrence(case: Case, activity: Activity) -> dict[str, Any]:
    if activity.every is None:
        return dated(case, "occurrenceDateTime", activity.at, activity)
    start = dated(case, "start", activity.at, activity)
    return {
        "occurrenceTiming": {
            "repeat": {
                **({"boundsPeriod": start} if start else {}),
                **({"count": activity.times} if activity.times else {}),
                "frequency": 1,
                "period": _codes.quantity(activity.every)["value"],
                "periodUnit": activity.every.unit,
            }
        }
    }


def _in_words(case: Case, plan: Plan, activity: Activity) -> str:
    words = [_codes.words("procedures", activity.what, plan)]
    if activity.every is not None:
        count, unit = activity.every.value, _PERIOD_UNITS[activity.every.unit or "d"]
        words.append(f"every {unit}" if count == 1 else f"every {count} {unit}s")
    if activity.times is not None:
        words.append(f"{activity.times} times")
    when = moment_words(case, activity.at)
    told = f" ({when})" if when else ""
    came = {"planned": "", "unknown": ""}.get(activity.status, f", {activity.status}")
    return f"{' '.join(words)}{told}{came}" + (f": {activity.reason}." if activity.reason else ".")


MAPPING = Mapping(
    "plan",
    plans,
    "CarePlan (US Core) of a plan or a decision, and ServiceRequest of what it asks for",
    sections=(
        Section(
            "plans",
            Plan,
            resource="CarePlan",
            time="created",
            parts=(Section("activities", Activity, resource="ServiceRequest", time="occurrenceDateTime"),),
            example="""\
plans:
  - key: tumour-board
    plan: tumour-board  # or follow-up, treatment-plan, …, {text: …}
    decision: Resection, then adjuvant chemotherapy.
    status: completed
    of: [colon-cancer]
    activities:
      - {key: plan-resection, what: {text: resection}, status: done, done_by: [operation], source: made up}
      - {key: plan-radiotherapy, what: {text: radiotherapy}, status: declined, reason: fear, source: made up}
    at: baseline
    source: made up
  - key: follow-up-plan
    plan: follow-up
    decision: CT of chest and abdomen at regular intervals.
    activities:
      - {key: follow-up-ct, what: {text: CT of chest and abdomen}, status: planned, every: 3 mo, source: made up}
    at: +6 mo
    source: made up
""",
        ),
    ),
)

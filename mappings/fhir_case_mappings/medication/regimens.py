"""Regimens: drug therapies of one or several drugs, with their cycles, line and intent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case import Concept, KeyedEntry, Quantity, Section, When
from fhir_case.case.entry import ConditionKey
from fhir_case.case.forms import Text
from fhir_case.fhir.datatypes import absent, annotation, category, reference
from fhir_case.fhir.systems import US_CORE
from fhir_case.mapping import (
    PATIENT,
    PERFORMER,
    Mapping,
    intent_extension,
    moment_words,
    period,
    resource,
)
from fhir_case_mappings.medication.dosing import Line, Status, codes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Regimen", "count_observation", "regimens"]

_DAYS = {"d": 1, "day": 1, "days": 1, "wk": 7, "week": 7, "weeks": 7}
_STATUS = {"active": "in-progress", "intended": "preparation", "not-taken": "not-done"}
_STATUS_WORDS = {"active": "under way", "not-taken": "not given", "unknown": "whether it ended is not stated"}

Cycles = Annotated[int, Field(strict=True, ge=1, le=999)]


class Regimen(KeyedEntry):
    """
    A drug therapy of one or several drugs. Its drugs are entries of ``medications`` that name it as their ``regimen``.

    Args:
        regimen: Its name, such as ``folfox``, or {text: …}.
        kind: What sort of therapy it is, such as ``chemotherapy``.
        line: The line of therapy: 1 for the first.
        intent: What it is meant to do, such as ``palliative`` or ``adjuvant``.
        cycle: The length of a cycle, such as ``21 d``.
        cycles: How many cycles were given.
        at: The begin; absent when the report does not say.
        until: The end.
        status: The last status that the report gives.
        stopped_for: Why it ended, or was not given.
        reasons: The diseases that it is for.
        targets: What it is for, where that is no disease of the case.
        identifier: What names it elsewhere, such as the number of a trial.
    """

    regimen: Annotated[Concept, codes.table("regimens", suggest=False)]
    kind: Annotated[Concept, codes.table("therapies")] | None = None
    line: Line | None = None
    intent: Annotated[Concept, codes.table("intents")] | None = None
    cycle: Quantity | None = None
    cycles: Cycles | None = None
    at: When | None = None
    until: When | None = None
    status: Status
    stopped_for: Annotated[Concept, codes.table("reasons")] | None = None
    reasons: tuple[ConditionKey, ...] = ()
    targets: tuple[Concept, ...] = ()
    identifier: Text | None = None

    @model_validator(mode="after")
    def _cycle_is_in_days(self) -> Self:
        if self.cycle is not None and not self.days:
            raise PydanticCustomError("cycle", "the length of a cycle is a whole number of days or weeks, such as 21 d")
        return self

    @property
    def days(self) -> int:
        """Return the length of a cycle in days; 0 where it is not said."""
        length = self.cycle.value * _DAYS.get(self.cycle.unit or "", 0) if self.cycle else 0
        return int(length) if 0 < length <= 366 and length == int(length) else 0


def regimens(case: Case) -> Iterator[Resource]:
    """
    Map each regimen; its drugs are mapped by themselves and lead to it.

    FHIR has no element for the line of therapy, nor for cycles: they are Observations that are part of the Procedure.

    Reads: each `Regimen`; begin and end may be absent.
    Returns: one Procedure each, profile us-core-procedure, and an Observation each for line and number of cycles.
    Source: https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-procedure.html
    """
    for regimen in case.entries_of(Regimen):
        when = period(case, regimen.at, regimen.until, regimen) or {"extension": absent()}
        yield _procedure(case, regimen, when)
        counts = {"line": ("Line of therapy", regimen.line), "cycles": ("Number of cycles given", regimen.cycles)}
        for suffix, (text, number) in counts.items():
            if number is not None:
                part_of = reference("Procedure", regimen.key)
                yield count_observation(regimen, (suffix, text, number), _name(regimen), part_of, when)


def count_observation(
    entry: KeyedEntry, counted: tuple[str, str, int], therapy: str, part_of: dict[str, Any], when: dict[str, Any]
) -> Resource:
    """
    Return the Observation of a number that FHIR has no element for: the line of therapy, or how many cycles were given.

    Args:
        counted: The end of its id, what is counted, and the number.
        therapy: The therapy in words.
        part_of: The reference to it.
        when: Its Period.
    """
    suffix, text, number = counted
    return resource(
        "Observation",
        f"{entry.key}-{suffix}",
        entry,
        f"{text}: {number}, of {therapy}.",
        profile=US_CORE + "us-core-simple-observation",
        partOf=[part_of],
        status="final",
        category=category("therapy"),
        code={"text": text},
        subject=PATIENT,
        effectivePeriod=when,
        performer=PERFORMER,
        valueInteger=number,
    )


def _name(regimen: Regimen) -> str:
    return codes.words("regimens", regimen.regimen, regimen)


def _procedure(case: Case, regimen: Regimen, when: dict[str, Any]) -> Resource:
    code = codes.concept("regimens", regimen.regimen, regimen)
    kind = codes.concept("therapies", regimen.kind, regimen) if regimen.kind else {}
    reason = codes.concept("reasons", regimen.stopped_for, regimen) if regimen.stopped_for else None
    return resource(
        "Procedure",
        regimen.key,
        regimen,
        _sentence(regimen, code["text"], kind.get("text", ""), reason),
        f"Begin: {moment_words(case, regimen.at) or 'not stated'}. "
        f"End: {moment_words(case, regimen.until) or 'not stated'}.",
        profile=US_CORE + "us-core-procedure",
        extension=intent_extension(codes, regimen.intent, regimen),
        status=_STATUS.get(regimen.status, regimen.status),
        statusReason=reason,
        category=kind or {"text": "drug regimen"},
        code={
            **({"coding": coding} if (coding := [*code.get("coding", ()), *kind.get("coding", ())]) else {}),
            "text": code["text"],
        },
        subject=PATIENT,
        performedPeriod=when,
        identifier=[{"value": regimen.identifier}] if regimen.identifier else [],
        reasonCode=[codes.concept("diagnoses", one, regimen) for one in regimen.targets],
        reasonReference=[reference("Condition", key) for key in regimen.reasons],
        **annotation(_cycle_words(regimen), regimen.note),
    )


def _cycle_words(regimen: Regimen) -> str:
    length = f"A cycle has {regimen.days} days." if regimen.days else ""
    return f"Cycles given: {regimen.cycles}. {length}".strip() if regimen.cycles else length


def _sentence(regimen: Regimen, name: str, kind: str, reason: dict[str, Any] | None) -> str:
    intent = codes.words("intents", regimen.intent, regimen) if regimen.intent else ""
    parts = filter(None, (kind, f"line {regimen.line}" if regimen.line else "", intent))
    status = _STATUS_WORDS.get(regimen.status, regimen.status) + (f" ({reason['text']})" if reason else "")
    about = ", ".join(parts)
    return f"{name}{f' ({about})' if about else ''}; {status}. {_cycle_words(regimen)}".strip()


MAPPING = Mapping(
    "regimen",
    regimens,
    "Procedure (US Core) for a drug therapy, with line and number of cycles as Observations",
    sections=(
        Section(
            "regimens",
            Regimen,
            resource="Procedure",
            time="performedPeriod.start",
            roles=("treatment", "regimen"),
            example="""\
regimens:
  - key: first-line
    regimen: folfox  # a short name, or {text: …}; each drug is an entry of medications with `regimen: first-line`
    kind: chemotherapy
    line: 1
    intent: palliative
    cycle: 14 d
    cycles: 6
    at: 8 wk after operation
    status: completed
    reasons: [colon-cancer]
    source: made up
""",
        ),
    ),
)

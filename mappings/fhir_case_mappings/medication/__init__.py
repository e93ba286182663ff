"""Drugs that were taken: one statement a regimen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case import Concept, KeyedEntry, Quantity, Section, When
from fhir_case.case.entry import ConditionKey
from fhir_case.fhir.datatypes import annotation, reference
from fhir_case.mapping import PATIENT, Codes, Mapping, moment_words, period, resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Medication", "medications"]

_codes = Codes.beside(__name__)


class Medication(KeyedEntry):
    """
    One regimen of one drug; a changed dose is a regimen of its own.

    Args:
        frequency: A short name such as ``twice-daily``; absent when the report does not say.
        at: The start, absent when the report does not say.
        until: The end of this regimen.
        status: The last status that the report gives.
        stopped_for: Why this regimen ended.
    """

    drug: Annotated[Concept, _codes.table("drugs")]
    dose: Quantity | None = None
    frequency: Annotated[Concept, _codes.table("frequencies")] | None = None
    at: When | None = None
    until: When | None = None
    status: Literal["active", "completed", "stopped", "on-hold", "unknown"]
    stopped_for: Annotated[Concept, _codes.table("reasons")] | None = None
    reasons: tuple[ConditionKey, ...] = ()

    @model_validator(mode="after")
    def _dose_is_positive(self) -> Self:
        if self.dose is not None and self.dose.value <= 0:
            raise PydanticCustomError("dose", "a dose is more than nothing")
        return self


def medications(case: Case) -> Iterator[Resource]:
    """
    Map each regimen of each drug; frequency, route and form are there only where the report gives them.

    Reads: each `Medication`; start, end, dose and frequency may be absent.
    Returns: one MedicationStatement each.
    Source: https://hl7.org/fhir/R4/medicationstatement.html
    """
    for regimen in case.entries_of(Medication):
        drug = _codes.concept("drugs", regimen.drug, regimen)
        taken = _taken(regimen)
        started = moment_words(case, regimen.at)
        ended = moment_words(case, regimen.until)
        yield resource(
            "MedicationStatement",
            regimen.key,
            regimen,
            f"{drug['text']} {taken}".strip() + f", {regimen.status}.",
            f"Start: {started or 'not stated'}. End: {ended or 'not stated'}.",
            status=regimen.status,
            statusReason=[_codes.concept("reasons", regimen.stopped_for, regimen)] if regimen.stopped_for else [],
            medicationCodeableConcept=drug,
            subject=PATIENT,
            effectivePeriod=period(case, regimen.at, regimen.until, regimen),
            reasonReference=[reference("Condition", key) for key in regimen.reasons],
            **annotation(regimen.note),
            dosage=[_dosage(regimen, taken)] if taken else [],
        )


def _taken(regimen: Medication) -> str:
    frequency = _codes.words("frequencies", regimen.frequency, regimen) if regimen.frequency else ""
    return " ".join(part for part in (str(regimen.dose or ""), frequency) if part)


def _dosage(regimen: Medication, taken: str) -> dict[str, Any]:
    dosage: dict[str, Any] = {"text": taken}
    if regimen.frequency is not None:
        term = _codes.term("frequencies", regimen.frequency, regimen)
        if term is not None:
            dosage["timing"] = {"repeat": dict(term.more["repeat"]), "code": {"coding": list(term.codings)}}
    if regimen.dose is not None:
        dosage["doseAndRate"] = [{"doseQuantity": _codes.quantity(regimen.dose)}]
    return dosage


MAPPING = Mapping(
    "medication",
    medications,
    "MedicationStatement, one a regimen",
    sections=(
        Section(
            "medications",
            Medication,
            resource="MedicationStatement",
            time="effectivePeriod.start",
            roles=("treatment",),
            example="""\
medications:
  - key: capecitabine
    drug: {text: capecitabine}
    dose: 1500 mg
    frequency: twice-daily
    at: 6 wk after operation
    until: 24 wk after capecitabine
    status: completed
    reasons: [colon-cancer]
    source: made up
""",
        ),
    ),
)

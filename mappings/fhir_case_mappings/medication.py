"""Drugs that were taken: one statement a regimen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.fhir.datatypes import annotation, reference
from fhir_case.mapping import PATIENT, Codes, Mapping, moment_words, period, resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.case.model import Medication
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "medications"]

_codes = Codes.beside(__name__)


def medications(case: Case) -> Iterator[Resource]:
    """
    Map each regimen of each drug; frequency, route and form are there only where the report gives them.

    Reads: ``case.medications``; start, end, dose and frequency may be absent.
    Gives: one MedicationStatement each.
    Source: https://hl7.org/fhir/R4/medicationstatement.html
    """
    for regimen in case.medications:
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
            statusReason=[_codes.concept("drugs", regimen.stopped_for, regimen)] if regimen.stopped_for else [],
            medicationCodeableConcept=drug,
            subject=PATIENT,
            effectivePeriod=period(case, regimen.at, regimen.until, regimen),
            reasonReference=[reference("Condition", key) for key in regimen.reasons],
            **annotation(regimen.note),
            dosage=[_dosage(regimen, taken)] if taken else [],
        )


def _taken(regimen: Medication) -> str:
    frequency = _codes.words("drugs", regimen.frequency, regimen) if regimen.frequency else ""
    return " ".join(part for part in (str(regimen.dose or ""), frequency) if part)


def _dosage(regimen: Medication, taken: str) -> dict[str, Any]:
    dosage: dict[str, Any] = {"text": taken}
    if regimen.frequency is not None:
        term = _codes.term("drugs", regimen.frequency, regimen)
        if term is not None:
            dosage["timing"] = {"repeat": dict(term.more["repeat"]), "code": {"coding": list(term.codings)}}
    if regimen.dose is not None:
        dosage["doseAndRate"] = [{"doseQuantity": _codes.quantity(regimen.dose, regimen)}]
    return dosage


MAPPING = Mapping("medication", medications, "MedicationStatement, one a regimen")

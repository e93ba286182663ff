"""Single administrations of drugs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from fhir_case.case import Concept, Event, Section, When
from fhir_case.case.entry import key_of
from fhir_case.case.forms import Key
from fhir_case.fhir.datatypes import absent, annotation, reference
from fhir_case.fhir.systems import MCODE
from fhir_case.mapping import (
    PATIENT,
    Mapping,
    dated,
    intent_extension,
    moment_words,
    period,
    reason_of_end,
    resource,
    treats_cancer,
)
from fhir_case_mappings.medication.dosing import Given, codes, dose_and_rate, given_words, normalisation
from fhir_case_mappings.medication.medication import Medication
from fhir_case_mappings.medication.regimens import Regimen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Administration", "administrations"]

_Number = Annotated[int, Field(strict=True, ge=1, le=999)]


class Administration(Given, Event):
    """
    One administration of a drug.

    Args:
        drug: The drug.
        of: The entry of ``medications`` that it is an administration of; dose, route and the like are those of that
            entry where it has none of its own.
        cycle: The number of the cycle.
        day: The day of the cycle.
        until: The end of a long infusion.
        status: ``completed``, unless the report says otherwise.
    """

    drug: Annotated[Concept, codes.table("drugs", suggest=False)]
    of: Annotated[Key, key_of("medication")] | None = None
    cycle: _Number | None = None
    day: _Number | None = None
    until: When | None = None
    status: Literal["completed", "in-progress", "not-done", "on-hold", "stopped", "unknown"] = "completed"


def administrations(case: Case) -> Iterator[Resource]:
    """
    Map single administrations of drugs.

    Reads: each `Administration`, and the `Medication` and the `Regimen` that it is part of.
    Returns: one MedicationAdministration each, profile mcode-cancer-related-medication-administration where the reason
    is a cancer.
    Source: https://hl7.org/fhir/us/mcode/STU4/StructureDefinition-mcode-cancer-related-medication-administration.html
    """
    planned = {one.key: one for one in case.entries_of(Medication)}
    regimens = {one.key: one for one in case.entries_of(Regimen)}
    for given in case.entries_of(Administration):
        yield _administration(case, given, planned.get(given.of or ""), regimens)


def _administration(
    case: Case, given: Administration, medication: Medication | None, regimens: dict[str, Regimen]
) -> Resource:
    whole = regimens.get(given.regimen or (medication.regimen if medication else None) or "")
    filled = _filled(given, medication)
    drug = codes.concept("drugs", given.drug, given)
    reasons = given.reasons or (medication.reasons if medication else ()) or (whole.reasons if whole else ())
    of_cancer = treats_cancer(case, reasons)
    reason = codes.concept("reasons", given.stopped_for, given) if given.stopped_for else None
    if reason and of_cancer:
        reason = reason_of_end(reason, given.status)
    intent = filled.intent or (whole.intent if whole else None)
    words = ", ".join(filter(None, (given_words(filled), _cycle_words(given))))
    when = moment_words(case, given.at)
    status = given.status.replace("-", " ") + (f", {reason['text']}" if reason else "")
    return resource(
        "MedicationAdministration",
        given.key,
        given,
        f"{drug['text'][:1].upper()}{drug['text'][1:]} {words}".strip() + f" ({when}): {status}.",
        profile=MCODE + "mcode-cancer-related-medication-administration" if of_cancer else None,
        extension=[*intent_extension(codes, intent, given), *(normalisation(filled) if of_cancer else ())],
        partOf=[reference("Procedure", whole.key)] if whole else [],
        status=given.status,
        statusReason=[reason] if reason else [],
        medicationCodeableConcept=drug,
        subject=PATIENT,
        **_time(case, given),
        reasonCode=[codes.concept("diagnoses", one, given) for one in given.targets],
        reasonReference=[reference("Condition", key) for key in reasons],
        request=reference("MedicationRequest", medication.key) if medication else None,
        **annotation(_sentence(_cycle_words(given)), given.note),
        dosage=_dosage(filled, words),
    )


def _filled(given: Administration, medication: Medication | None) -> Administration:
    """Return an administration with what its medication says and it does not."""
    if medication is None:
        return given
    own = {name for name in ("dose", "rate", "over", "route", "site", "intent") if getattr(given, name) is None}
    if given.dose is not None or given.rate is not None:
        own -= {"dose", "rate"}
    return given.model_copy(update={name: getattr(medication, name) for name in own})


def _time(case: Case, given: Administration) -> dict[str, Any]:
    if given.until is None:
        return dated(case, "effectiveDateTime", given.at, given)
    return {"effectivePeriod": period(case, given.at, given.until, given)}


def _cycle_words(given: Administration) -> str:
    parts = (f"cycle {given.cycle}" if given.cycle else "", f"day {given.day}" if given.day else "")
    return ", ".join(filter(None, parts))


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}." if words else ""


def _dosage(given: Administration, words: str) -> dict[str, Any]:
    """
    Return the dosage. FHIR has room for one amount here, so that a range stays in words.

    Its invariant mad-1 asks for an amount or a rate: where there is none, the amount says that it is not known.
    """
    amounts = dose_and_rate(given)
    rate = amounts.get("rateQuantity")
    parts = {
        "text": words,
        "site": codes.site(given.site, given) if given.site else None,
        "route": codes.concept("routes", given.route, given) if given.route else None,
        "dose": amounts.get("doseQuantity") or (None if rate else {"extension": absent()}),
        "rateQuantity": rate,
    }
    return {name: value for name, value in parts.items() if value} if words else {}


MAPPING = Mapping(
    "administration",
    administrations,
    "MedicationAdministration (mCODE where the reason is a cancer)",
    sections=(
        Section(
            "administrations",
            Administration,
            resource="MedicationAdministration",
            time="effectiveDateTime",
            time_of_period="effectivePeriod.start",
            roles=("treatment", "administration"),
            example="""\
administrations:
  - key: vitamin-k
    drug: {text: phytomenadione}
    dose: 10 mg
    route: intravenous
    at: 1 d before operation
    # of: KEY of an entry of medications, cycle: 1, day: 8
    source: made up
""",
        ),
    ),
)

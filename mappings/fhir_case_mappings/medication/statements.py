"""Drugs that were taken: what was planned and what was taken, one of each a dose."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case import Concept, Section, When
from fhir_case.case.checks import refuse_circle
from fhir_case.case.entry import key_of
from fhir_case.case.forms import Key
from fhir_case.fhir.datatypes import annotation, category, reference
from fhir_case.fhir.systems import MCODE, US_CORE
from fhir_case.mapping import (
    PATIENT,
    PERFORMER,
    Mapping,
    intent_extension,
    moment_words,
    period,
    reason_of_end,
    resource,
    treats_cancer,
)
from fhir_case.mapping.concepts import InTable
from fhir_case_mappings.medication.dosing import (
    Given,
    Line,
    Status,
    codes,
    dose_and_rate,
    given_words,
    normalisation,
    timing,
)
from fhir_case_mappings.medication.frequency import Frequency
from fhir_case_mappings.medication.regimens import Regimen
from fhir_case_mappings.medication.schedule import DAYS_OF

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource
    from fhir_case_mappings.medication.schedule import Schedule

__all__ = ["MAPPING", "STATUS_WORDS", "Medication", "medications"]

STATUS_WORDS = {
    "active": "still taken",
    "completed": "completed",
    "stopped": "stopped",
    "on-hold": "on hold",
    "intended": "intended",
    "not-taken": "not taken",
    "unknown": "whether it is still taken is not stated",
}
# What was taken is told of what was planned; nothing is known of a prescription.
_STATUS_OF_PLAN = {"intended": "active", "not-taken": "cancelled"}


def _as_it_is(frequency: Frequency) -> Frequency:
    return frequency  # a prescription need not be in the table


class Medication(Given):
    """
    One drug in one dose; a changed dose is an entry of its own.

    Args:
        drug: The drug.
        frequency: How often, as printed: ``3/d``, ``every 8 h``, ``days 1, 8, 15 of 28``, ``once``, ``weekly``, or a
            short name such as ``twice-daily``; absent when the report does not say.
        at: The start, absent when the report does not say.
        until: The end of this dose.
        status: The last status that the report gives.
        line: The line of therapy, for a drug that is not part of a regimen.
        replaces: The entry with the dose before this one.
    """

    drug: Annotated[Concept, codes.table("drugs", suggest=False)]
    frequency: Annotated[Frequency, InTable(_as_it_is, "frequencies")] | None = None
    at: When | None = None
    until: When | None = None
    status: Status
    line: Line | None = None
    replaces: Annotated[Key, key_of("medication")] | None = None

    @model_validator(mode="after")
    def _belongs_to_one(self) -> Self:
        if self.line is not None and self.regimen is not None:
            raise PydanticCustomError("line", "the line is that of the regimen; write it there")
        return self

    @model_validator(mode="after")
    def _dose_is_for_one_time(self) -> Self:
        unit = self.dose.per_time if self.dose else ""
        schedule = self.frequency.schedule if self.frequency else None
        if unit in DAYS_OF and schedule is not None and DAYS_OF[unit] >= 1 and schedule.most * DAYS_OF[unit] > 1:
            raise PydanticCustomError(
                "dose",
                "'{given}' is for a time in which it is given more than once ({words}): is it the sum, or each dose? "
                "Write what is given at a time, without the time in the unit, or leave the frequency out",
                {"given": str(self.dose), "words": schedule.words},
            )
        return self


def medications(case: Case) -> Iterator[Resource]:
    """
    Map each drug in each dose: what was planned, and what was taken.

    Consumers of mCODE read the MedicationRequest, which is a plan: nothing is known of an order. A drug that is part of
    a regimen has its times and its reasons where it has none of its own. Frequency, route and form are there only where
    the report gives them. A drug that was given once ends when it began.

    Reads: each `Medication`, and the `Regimen` that it is part of.
    Returns: one MedicationStatement and one MedicationRequest each (mcode-cancer-related-medication-request where the
    reason is a cancer, else us-core-medicationrequest), and an Observation for the line of therapy.
    Source: https://hl7.org/fhir/us/mcode/STU4/StructureDefinition-mcode-cancer-related-medication-request.html
    """
    refuse_circle(case.entries_of(Medication), "replaces", "name the entry with the dose before")
    regimens = {one.key: one for one in case.entries_of(Regimen)}
    for medication in case.entries_of(Medication):
        dose = _Dose(case, medication, regimens.get(medication.regimen or ""))
        yield _statement(dose)
        yield _request(dose)
        if medication.line is not None:
            yield _line(dose)


@dataclass(frozen=True)
class _Dose:
    """A medication, and the regimen that it is part of."""

    case: Case
    medication: Medication
    regimen: Regimen | None

    @cached_property
    def schedule(self) -> Schedule | None:
        """Return what is understood of the frequency."""
        schedule = self.medication.frequency.schedule if self.medication.frequency else None
        days = self.regimen.days if self.regimen else 0
        return schedule.of_cycle(days) if schedule is not None and days else schedule

    @cached_property
    def frequency(self) -> str:
        """Return the frequency in words."""
        given = self.medication.frequency
        if given is None:
            return ""
        term = codes.find("frequencies", given)
        if term is not None:
            return given.text or term.text
        return self.schedule.words if self.schedule else given.text or given.code[0].display or given.code[0].code

    @cached_property
    def taken(self) -> str:
        """Return in words what was given and how often."""
        return given_words(self.medication, self.frequency)

    @cached_property
    def drug(self) -> dict[str, Any]:
        """Return the drug as CodeableConcept."""
        return codes.concept("drugs", self.medication.drug, self.medication)

    @cached_property
    def reason_of_end(self) -> dict[str, Any] | None:
        """Return why it ended."""
        given = self.medication.stopped_for
        return codes.concept("reasons", given, self.medication) if given else None

    @cached_property
    def reasons(self) -> tuple[str, ...]:
        """Return the keys of the conditions that it is for."""
        return self.medication.reasons or (self.regimen.reasons if self.regimen else ())

    @cached_property
    def times(self) -> tuple[When | None, When | None]:
        """Return begin and end, those of the regimen where it has no begin of its own."""
        at, until = self.medication.at, self.medication.until
        if at is None and self.regimen is not None:
            return self.regimen.at, until or self.regimen.until
        return at, until

    @cached_property
    def period(self) -> dict[str, Any]:
        """Return the Period; what was given once ends when it began."""
        at, until = self.times
        when = period(self.case, at, until, self.medication)
        repeat = self.schedule.repeat if self.schedule else {}
        if until is None and repeat.get("count") == 1 and "frequency" not in repeat:
            when |= {name.replace("start", "end"): value for name, value in when.items()}
        return when

    def dosage(self, bounds: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the Dosage, with the period in which it is planned where this belongs here."""
        medication, frequency = self.medication, self.medication.frequency
        own = codes.concept("frequencies", frequency, medication)["coding"] if frequency and frequency.code else ()
        amounts = dose_and_rate(medication)
        parts = {
            "text": self.taken,
            "timing": timing(medication, self.schedule, self.frequency, bounds, own),
            "asNeededBoolean": bool(self.schedule and self.schedule.as_needed),
            "site": codes.site(medication.site, medication) if medication.site else None,
            "route": codes.concept("routes", medication.route, medication) if medication.route else None,
            "doseAndRate": [amounts] if amounts else [],
        }
        dosage = {name: value for name, value in parts.items() if value}
        return [dosage] if dosage else []

    @property
    def sentence(self) -> str:
        """Return in a sentence what was given and what became of it."""
        said = f"{self.drug['text']} {self.taken}".strip()
        reason = f" ({self.reason_of_end['text']})" if self.reason_of_end else ""
        return f"{said[:1].upper()}{said[1:]}; {STATUS_WORDS[self.medication.status]}{reason}."

    @property
    def time_words(self) -> str:
        """Return begin and end in words."""
        started, ended = (moment_words(self.case, one) for one in self.times)
        if not (started or ended):
            return "The report says neither when it began nor when it ended."
        return f"Begin: {started or 'not stated'}. End: {ended or 'not stated'}."


def _statement(dose: _Dose) -> Resource:
    medication = dose.medication
    return resource(
        "MedicationStatement",
        medication.key,
        medication,
        dose.sentence,
        dose.time_words,
        status=medication.status,
        statusReason=[dose.reason_of_end] if dose.reason_of_end else [],
        basedOn=[reference("MedicationRequest", medication.key)],
        partOf=[reference("Procedure", medication.regimen)] if medication.regimen else [],
        medicationCodeableConcept=dose.drug,
        subject=PATIENT,
        effectivePeriod=dose.period,
        reasonReference=[reference("Condition", key) for key in dose.reasons],
        **annotation(medication.note),
        dosage=dose.dosage({}),
    )


def _request(dose: _Dose) -> Resource:
    medication, regimen = dose.medication, dose.regimen
    status = _STATUS_OF_PLAN.get(medication.status, medication.status)
    intent = medication.intent or (regimen.intent if regimen else None)
    of_cancer = treats_cancer(dose.case, dose.reasons)
    return resource(
        "MedicationRequest",
        medication.key,
        medication,
        f"Planned, as the report tells it: {dose.sentence}",
        dose.time_words,
        profile=MCODE + "mcode-cancer-related-medication-request"
        if of_cancer
        else US_CORE + "us-core-medicationrequest",
        extension=[*intent_extension(codes, intent, medication), *(normalisation(medication) if of_cancer else ())],
        status=status,
        statusReason=reason_of_end(dose.reason_of_end, status) if dose.reason_of_end else None,
        intent="plan",
        reportedBoolean=True,
        medicationCodeableConcept=dose.drug,
        subject=PATIENT,
        supportingInformation=[reference("Procedure", medication.regimen)] if medication.regimen else [],
        reasonReference=[reference("Condition", key) for key in dose.reasons],
        **annotation(medication.note),
        dosageInstruction=dose.dosage(dose.period),
        priorPrescription=reference("MedicationRequest", medication.replaces) if medication.replaces else None,
    )


def _line(dose: _Dose) -> Resource:
    medication = dose.medication
    return resource(
        "Observation",
        f"{medication.key}-line",
        medication,
        f"Line of therapy: {medication.line}, of {dose.drug['text']}.",
        profile=US_CORE + "us-core-simple-observation",
        partOf=[reference("MedicationStatement", medication.key)],
        status="final",
        category=category("therapy"),
        code={"text": "Line of therapy"},
        subject=PATIENT,
        effectivePeriod=dose.period,
        performer=PERFORMER,
        valueInteger=medication.line,
    )


MAPPING = Mapping(
    "medication",
    medications,
    "MedicationStatement and MedicationRequest (mCODE or US Core), one of each a dose of a drug",
    sections=(
        Section(
            "medications",
            Medication,
            resource="MedicationStatement",
            time="effectivePeriod.start",
            roles=("treatment", "medication"),
            example="""\
medications:
  - key: capecitabine
    drug: {text: capecitabine}
    dose: 1500 mg         # or 75 mg/m2, 5-10 mg, AUC 5
    frequency: 2/d        # or every 8 h, days 1, 8, 15 of 28, once, weekly, as needed
    route: oral
    at: 6 wk after operation
    until: 24 wk after capecitabine
    status: completed
    intent: adjuvant
    line: 1
    reasons: [colon-cancer]
    source: made up
""",
        ),
    ),
)

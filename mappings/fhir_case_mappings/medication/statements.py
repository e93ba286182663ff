"""Drugs that were taken: what was planned and what was taken, one of each a dose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.case import Section
from fhir_case.case.checks import refuse_circle
from fhir_case.fhir.datatypes import annotation, category, reference
from fhir_case.fhir.systems import MCODE, US_CORE
from fhir_case.mapping import PATIENT, PERFORMER, Mapping, intent_extension, reason_of_end, resource, treats_cancer
from fhir_case_mappings.medication.dosing import codes, normalisation
from fhir_case_mappings.medication.medication import Dosing, Medication
from fhir_case_mappings.medication.regimens import Regimen, count_observation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case, Quantity
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "medications"]

# What was taken is told of what was planned; nothing is known of a prescription.
_STATUS_OF_PLAN = {"intended": "active", "not-taken": "cancelled"}
_PLANNED = {"intended": "Planned", "not-taken": "Planned"}
_IMPLIED = "A plan that the treatment implies; the report tells of no order"


def medications(case: Case) -> Iterator[Resource]:
    """
    Map each drug in each dose: what was planned, and what was taken.

    Consumers of mCODE read the MedicationRequest, which is a plan: nothing is known of an order. A drug that is part of
    a regimen has its times and its reasons where it has none of its own. Frequency, route and form are there only where
    the report gives them. A drug that was given once ends when it began.

    Reads: each `Medication`, and the `Regimen` that it is part of.
    Returns: one MedicationStatement and one MedicationRequest each (mcode-cancer-related-medication-request where the
    reason is a cancer, else us-core-medicationrequest), and an Observation each for the line of therapy and the
    cumulative dose.
    Source: https://hl7.org/fhir/us/mcode/STU4/StructureDefinition-mcode-cancer-related-medication-request.html
    """
    refuse_circle(case.entries_of(Medication), "replaces", "name the entry with the dose before")
    regimens = {one.key: one for one in case.entries_of(Regimen)}
    for medication in case.entries_of(Medication):
        dose = Dosing(case, medication, regimens.get(medication.regimen or ""))
        yield _statement(dose)
        yield _request(dose)
        if medication.line is not None:
            yield count_observation(
                medication,
                ("line", "Line of therapy", medication.line),
                dose.drug["text"],
                reference("MedicationStatement", medication.key),
                dose.period,
            )
        if medication.cumulative_dose is not None:
            yield _cumulative_dose(dose, medication.cumulative_dose)


def _statement(dose: Dosing) -> Resource:
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
        category={"text": medication.category} if medication.category else None,
        reasonCode=[codes.concept("diagnoses", one, medication) for one in medication.targets],
        reasonReference=[reference("Condition", key) for key in dose.reasons],
        **annotation(medication.note),
        dosage=dose.dosage({}),
    )


def _request(dose: Dosing) -> Resource:
    medication, regimen = dose.medication, dose.regimen
    status = _STATUS_OF_PLAN.get(medication.status, medication.status)
    intent = medication.intent or (regimen.intent if regimen else None)
    of_cancer = treats_cancer(dose.case, dose.reasons)
    return resource(
        "MedicationRequest",
        medication.key,
        medication,
        f"{_PLANNED.get(medication.status, _IMPLIED)}: {dose.sentence}",
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
        reasonCode=[codes.concept("diagnoses", one, medication) for one in medication.targets],
        reasonReference=[reference("Condition", key) for key in dose.reasons],
        **annotation(medication.note),
        dosageInstruction=dose.dosage(dose.period),
        priorPrescription=reference("MedicationRequest", medication.replaces) if medication.replaces else None,
    )


def _cumulative_dose(dose: Dosing, given: Quantity) -> Resource:
    medication = dose.medication
    return resource(
        "Observation",
        f"{medication.key}-cumulative-dose",
        medication,
        f"Cumulative dose of {dose.drug['text']}: {given}.",
        profile=US_CORE + "us-core-simple-observation",
        partOf=[reference("MedicationStatement", medication.key)],
        status="final",
        category=category("therapy"),
        code={"text": "Cumulative dose"},
        subject=PATIENT,
        **({"effectivePeriod": dose.period} if dose.period else {}),
        performer=PERFORMER,
        valueQuantity=codes.quantity(given),
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

"""Rules about the order of events, which hold for any patient: birth, onset, treatment, response, death."""

from __future__ import annotations

from decimal import Decimal
from itertools import combinations
from typing import TYPE_CHECKING, Any

from fhir_case.fhir.systems import LOINC
from fhir_case.fhir.wire import mapping, objects
from fhir_case.validation.check import Finding, of_types, rule
from fhir_case.validation.rules.dates import certainly_before, end_of, has_order_only, start_of
from fhir_case.validation.rules.events import DATES, TREATMENTS, coded, codes_of, happened, patient_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fhir_case.issues import Severity
    from fhir_case.validation.located import Located
    from fhir_case.validation.subject import Subject

__all__ = ["TIMELINE_RULES"]

_PAGE = "https://hl7.org/fhir/R4/{}.html"
_RESPONSE: dict[str, Severity] = {"88040-1": "error", "97509-4": "warning"}


def _unless_patient_has(name: str) -> Callable[[Subject], str]:
    def unless(subject: Subject) -> str:
        patients = subject.by_type.get("Patient", ())
        return "" if any(name in patient.resource for patient in patients) else f"no Patient has a {name}"

    return unless


def _events(subject: Subject) -> Iterator[tuple[Located, Located, str]]:
    """Return each resource that happened at a time to a Patient who is in the Bundle too."""
    for kind, names in DATES.items():
        for located in subject.by_type.get(kind, ()):
            date = start_of(located.resource, *names)
            if not date or not happened(located):
                continue
            patient = patient_of(subject, located)
            if patient is not None:
                yield located, patient, date


@rule(
    "before-birth",
    "What happens to a patient is rarely before birth, as findings of a fetus are.",
    _PAGE.format("patient"),
    _unless_patient_has("birthDate"),
)
def _before_birth(subject: Subject) -> Iterator[Finding]:
    for located, patient, date in _events(subject):
        born = patient.resource.get("birthDate")
        if isinstance(born, str) and certainly_before(date, born):
            message = f"the date is {date}, and the patient was born on {born}"
            yield Finding(located, message, severity="warning", code="business-rule")


@rule(
    "after-death",
    "What happens to a patient is rarely after death, as its certification and an autopsy are.",
    _PAGE.format("patient"),
    _unless_patient_has("deceasedDateTime"),
)
def _after_death(subject: Subject) -> Iterator[Finding]:
    for located, patient, date in _events(subject):
        died = patient.resource.get("deceasedDateTime")
        if isinstance(died, str) and certainly_before(died, date):
            message = f"the date is {date}, and the patient died on {died}"
            yield Finding(located, message, severity="warning", code="business-rule")


@rule(
    "abatement-before-onset",
    "A condition does not abate before its onset.",
    _PAGE.format("condition"),
    of_types("Condition"),
)
def _abates_after_onset(subject: Subject) -> Iterator[Finding]:
    for located in subject.by_type.get("Condition", ()):
        onset, over = start_of(located.resource, "onset"), end_of(located.resource, "abatement")
        if onset and over and certainly_before(over, onset):
            message = f"the condition abates on {over}, before its onset on {onset}"
            yield Finding(located, message, code="business-rule")


@rule(
    "event-before-cause",
    "An adverse event is not before its suspected cause.",
    _PAGE.format("adverseevent"),
    of_types("AdverseEvent"),
)
def _suspect_before_event(subject: Subject) -> Iterator[Finding]:
    for located in subject.by_type.get("AdverseEvent", ()):
        date = start_of(located.resource, "date", "occurrence")
        for suspect in objects(located.resource.get("suspectEntity")) if date else ():
            cause = subject.target_of(suspect.get("instance") or suspect.get("instanceReference"), located)
            began = start_of(cause.resource, *DATES.get(cause.type, ())) if cause is not None else ""
            if cause is not None and began and certainly_before(date, began):
                message = f"the event is dated {date}, and its suspected cause, {cause.label}, began on {began}"
                told = has_order_only(cause.resource, *DATES.get(cause.type, ()))
                told = told or has_order_only(located.resource, "date", "occurrence")
                severity: Severity = "warning" if told else "error"  # that day is the first that it may have been
                yield Finding(located, message, node=suspect, severity=severity, code="business-rule")


@rule(
    "response-before-treatment",
    "A response (LOINC 88040-1, 97509-4) is not before the first treatment.",
    _PAGE.format("observation"),
    of_types("Observation"),
)
def _response_after_treatment(subject: Subject) -> Iterator[Finding]:
    begun = [
        date
        for kind in TREATMENTS
        for located in subject.by_type.get(kind, ())
        if happened(located) and (date := start_of(located.resource, *DATES[kind]))
    ]
    for located in coded(subject, LOINC, _RESPONSE) if begun else ():
        date = start_of(located.resource, "effective")
        codes = codes_of(located.resource.get("code"))
        severity: Severity | None = next((level for code, level in _RESPONSE.items() if (LOINC, code) in codes), None)
        if severity and date and happened(located) and all(certainly_before(date, start) for start in begun):
            message = (
                f"the response is dated {date}, before any treatment in the Bundle; the first began on {min(begun)}"
            )
            yield Finding(located, message, severity=severity, code="business-rule")


@rule(
    "overlapping-doses",
    "One drug is not taken in two doses at the same time.",
    _PAGE.format("medicationstatement"),
    of_types("MedicationStatement"),
)
def _one_dose(subject: Subject) -> Iterator[Finding]:
    taken: dict[str, list[tuple[str, str, object, Located]]] = {}
    for located in subject.by_type.get("MedicationStatement", ()):
        start, end = start_of(located.resource, "effective"), _end_of_taking(located.resource)
        drug, dose = _drug(located.resource), _dose(located.resource)
        if start and drug and dose and happened(located):
            taken.setdefault(drug, []).append((start, end, dose, located))
    for statements in taken.values():
        for (_, end, dose, first), (start, _, other_dose, second) in combinations(sorted(statements, key=_by_start), 2):
            together = not end or certainly_before(start, end)
            if together and dose != other_dose and patient_of(subject, first) is patient_of(subject, second):
                message = f"another dose of the same drug is taken at the same time, by {first.label}"
                yield Finding(second, message, severity="warning", code="business-rule")


def _end_of_taking(statement: Any) -> str:
    """
    Return when a drug was no longer taken; empty where it still is.

    What is over and has no end, and what was given once or at one time, is known to have been taken when it began.
    """
    end = end_of(statement, "effective")
    adherence = mapping(mapping(statement.get("adherence")).get("code"))
    over = {statement.get("status"), adherence.get("text")} | {code for _, code in codes_of(adherence)}
    counts = [
        mapping(mapping(one.get("timing")).get("repeat")).get("count") for one in objects(statement.get("dosage"))
    ]
    if end or not (over & _OVER or "effectiveDateTime" in statement or counts == [1]):
        return end
    return start_of(statement, "effective")


_OVER = frozenset({"completed", "stopped"})


def _by_start(one: tuple[str, str, object, Located]) -> str:
    return one[0]


def _drug(statement: Any) -> str:
    medication = mapping(statement.get("medicationCodeableConcept") or statement.get("medication"))
    concept = mapping(medication.get("concept", medication))
    codes = sorted(codes_of(concept))
    return "|".join(codes[0]) if codes else str(concept.get("text", ""))


def _dose(statement: Any) -> object:
    """Return the numbers of the dosages of a statement, which can be compared."""
    found = []
    for dosage in objects(statement.get("dosage")):
        quantity = mapping(next(iter(objects(dosage.get("doseAndRate"))), {}).get("doseQuantity"))
        repeat = mapping(mapping(dosage.get("timing")).get("repeat"))
        if quantity:
            every = tuple(str(repeat.get(name)) for name in ("frequency", "period", "periodUnit"))
            found.append((str(quantity.get("value")), quantity.get("code") or quantity.get("unit"), every))
    return tuple(found)


@rule(
    "activities-add-up",
    "The activities of a radionuclide given in parts add up to the total that is stated.",
    _PAGE.format("medicationadministration"),
    of_types("MedicationAdministration"),
)
def _activities_add_up(subject: Subject) -> Iterator[Finding]:
    parts: dict[int, list[Decimal]] = {}
    for located in subject.by_type.get("MedicationAdministration", ()):
        amount = _activity(mapping(located.resource.get("dosage")).get("dose"))
        if amount is not None and happened(located):
            for whole in _part_of(subject, located):
                parts.setdefault(id(whole), []).append(amount)
    for located in subject.by_type.get("Observation", ()):
        total = _activity(located.resource.get("valueQuantity"))
        for whole in _part_of(subject, located) if total is not None else ():
            given = parts.get(id(whole), [])
            if given and sum(given) != total:
                message = f"the activities given in {whole.label} add up to {sum(given)} GBq, and {total} GBq is stated"
                yield Finding(located, message, tail=".valueQuantity", code="business-rule")


_BECQUEREL = {"GBq": Decimal(1), "MBq": Decimal("0.001"), "kBq": Decimal("0.000001")}


def _activity(quantity: object) -> Decimal | None:
    """Return an activity in GBq."""
    if not isinstance(quantity, dict) or str(quantity.get("code")) not in _BECQUEREL:
        return None
    value = quantity.get("value")
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return None
    return Decimal(str(value)) * _BECQUEREL[quantity["code"]]


def _part_of(subject: Subject, located: Located) -> Iterator[Located]:
    for part in objects(located.resource.get("partOf")):
        whole = subject.target_of(part, located)
        if whole is not None and whole.type == "Procedure":
            yield whole


TIMELINE_RULES = (
    _before_birth,
    _after_death,
    _abates_after_onset,
    _suspect_before_event,
    _response_after_treatment,
    _one_dose,
    _activities_add_up,
)

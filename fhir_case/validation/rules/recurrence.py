"""
Tell a recurrence of a cancer that is dated before the cancer could be gone.

Records are rarely complete: what came before the first thing that a Bundle tells may be missing. So a recurrence is
only looked at when it names the Condition that came back, and where something before it may have been a response, an
end of the disease or a treatment, nothing is said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fhir_case.validation.check import Check, finding, of_types
from fhir_case.validation.dates import certainly_before, start_of
from fhir_case.validation.rules.events import DATES, TREATMENTS, coded, codes_of, happened, patient_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.issues import Issue, Severity
    from fhir_case.validation.subject import Located, Subject

__all__ = ["RECURRENCE_RULES"]

_LOINC, _SNOMED = "http://loinc.org", "http://snomed.info/sct"
_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_EXTENSION = "http://hl7.org/fhir/StructureDefinition/condition-"
_ORIGINS = (f"{_EXTENSION}related", f"{_EXTENSION}occurredFollowing")

# A recurrence by its status, or by one of those diagnoses of SNOMED CT: local recurrence of a malignant tumour of
# breast, liver, colon, rectum. Its status says what became of it, which may be remission.
_RECURRENT = frozenset(
    [(_CLINICAL, "recurrence"), (_CLINICAL, "relapse")]
    + [(_SNOMED, code) for code in ("314955001", "314963000", "314965007", "314966008")]
)
_ASSESSMENTS = frozenset({"88040-1", "97509-4"})
_STABLE = (_LOINC, "LA28371-5")
# Stable, progressive, worsened, stable, undetermined. Any other answer may be a response, also one in words.
_NO_RESPONSE = frozenset(
    [_STABLE, (_LOINC, "LA28370-7"), (_SNOMED, "271299001"), (_SNOMED, "359746009"), (_SNOMED, "709137006")]
)
_NOT_TRUE = frozenset({"entered-in-error", "refuted"})


class _Assessment(NamedTuple):
    day: str
    stable: bool
    response: bool
    label: str


def _recurrence(subject: Subject) -> Iterator[Issue]:
    for located in subject.by_type.get("Condition", ()):
        if not (codes_of(located.resource.get("clinicalStatus")) | codes_of(located.resource.get("code"))) & _RECURRENT:
            continue
        if {code for _, code in codes_of(located.resource.get("verificationStatus"))} & _NOT_TRUE:
            continue
        date = _onset(located) or _asserted(located)
        origin = _origin(subject, located)
        wrong = _too_early(subject, located, origin, date) if date and origin else None
        if wrong:
            yield finding(located, wrong[1], check="recurrence-too-early", severity=wrong[0], code="business-rule")


def _origin(subject: Subject, located: Located) -> Located | None:
    """Return the Condition that a Condition says it came from."""
    extensions = located.resource.get("extension")
    for extension in extensions if isinstance(extensions, list) else ():
        value = extension.get("valueReference") if isinstance(extension, dict) else None
        reference = value.get("reference") if isinstance(value, dict) and extension.get("url") in _ORIGINS else None
        found = subject.index.resolve(reference, located).located if isinstance(reference, str) else None
        if found is not None and found.type == "Condition" and found is not located:
            return found
    return None


def _onset(located: Located) -> str:
    return start_of(located.resource, "onset")


def _asserted(located: Located) -> str:
    extensions = located.resource.get("extension")
    for extension in extensions if isinstance(extensions, list) else ():
        if isinstance(extension, dict) and extension.get("url") == f"{_EXTENSION}assertedDate":
            return start_of(extension, "value")
    return ""


def _too_early(subject: Subject, recurrence: Located, origin: Located, date: str) -> tuple[Severity, str] | None:
    """Say how bad it is that a recurrence is of its date, and why; None when it can be."""
    # An asserted date may be that of a referral, long after the onset: it is compared with its like only.
    for mine, other in ((date, _onset(origin)), (_asserted(recurrence), _asserted(origin))):
        if mine and other and certainly_before(mine, other):
            return "error", f"the recurrence is of {mine}, before what came back, {origin.label}, which is of {other}"
    patient = patient_of(subject, origin)
    assessments = list(_assessments(subject, patient, origin)) if patient is not None else []
    responses = [one.day for one in assessments if one.response]
    ends = [start_of(origin.resource, "abatement") for name in origin.resource if name.startswith("abatement")]
    if not all(certainly_before(date, day) for day in responses + ends):
        return None
    treatments = [
        start_of(located.resource, *DATES[kind])
        for kind in TREATMENTS
        for located in subject.by_type.get(kind, ())
        if happened(located) and patient_of(subject, located) is patient
    ]
    stable = max((one for one in assessments if one.stable and certainly_before(one.day, date)), default=None)
    if stable and all(day and (certainly_before(day, stable.day) or certainly_before(date, day)) for day in treatments):
        said = f"{stable.label} says stable disease on {stable.day}"
        return "warning", f"the recurrence is of {date}, no response is before it, and {said}"
    if responses and treatments and all(certainly_before(date, day) for day in treatments):
        first = f"the first treatment in the Bundle, of {min(treatments)}, and the first response, of {min(responses)}"
        return "warning", f"the recurrence is of {date}, before {first}"
    return None


def _assessments(subject: Subject, patient: Located, origin: Located) -> Iterator[_Assessment]:
    """Return what is said of how the cancers of a patient do. Only what is about this one can say that it was there."""
    for located in coded(subject, _LOINC, _ASSESSMENTS):
        if {code for system, code in codes_of(located.resource.get("code")) if system == _LOINC} & _ASSESSMENTS:
            if not happened(located) or patient_of(subject, located) is not patient:
                continue
            answers = codes_of(located.resource.get("valueCodeableConcept"))
            focus = located.resource.get("focus")
            about = [one.get("reference") for one in focus if isinstance(one, dict)] if isinstance(focus, list) else []
            here = any(isinstance(one, str) and subject.index.resolve(one, located).located is origin for one in about)
            yield _Assessment(
                start_of(located.resource, "effective"),
                here and _STABLE in answers,
                not answers & _NO_RESPONSE,
                located.label,
            )


RECURRENCE_RULES = (
    Check(
        "recurrence-too-early",
        "A cancer comes back after it began, and after a response, an end or a treatment.",
        "https://hl7.org/fhir/R4/codesystem-condition-clinical.html",
        _recurrence,
        of_types("Condition"),
    ),
)

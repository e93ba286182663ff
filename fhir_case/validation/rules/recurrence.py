"""
The rule about recurrences: a cancer does not come back before it could have been gone.

Records are rarely complete: what came before the first event in a Bundle may be missing. So a recurrence is only
checked when it refers to the Condition that came back, and there is no finding where something before it may have been
a response, an end of the disease or a treatment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fhir_case.fhir.systems import ASSERTED_DATE, CONDITION_CLINICAL, CONDITION_RELATED, FHIR_DEFINITION, LOINC, SNOMED
from fhir_case.fhir.wire import objects
from fhir_case.validation.check import Finding, of_types, rule
from fhir_case.validation.rules.dates import certainly_before, start_of
from fhir_case.validation.rules.events import DATES, TREATMENTS, coded, codes_of, happened, patient_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.issues import Severity
    from fhir_case.validation.located import Located
    from fhir_case.validation.subject import Subject

__all__ = ["RECURRENCE_RULES"]

_ORIGINS = (CONDITION_RELATED, FHIR_DEFINITION + "condition-occurredFollowing")

# By clinical status, or by diagnosis in SNOMED CT: local recurrence of a malignant tumour of breast, liver, colon,
# rectum. The status of such a Condition may be another one, such as remission.
_RECURRENT = frozenset(
    [(CONDITION_CLINICAL, "recurrence"), (CONDITION_CLINICAL, "relapse")]
    + [(SNOMED, code) for code in ("314955001", "314963000", "314965007", "314966008")]
)
_ASSESSMENTS = frozenset({"88040-1", "97509-4"})
_STABLE = (LOINC, "LA28371-5")
# Stable, progressive, worsened, stable, undetermined. Any other answer may be a response, also one that is text.
_NO_RESPONSE = frozenset(
    [_STABLE, (LOINC, "LA28370-7"), (SNOMED, "271299001"), (SNOMED, "359746009"), (SNOMED, "709137006")]
)
_NOT_TRUE = frozenset({"entered-in-error", "refuted"})


class _Assessment(NamedTuple):
    day: str
    stable: bool
    response: bool
    label: str


@rule(
    "recurrence-too-early",
    "A cancer comes back after it began, and after a response, an end or a treatment.",
    "https://hl7.org/fhir/R4/codesystem-condition-clinical.html",
    of_types("Condition"),
)
def _recurrence(subject: Subject) -> Iterator[Finding]:
    for located in subject.by_type.get("Condition", ()):
        if not (codes_of(located.resource.get("clinicalStatus")) | codes_of(located.resource.get("code"))) & _RECURRENT:
            continue
        if {code for _, code in codes_of(located.resource.get("verificationStatus"))} & _NOT_TRUE:
            continue
        date = _onset(located) or _asserted(located)
        origin = _origin(subject, located)
        wrong = _too_early(subject, located, origin, date) if date and origin else None
        if wrong:
            yield Finding(located, wrong[1], severity=wrong[0], code="business-rule")


def _origin(subject: Subject, located: Located) -> Located | None:
    """Return the Condition that a Condition refers to as its origin."""
    for extension in objects(located.resource.get("extension")):
        reference = extension.get("valueReference") if extension.get("url") in _ORIGINS else None
        found = subject.target_of(reference, located)
        if found is not None and found.type == "Condition" and found is not located:
            return found
    return None


def _onset(located: Located) -> str:
    return start_of(located.resource, "onset")


def _asserted(located: Located) -> str:
    extensions = objects(located.resource.get("extension"))
    return next((start_of(one, "value") for one in extensions if one.get("url") == ASSERTED_DATE), "")


def _too_early(subject: Subject, recurrence: Located, origin: Located, date: str) -> tuple[Severity, str] | None:
    """Return severity and message for a recurrence whose date cannot be right; None when it can."""
    # An asserted date may be that of a referral, long after the onset: it is compared with asserted dates only.
    for mine, other in ((date, _onset(origin)), (_asserted(recurrence), _asserted(origin))):
        if mine and other and certainly_before(mine, other):
            return (
                "error",
                f"the recurrence is dated {mine}, before the disease that came back, {origin.label}, dated {other}",
            )
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
        return "warning", f"the recurrence is dated {date}, no response is before it, and {said}"
    if responses and treatments and all(certainly_before(date, day) for day in treatments):
        first = f"the first treatment in the Bundle, on {min(treatments)}, and the first response, on {min(responses)}"
        return "warning", f"the recurrence is dated {date}, before {first}"
    return None


def _assessments(subject: Subject, patient: Located, origin: Located) -> Iterator[_Assessment]:
    """Return the assessments of a patient's cancers. Only one with this cancer in focus can find it stable."""
    for located in coded(subject, LOINC, _ASSESSMENTS):
        if {code for system, code in codes_of(located.resource.get("code")) if system == LOINC} & _ASSESSMENTS:
            if not happened(located) or patient_of(subject, located) is not patient:
                continue
            answers = codes_of(located.resource.get("valueCodeableConcept"))
            focus = objects(located.resource.get("focus"))
            here = any(subject.target_of(one, located) is origin for one in focus)
            yield _Assessment(
                start_of(located.resource, "effective"),
                here and _STABLE in answers,
                not answers & _NO_RESPONSE,
                located.label,
            )


RECURRENCE_RULES = (_recurrence,)

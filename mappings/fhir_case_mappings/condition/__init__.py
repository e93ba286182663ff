"""Diseases: the primary cancer, its metastases and recurrences, and other diseases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case import Age, Concept, KeyedEntry, Section, Site, When
from fhir_case.case.checks import refuse_circle
from fhir_case.case.entry import ConditionKey, StageKey
from fhir_case.case.forms import Form, Text
from fhir_case.fhir.datatypes import annotation, code_of, extension, reference
from fhir_case.fhir.systems import (
    ASSERTED_DATE,
    CONDITION_CATEGORY,
    CONDITION_CLINICAL,
    CONDITION_RELATED,
    CONDITION_VERIFICATION,
    HEALTH_CONCERN,
    MCODE,
    US_CORE,
)
from fhir_case.mapping import PATIENT, Codes, Mapping, dated, moment_words, resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Condition", "Onset", "conditions"]

_codes = Codes.beside(__name__)

_PROFILE = {
    "primary-cancer": MCODE + "mcode-primary-cancer-condition",
    "metastasis": MCODE + "mcode-secondary-cancer-condition",
    "recurrence": US_CORE + "us-core-condition-problems-health-concerns",
    "comorbidity": US_CORE + "us-core-condition-problems-health-concerns",
    "complication": US_CORE + "us-core-condition-problems-health-concerns",
    "disease": US_CORE + "us-core-condition-problems-health-concerns",
}
_NO_PROBLEM = US_CORE + "us-core-condition-encounter-diagnosis"
_CANCERS = frozenset({"primary-cancer", "metastasis", "recurrence"})
_NOT_THERE = frozenset({"refuted", "entered-in-error"})
_LATERALITY = MCODE + "mcode-laterality-qualifier"


class Onset(Form):
    """
    When a condition began: at an age, at a time, or in words.

    Args:
        age: The age of the patient at which it began.
        at: The time at which it began.
        text: When it began, in words.
    """

    age: Age | None = None
    at: When | None = None
    text: Text | None = None

    @model_validator(mode="after")
    def _holds_one(self) -> Self:
        if sum(part is not None for part in (self.age, self.at, self.text)) != 1:
            raise PydanticCustomError("onset", "an onset is one of age, at, text")
        return self


class Condition(KeyedEntry):
    """
    A disease.

    Args:
        kind: What the disease is to this case; a disease is what is none of the others.
        diagnosis: What the disease is.
        of: The cancer that a metastasis or a recurrence belongs to, or what a complication belongs to.
        sites: The places of the body that it is in.
        status: The last clinical status that the report gives; absent where it gives none, as for a refuted diagnosis.
        verification: How sure the diagnosis is in the end, where the report says so; refuted where it was made,
            suspected or looked for, and was not there.
        severity: How severe it is.
        onset: When it began, where the report says so; the day on which it was found is none.
        at: When it was found: the date of the diagnosis.
        until: When it was seen to be gone.
        evidence: What the diagnosis rests on, or what refuted it.
        stages: The stages that assess it.
        course: How it went, in words.
    """

    kind: Literal["primary-cancer", "metastasis", "recurrence", "comorbidity", "complication", "disease"]
    diagnosis: Annotated[Concept, _codes.table("diagnoses")]
    of: ConditionKey | None = None
    sites: tuple[Annotated[Site, _codes.table("sites")], ...] = ()
    status: Literal["active", "recurrence", "relapse", "inactive", "remission", "resolved", "unknown"] | None = None
    verification: Literal["confirmed", "provisional", "differential", "unconfirmed", "refuted"] | None = None
    severity: Annotated[Concept, _codes.table("severities")] | None = None
    onset: Onset | None = None
    at: When | None = None
    until: When | None = None
    evidence: tuple[Annotated[Concept, _codes.table("evidence")], ...] = ()
    stages: tuple[StageKey, ...] = ()
    course: Text | None = None

    @property
    def is_cancer(self) -> bool:
        """Whether it is a cancer, not one that was suspected and refuted."""
        return self.kind in _CANCERS and self.verification not in _NOT_THERE

    @model_validator(mode="after")
    def _belongs_to_a_cancer(self) -> Self:
        if self.kind in {"metastasis", "recurrence"} and self.of is None:
            raise PydanticCustomError("of", "a {kind} needs 'of': the key of the cancer", {"kind": self.kind})
        if self.verification == "refuted" and self.status is not None:
            raise PydanticCustomError("status", "a refuted diagnosis has no clinical status; leave it out")
        if self.until is not None and self.status not in {"inactive", "remission", "resolved"}:
            raise PydanticCustomError("until", "a condition that ended is inactive, in remission or resolved")
        return self


def conditions(case: Case) -> Iterator[Resource]:
    """
    Map every disease of the case.

    Reads: each `Condition`.
    Returns: one Condition each: mcode-primary-cancer-condition, mcode-secondary-cancer-condition (with its primary) or
    us-core-condition-problems-health-concerns. The clinical status is the last that the report gives, and says that
    it is unknown where it gives none; a refuted diagnosis has none, is on no list of problems, and claims
    us-core-condition-encounter-diagnosis.
    Source: https://hl7.org/fhir/us/mcode/STU4/StructureDefinition-mcode-primary-cancer-condition.html
    """
    refuse_circle(case.entries_of(Condition), "of", "name only what came first")
    for disease in case.entries_of(Condition):
        code = _codes.concept("diagnoses", disease.diagnosis, disease)
        when = moment_words(case, disease.at)
        yield resource(
            "Condition",
            disease.key,
            disease,
            ", ".join(filter(None, (code["text"], disease.verification))) + (f" ({when})." if when else "."),
            _status_words(disease),
            f"Severity: {_codes.words('severities', disease.severity, disease)}." if disease.severity else "",
            disease.course or "",
            profile=_NO_PROBLEM if disease.verification == "refuted" else _PROFILE[disease.kind],
            extension=_extensions(case, disease),
            clinicalStatus=_clinical_status(disease),
            verificationStatus=code_of(CONDITION_VERIFICATION, disease.verification) if disease.verification else None,
            category=[_category(disease)],
            severity=_codes.concept("severities", disease.severity, disease) if disease.severity else None,
            code=code,
            bodySite=[_codes.site(site, disease, laterality=_LATERALITY) for site in disease.sites],
            subject=PATIENT,
            **_onset(case, disease),
            **dated(case, "abatementDateTime", disease.until, disease),
            stage=_stages(disease),
            evidence=_evidence(disease),
            **annotation(disease.note, disease.course, _uncoded_evidence(disease)),
        )


def _category(disease: Condition) -> dict[str, Any]:
    """
    Return the category: what was refuted was a diagnosis once, and is on no list of problems.

    Nor is what may be over, by con-3 of R4 and con-2 of R5; mCODE and US Core take a health concern likewise.
    """
    if disease.verification == "refuted":
        return code_of(CONDITION_CATEGORY, "encounter-diagnosis")
    if disease.status in {None, "unknown"}:
        return code_of(HEALTH_CONCERN, "health-concern", "Health Concern")
    return code_of(CONDITION_CATEGORY, "problem-list-item")


def _clinical_status(disease: Condition) -> dict[str, Any] | None:
    """Return the clinical status; for an unknown one R4 has no code and takes nothing else, so it is left out."""
    if disease.verification == "refuted" or disease.status in {None, "unknown"}:
        return None
    return code_of(CONDITION_CLINICAL, disease.status or "")


def _status_words(disease: Condition) -> str:
    if disease.verification == "refuted":
        return "The diagnosis was refuted."
    if disease.status in {None, "unknown"}:
        return "The report does not say whether it was still there in the end."
    return f"Last status in the report: {disease.status}."


def _extensions(case: Case, disease: Condition) -> list[dict[str, Any]]:
    extensions = []
    if disease.at is not None:
        extensions.append(extension(ASSERTED_DATE, **dated(case, "valueDateTime", disease.at, disease, coarse=True)))
    if disease.of is not None:
        extensions.append(extension(CONDITION_RELATED, valueReference=reference("Condition", disease.of)))
    return extensions


def _onset(case: Case, disease: Condition) -> dict[str, Any]:
    onset = disease.onset
    if onset is None:
        return {}
    if onset.age is not None:
        if onset.age.value == 0:
            return {"onsetString": "at birth"}  # an Age is positive (age-1)
        return {"onsetAge": _codes.age(onset.age)}
    if onset.at is not None:
        return dated(case, "onsetDateTime", onset.at, disease, coarse=True)
    return {"onsetString": onset.text}


def _stages(disease: Condition) -> list[dict[str, Any]]:
    return [{"assessment": [reference("Observation", key) for key in disease.stages]}] if disease.stages else []


def _evidence(disease: Condition) -> list[dict[str, Any]]:
    """Return the evidence that has a code: mCODE's binding is required, so words alone would break the profile."""
    evidence = [_codes.concept("evidence", one, disease) for one in disease.evidence]
    return [{"code": [one]} for one in evidence if "coding" in one]


def _uncoded_evidence(disease: Condition) -> str | None:
    evidence = [_codes.concept("evidence", one, disease) for one in disease.evidence]
    words = [one["text"] for one in evidence if "coding" not in one]
    return f"Evidence: {'; '.join(words)}." if words else None


MAPPING = Mapping(
    "condition",
    conditions,
    "Condition (mCODE primary and secondary cancer, US Core problems)",
    sections=(
        Section(
            "conditions",
            Condition,
            resource="Condition",
            time=f"extension('{ASSERTED_DATE}').value",
            roles=("condition",),
            example="""\
conditions:
  - key: colon-cancer
    # primary-cancer, metastasis, recurrence (with `of: KEY` of the cancer), comorbidity, complication, disease
    kind: primary-cancer
    diagnosis:
      text: Adenocarcinoma of the sigmoid colon
      code: {system: "http://snomed.info/sct", code: "363406005", display: Malignant neoplasm of colon (disorder)}
    sites: [{text: sigmoid colon}]
    status: remission
    verification: confirmed
    onset: {at: baseline}  # when it began, or {age: 61 a}, or {text: in her fifties}
    at: baseline           # when it was found
    source: made up
  - key: appendicitis
    kind: disease
    diagnosis: {text: appendicitis}
    verification: refuted  # it has no status; provisional and differential diagnoses have one
    at: baseline
    note: Suspected at first; the CT showed the tumour.
    source: made up
""",
        ),
    ),
)

"""Interpretations: what is concluded of variants about a diagnosis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fhir_case.case import Concept, Event, Section
from fhir_case.case.entry import key_of
from fhir_case.case.forms import Key, Text
from fhir_case.fhir.datatypes import code_of
from fhir_case.fhir.systems import DIAGNOSTIC_SERVICE
from fhir_case.mapping import PATIENT, PERFORMER, Mapping, dated, moment_words, reference_to, resource
from fhir_case_mappings.genomics.gene import CODES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Interpretation", "interpretations"]

_STATUS = {"in-progress": "preliminary", "unknown": "unknown"}


class Interpretation(Event):
    """
    What is concluded of the variants of a patient about a diagnosis.

    Args:
        diagnosis: The disease that they were looked at for.
        progress: How far it has come: ``solved`` where the variants explain the disease.
        variants: The variants that were judged, entries of ``variants``.
        conclusion: The summary in the words of the source.
        identifier: What the source calls it.
    """

    diagnosis: Annotated[Concept, CODES.table("diagnoses")] | None = None
    progress: Literal["in-progress", "completed", "solved", "unsolved", "unknown"]
    variants: tuple[Annotated[Key, key_of("variant")], ...] = ()
    conclusion: Text | None = None
    identifier: Text | None = None


def interpretations(case: Case) -> Iterator[Resource]:
    """
    Map each interpretation; its variants are Observations of their own, which say what each contributes.

    Reads: each `Interpretation`.
    Returns: one DiagnosticReport each; its conclusion codes are the disease and how far the interpretation has come.
    Source: https://hl7.org/fhir/R4/diagnosticreport.html
    """
    for entry in case.entries_of(Interpretation):
        disease = CODES.concept("diagnoses", entry.diagnosis, entry) if entry.diagnosis else None
        about = f" of {disease['text']}" if disease else ""
        progress = entry.progress.replace("-", " ")
        note = entry.note or ""
        yield resource(
            "DiagnosticReport",
            entry.key,
            entry,
            f"Interpretation of variants{about}: {progress} ({moment_words(case, entry.at)}).",
            entry.conclusion or "",
            identifier=[{"value": entry.identifier}] if entry.identifier else [],
            status=_STATUS.get(entry.progress, "final"),
            category=[code_of(DIAGNOSTIC_SERVICE, "GE", "Genetics")],
            code=CODES.fixed("report", "Interpretation of genetic variants"),
            subject=PATIENT,
            **dated(case, "effectiveDateTime", entry.at, entry),
            performer=PERFORMER,
            result=[reference_to(case, key) for key in entry.variants],
            conclusion=" ".join(one for one in (entry.conclusion, note) if one),
            conclusionCode=[*_listed(disease), {"text": progress}],
        )


def _listed(concept: dict[str, Any] | None) -> list[dict[str, Any]]:
    return [concept] if concept else []


MAPPING = Mapping(
    "interpretation",
    interpretations,
    "DiagnosticReport of what variants mean for a diagnosis",
    sections=(
        Section(
            "interpretations",
            Interpretation,
            resource="DiagnosticReport",
            time="effectiveDateTime",
            example="""\
interpretations:
  - key: exome
    diagnosis: {text: Marfan syndrome, code: {system: "http://www.omim.org", code: "154700"}}
    progress: solved  # or in-progress, completed, unsolved, unknown
    # variants: [KEY], keys of variants, each with its contribution: causative, candidate …
    conclusion: One variant explains the disease.
    at: unknown
    source: made up
""",
        ),
    ),
)

"""Imaging: every study that was done, and a report of those whose findings are given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from fhir_case.case import Concept, Event, Section
from fhir_case.case.entry import Shown
from fhir_case.case.forms import Text
from fhir_case.fhir.datatypes import code_of, reference
from fhir_case.fhir.systems import DIAGNOSTIC_SERVICE, US_CORE
from fhir_case.mapping import PATIENT, PERFORMER, Codes, Mapping, dated, moment_words, resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "Imaging", "imaging"]

_codes = Codes.beside(__name__)

# FHIR names it as an example; US Core asks for another, which the table `fixed` has.
_RADIOLOGY = code_of(DIAGNOSTIC_SERVICE, "RAD", "Radiology")


class Imaging(Event):
    """
    One imaging study.

    Args:
        study: Which study it was.
        modalities: Short names of modalities, for example ``ct``, or words.
        conclusion: What the report says it showed, in words of one's own; absent when it only says that it was done.
    """

    study: Annotated[Concept, _codes.table("studies")]
    modalities: Annotated[tuple[Annotated[Concept, _codes.table("modalities")], ...], Field(min_length=1)]
    conclusion: Text | None = None


def imaging(case: Case) -> Iterator[Resource]:
    """
    Map each imaging study; a study of which the report only says that it was done has no DiagnosticReport.

    The status of a study is unknown, since nothing tells that images are to be had. A modality is a Coding, which has a
    place for words: one without a code is a display.

    Reads: each `Imaging`, and whatever names a study that shows it, such as sizes and findings.
    Returns: one ImagingStudy each; one DiagnosticReport (us-core-diagnosticreport-note) where there is a conclusion
    or a result.
    Source: https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-diagnosticreport-note.html
    """
    results: dict[str, list[str]] = {}
    for shown in case.entries_of(Shown):
        if shown.imaging and case.section_of(shown.key).resource == "Observation":
            results.setdefault(shown.imaging, []).append(shown.key)

    for study in case.entries_of(Imaging):
        code = _codes.concept("studies", study.study, study)
        modalities = [_codes.concept("modalities", modality, study) for modality in study.modalities]
        when = moment_words(case, study.at)
        yield resource(
            "ImagingStudy",
            study.key,
            study,
            f"{code['text']}, by {', '.join(one['text'] for one in modalities)} ({when}).",
            status="unknown",
            modality=[one for modality in modalities for one in _codings(modality)],
            subject=PATIENT,
            **dated(case, "started", study.at, study),
            procedureCode=[code],
            description=code["text"],
        )
        observations = results.get(study.key, [])
        if study.conclusion or observations:
            yield resource(
                "DiagnosticReport",
                study.key,
                study,
                f"{code['text']} ({when}).",
                study.conclusion or "",
                profile=US_CORE + "us-core-diagnosticreport-note",
                status="final",
                category=[_codes.fixed("radiology"), _RADIOLOGY],
                code=code,
                subject=PATIENT,
                **dated(case, "effectiveDateTime", study.at, study),
                performer=PERFORMER,
                result=[reference("Observation", key) for key in observations],
                imagingStudy=[reference("ImagingStudy", study.key)],
                conclusion=study.conclusion,
            )


def _codings(modality: dict[str, Any]) -> list[dict[str, Any]]:
    return modality.get("coding") or [{"display": modality["text"]}]


MAPPING = Mapping(
    "imaging",
    imaging,
    "ImagingStudy, and DiagnosticReport (US Core note) where findings are given",
    sections=(
        Section(
            "imaging",
            Imaging,
            resource="ImagingStudy",
            time="started",
            roles=("imaging",),
            example="""\
imaging:
  - key: chest-abdomen-ct
    study: {text: CT of chest and abdomen}
    modalities: [ct]  # or mr, us, pt, mammography, {text: …}
    conclusion: No metastases.  # in your own words; left out when the report only says that it was done
    at: +12 mo
    source: made up
""",
        ),
    ),
)

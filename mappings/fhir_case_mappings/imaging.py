"""Imaging: every study that was done, and a report of those whose findings are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.fhir.datatypes import code_of, reference
from fhir_case.fhir.systems import US_CORE
from fhir_case.mapping import PATIENT, PERFORMER, Codes, Mapping, dated, moment_words, resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["MAPPING", "imaging"]

_codes = Codes.beside(__name__)

_RADIOLOGY = code_of("http://terminology.hl7.org/CodeSystem/v2-0074", "RAD", "Radiology")


def imaging(case: Case) -> Iterator[Resource]:
    """
    Map each imaging study; a study of which the report only says that it was done has no DiagnosticReport.

    The status of a study is unknown, since nothing tells that images are to be had.

    Reads: ``case.imaging``, and the sizes and findings that name a study.
    Gives: one ImagingStudy each; one DiagnosticReport (us-core-diagnosticreport-note) where there is a conclusion or a
    result.
    Source: https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-diagnosticreport-note.html
    """
    results: dict[str, list[str]] = {}
    for size in (size for tumour in case.tumours for size in tumour.sizes if size.imaging):
        results.setdefault(str(size.imaging), []).append(size.key)
    for finding in (finding for finding in case.findings if finding.imaging):
        results.setdefault(str(finding.imaging), []).append(finding.key)

    for study in case.imaging:
        code = _codes.concept("imaging", study.study, study)
        modalities = [_codes.concept("imaging", modality, study) for modality in study.modalities]
        when = moment_words(case, study.at)
        yield resource(
            "ImagingStudy",
            study.key,
            study,
            f"{code['text']} ({when}).",
            status="unknown",
            modality=[one for modality in modalities for one in modality.get("coding", ())],
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
                category=[_RADIOLOGY],
                code=code,
                subject=PATIENT,
                **dated(case, "effectiveDateTime", study.at, study),
                performer=[{"display": study.performer}] if study.performer else PERFORMER,
                result=[reference("Observation", key) for key in observations],
                imagingStudy=[reference("ImagingStudy", study.key)],
                conclusion=study.conclusion,
            )


MAPPING = Mapping("imaging", imaging, "ImagingStudy, and DiagnosticReport (US Core note) where findings are told")

"""
Claim the profiles of mCODE whose subject is a cancer patient only where the case is about a cancer.

A mapping claims the profile that fits what it writes. Whether the patient has a cancer is said elsewhere in the case,
so it is decided here, once for all mappings: without a cancer each profile gives way to the one that it is derived from
outside of mCODE, or to none where that is a resource type itself, or a profile of another guide.

Source: the StructureDefinitions of hl7.fhir.us.mcode 4.0.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.fhir.systems import MCODE, US_CORE

if TYPE_CHECKING:
    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["OF_CANCER_PATIENTS", "has_cancer", "without_cancer"]

OF_CANCER_PATIENTS = {
    "cancer-patient": "patient",
    "ALL-risk-assessment": "simple-observation",
    "cancer-disease-status": "",
    "cancer-related-medication-administration": "",
    "cancer-related-medication-request": "medicationrequest",
    "cancer-risk-assessment": "simple-observation",
    "cancer-stage": "simple-observation",
    "comorbidities": "simple-observation",
    "deauville-scale": "observation-clinical-result",
    "ecog-performance-status": "observation-clinical-result",
    "genomic-region-studied": "",
    "genomic-variant": "",
    "genomics-report": "",
    "histologic-behavior-and-type": "observation-lab",
    "histologic-grade": "observation-lab",
    "human-specimen": "specimen",
    "karnofsky-performance-status": "observation-clinical-result",
    "lansky-play-performance-status": "observation-clinical-result",
    "lymphoma-stage": "simple-observation",
    "patient-group": "",
    "radiotherapy-course-summary": "procedure",
    "radiotherapy-volume": "",
    "rhabdomyosarcoma-risk-assessment": "simple-observation",
    "tnm-category": "simple-observation",
    "tnm-distant-metastases-category": "simple-observation",
    "tnm-primary-tumor-category": "simple-observation",
    "tnm-regional-nodes-category": "simple-observation",
    "tnm-stage-group": "simple-observation",
    "tumor": "",
    "tumor-marker-test": "observation-lab",
    "tumor-morphology": "simple-observation",
    "tumor-size": "",
}
"""The profiles of mCODE about cancer patients, and that of US Core which each is derived from; names without prefix."""

_INSTEAD = {
    f"{MCODE}mcode-{name}": f"{US_CORE}us-core-{instead}" if instead else ""
    for name, instead in OF_CANCER_PATIENTS.items()
}


def has_cancer(case: Case) -> bool:
    """Whether some entry of the case says that the patient has a cancer, or had one."""
    return any(entry.is_cancer for _, entry in case.entries())


def without_cancer(resource: Resource) -> Resource:
    """Return a resource with the profiles that it can claim though the patient has no cancer."""
    meta = resource.get("meta")
    if not isinstance(meta, dict) or not isinstance(claimed := meta.get("profile"), list):
        return resource
    profiles = [_INSTEAD.get(one, one) for one in claimed]
    kept = list(dict.fromkeys(one for one in profiles if one))
    rest = {name: value for name, value in meta.items() if name != "profile"} | ({"profile": kept} if kept else {})
    return {name: rest if name == "meta" else value for name, value in resource.items() if name != "meta" or rest}

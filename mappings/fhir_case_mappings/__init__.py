"""
The shipped mappings: one clinical concept a module, vocabularies as TOML beside them.

PYTEST_DONT_REWRITE: as in `fhir_case`.
"""

from __future__ import annotations

from fhir_case_mappings import (
    adverse_event,
    condition,
    document,
    finding,
    imaging,
    laboratory,
    medication,
    patient,
    procedure,
    radiotherapy,
    response,
    score,
    stage,
    tumour,
    tumour_marker,
)

__all__ = ["MAPPINGS"]

# In the order of a reader: who, what was found, what was done, what came of it. Nothing depends on the order.
MAPPINGS = (
    patient.MAPPING,
    condition.MAPPING,
    laboratory.MAPPING,
    tumour_marker.MAPPING,
    score.MAPPING,
    stage.MAPPING,
    tumour.MAPPING,
    finding.MAPPING,
    imaging.MAPPING,
    radiotherapy.MAPPING,
    procedure.MAPPING,
    medication.MAPPING,
    adverse_event.MAPPING,
    response.MAPPING,
    document.MAPPING,
)

"""
The shipped mappings: one clinical concept a room, which is a module, or a folder where it has code tables.

A room says all about its concept: the sections of the case file with their entries, what these become, which element
tells when they happened, what they are for other entries, its tables and an example. Tables that several rooms read lie
in ``codes``.

PYTEST_DONT_REWRITE: as in `fhir_case`.
"""

from __future__ import annotations

from fhir_case_mappings import (
    adverse_event,
    allergy,
    comorbidity,
    condition,
    culture,
    document,
    encounter,
    family,
    finding,
    genomics,
    imaging,
    immunization,
    laboratory,
    measurement,
    medication,
    organization,
    panel,
    pathology,
    patient,
    performance,
    person,
    phenotype,
    place,
    plan,
    pregnancy,
    procedure,
    questionnaire,
    radiotherapy,
    response,
    score,
    smoking,
    specimen,
    stage,
    transfusion,
    tumour,
    vital_sign,
)

__all__ = ["MAPPINGS"]

# In the order of a reader: who, what was found, what was done, what came of it. The sections of the case file have this
# order too; nothing else depends on it.
MAPPINGS = (
    patient.MAPPING,
    organization.MAPPING,
    place.MAPPING,
    person.MAPPING,
    encounter.MAPPING,
    condition.MAPPING,
    family.MAPPING,
    phenotype.MAPPING,
    specimen.MAPPING,
    allergy.MAPPING,
    immunization.MAPPING,
    smoking.MAPPING,
    pregnancy.MAPPING,
    vital_sign.MAPPING,
    *laboratory.MAPPINGS,
    measurement.MAPPING,
    panel.MAPPING,
    culture.MAPPING,
    *pathology.MAPPINGS,
    *genomics.MAPPINGS,
    performance.MAPPING,
    comorbidity.MAPPING,
    score.MAPPING,
    questionnaire.MAPPING,
    stage.MAPPING,
    tumour.MAPPING,
    finding.MAPPING,
    imaging.MAPPING,
    plan.MAPPING,
    radiotherapy.MAPPING,
    procedure.MAPPING,
    transfusion.MAPPING,
    *medication.MAPPINGS,
    adverse_event.MAPPING,
    response.MAPPING,
    document.MAPPING,
)

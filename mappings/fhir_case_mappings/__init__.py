"""
The shipped mappings: one clinical concept a room, which is a module, or a folder where it has code tables.

A room says all about its concept: the sections of the case file with their entries, what these become, which element
tells when they happened, what they are for other entries, its tables and an example. Tables that several rooms read lie
in ``codes``.

PYTEST_DONT_REWRITE: as in `fhir_case`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.mapping import Room

if TYPE_CHECKING:
    from fhir_case.mapping import Mapping

    MAPPINGS: tuple[Mapping, ...]

__all__ = ["MAPPINGS", "ROOMS"]


def _room(name: str, *sections: str, always: bool = False) -> Room:
    return Room(f"{__name__}.{name}", sections, always=always)


# Each with its sections, so that a case is built without importing what it does not have. In the order of a reader:
# who, what was found, what was done, what came of it. The sections of the case file have this order too; nothing else
# depends on it.
ROOMS = (
    _room("patient", "patient", always=True),
    _room("organization", "organizations"),
    _room("place", "places"),
    _room("person", "people"),
    _room("encounter", "encounters"),
    _room("condition", "conditions"),
    _room("family", "family_history"),
    _room("phenotype", "phenotypes"),
    _room("specimen", "specimens"),
    _room("allergy", "allergies"),
    _room("immunization", "immunizations"),
    _room("smoking", "smoking"),
    _room("pregnancy", "pregnancies"),
    _room("vital_sign", "vital_signs"),
    _room("laboratory", "laboratory", "tumour_markers"),
    _room("measurement", "measurements"),
    _room("panel", "panels"),
    _room("culture", "cultures"),
    _room("pathology", "pathology", "receptors"),
    _room("genomics", "variants", "genomic_reports", "interpretations"),
    _room("performance", "performance"),
    _room("comorbidity", "comorbidity_scores"),
    _room("score", "scores"),
    _room("questionnaire", "questionnaires"),
    _room("stage", "stages"),
    _room("tumour", "tumours"),
    _room("finding", "findings"),
    _room("imaging", "imaging"),
    _room("plan", "plans"),
    _room("radiotherapy", "radiotherapies"),
    _room("procedure", "procedures"),
    _room("transfusion", "transfusions"),
    _room("medication", "regimens", "medications", "administrations"),
    _room("adverse_event", "adverse_events"),
    _room("response", "responses"),
    _room("document", always=True),
)


def __getattr__(name: str) -> Any:
    """Return the mappings of all rooms, which are imported for that."""
    if name != "MAPPINGS":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return tuple(mapping for room in ROOMS for mapping in room.mappings())

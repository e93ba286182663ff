"""
What a mapping may use: the protocol, the code tables beside it, dates with their relative time, shared parts.

A mapping imports from here, from `fhir_case.case` and from `fhir_case.fhir`, and from nowhere else in the library.
"""

from __future__ import annotations

from fhir_case.fhir.installed import installed_codes
from fhir_case.mapping.cases import ShippedCase, load_case, model_of_cases, read_case, shipped_cases
from fhir_case.mapping.concepts import Codes
from fhir_case.mapping.dating import dated, moment_words, period, reference_to, time_component
from fhir_case.mapping.discovery import FoundMapping, discover, sections_of
from fhir_case.mapping.life_times import life_value
from fhir_case.mapping.narratives import named
from fhir_case.mapping.protocol import Addition, Mapping, Room
from fhir_case.mapping.resources import PATIENT, PERFORMER, observation, resource
from fhir_case.mapping.treatment import intent_extension, reason_of_end, treats_cancer

__all__ = [
    "PATIENT",
    "PERFORMER",
    "Addition",
    "Codes",
    "FoundMapping",
    "Mapping",
    "Room",
    "ShippedCase",
    "dated",
    "discover",
    "installed_codes",
    "intent_extension",
    "life_value",
    "load_case",
    "model_of_cases",
    "moment_words",
    "named",
    "observation",
    "period",
    "read_case",
    "reason_of_end",
    "reference_to",
    "resource",
    "sections_of",
    "shipped_cases",
    "time_component",
    "treats_cancer",
]

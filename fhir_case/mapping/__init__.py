"""
What a mapping may use: the protocol, the code tables beside it, dates with their relative time, shared parts.

A mapping imports from here, from `fhir_case.case` and from `fhir_case.fhir`, and from nowhere else in the library.
"""

from __future__ import annotations

from fhir_case.mapping.concepts import Codes
from fhir_case.mapping.dating import dated, moment_words, period, reference_to
from fhir_case.mapping.discovery import FoundMapping, discover, installed_codes
from fhir_case.mapping.protocol import Mapping
from fhir_case.mapping.resources import PATIENT, PERFORMER, measurement, observation, resource

__all__ = [
    "PATIENT",
    "PERFORMER",
    "Codes",
    "FoundMapping",
    "Mapping",
    "dated",
    "discover",
    "installed_codes",
    "measurement",
    "moment_words",
    "observation",
    "period",
    "reference_to",
    "resource",
]

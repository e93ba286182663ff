"""The case: reading it with line numbers, its typed model, its times, and the shipped cases. Knows no FHIR."""

from __future__ import annotations

from fhir_case.case.entry import Entry, Place
from fhir_case.case.forms import Coding, Concept, Quantity, Site, Value, When
from fhir_case.case.model import Case
from fhir_case.case.reading import load_case, read_case
from fhir_case.case.shipped import ShippedCase, shipped_cases
from fhir_case.case.timing import Moment, Moments

__all__ = [
    "Case",
    "Coding",
    "Concept",
    "Entry",
    "Moment",
    "Moments",
    "Place",
    "Quantity",
    "ShippedCase",
    "Site",
    "Value",
    "When",
    "load_case",
    "read_case",
    "shipped_cases",
]

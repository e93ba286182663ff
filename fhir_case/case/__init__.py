"""
What every case has: forms, entries, times, a report and a timeline; reading it with line numbers. Knows no FHIR.

Which sections a case has is a matter of the clinical concepts, which `fhir_case.mapping` finds.
"""

from __future__ import annotations

from fhir_case.case.entry import Entry, Event, KeyedEntry
from fhir_case.case.forms import Age, Amount, BloodPressure, Coding, Concept, Quantity, Range, Site, Value, When
from fhir_case.case.model import Case
from fhir_case.case.node import Place
from fhir_case.case.section import Section
from fhir_case.case.timing import Moment, Moments

__all__ = [
    "Age",
    "Amount",
    "BloodPressure",
    "Case",
    "Coding",
    "Concept",
    "Entry",
    "Event",
    "KeyedEntry",
    "Moment",
    "Moments",
    "Place",
    "Quantity",
    "Range",
    "Section",
    "Site",
    "Value",
    "When",
]

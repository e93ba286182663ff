"""
The short and the open forms in which a case file writes a concept, a quantity, a value and a time.

A short form is one string (``afp``, ``33996 ng/mL``, ``+3 mo``); the open form is a mapping that spells everything
out (``{text: AFP, code: {system: …, code: …}}``). Both become the same frozen value.
"""

from __future__ import annotations

from fhir_case.case.forms.concept import CODE_PATTERN, Coding, Concept, Site
from fhir_case.case.forms.form import KEY, Day, Form, Key, Text
from fhir_case.case.forms.life_age import LifeAge
from fhir_case.case.forms.quantity import Age, BloodPressure, Quantity, Range
from fhir_case.case.forms.reference_range import ReferenceRange
from fhir_case.case.forms.time_units import counted
from fhir_case.case.forms.value import Amount, Value
from fhir_case.case.forms.when import When, known_event

__all__ = [
    "CODE_PATTERN",
    "KEY",
    "Age",
    "Amount",
    "BloodPressure",
    "Coding",
    "Concept",
    "Day",
    "Form",
    "Key",
    "LifeAge",
    "Quantity",
    "Range",
    "ReferenceRange",
    "Site",
    "Text",
    "Value",
    "When",
    "counted",
    "known_event",
]

"""Build the FHIR data types that the mappings need, as plain dicts."""

from __future__ import annotations

import json
from functools import cache
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from fhir_case.fhir.systems import ACT_REASON, DATA_ABSENT_REASON, OBSERVATION_CATEGORY, UCUM

if TYPE_CHECKING:
    from decimal import Decimal

__all__ = [
    "TEST_DATA",
    "absent",
    "annotation",
    "category",
    "code_of",
    "coding",
    "extension",
    "narrative",
    "quantity",
    "reference",
]

Json = dict[str, Any]


@cache
def _displays() -> dict[str, dict[str, str]]:
    """Return the displays of the code systems of HL7, which scripts/make-displays collects."""
    found: dict[str, dict[str, str]] = json.loads(files("fhir_case.fhir").joinpath("displays.json").read_text("utf-8"))
    return found


def coding(system: str, code: str, display: str | None = None) -> Json:
    """Return a Coding; a code of HL7 has the display of its CodeSystem where none is given."""
    display = display or _displays().get(system, {}).get(code)
    return {"system": system, "code": code, **({"display": display} if display else {})}


TEST_DATA = coding(ACT_REASON, "HTEST", "test health data")
"""The label of ``meta.security`` that says that a resource is test data."""


def code_of(system: str, code: str, display: str | None = None, *, text: str | None = None) -> Json:
    """Return a CodeableConcept with one coding and, where wanted, words."""
    return {"coding": [coding(system, code, display)], **({"text": text} if text else {})}


def category(code: str) -> list[Json]:
    """Return the category of an Observation, a code of http://terminology.hl7.org/CodeSystem/observation-category."""
    return [code_of(OBSERVATION_CATEGORY, code)]


def reference(resource_type: str, key: str) -> Json:
    """Return a reference by business key; the Bundle turns the key into the logical id."""
    return {"reference": f"{resource_type}/{key}"}


def extension(url: str, **value: object) -> Json:
    """Return an extension with its value, for example ``extension(URL, valueCode="unknown")``."""
    return {"url": url, **value}


def absent(reason: str = "unknown") -> list[Json]:
    """Return the extension that says why an element has no value; a code of data-absent-reason."""
    return [extension(DATA_ABSENT_REASON, valueCode=reason)]


def annotation(*texts: str | None) -> Json:
    """Return ``{"note": [...]}`` of the texts that are there, or nothing."""
    notes = [{"text": text} for text in texts if text]
    return {"note": notes} if notes else {}


def quantity(value: Decimal, unit: str | None, code: str | None, comparator: str | None = None) -> Json:
    """
    Return a Quantity; without a UCUM code it carries the printed unit alone.

    Source: https://hl7.org/fhir/R4/datatypes.html#Quantity
    """
    whole = value == value.to_integral_value() and value.as_tuple().exponent == 0
    parts: Json = {"value": int(value) if whole else value}
    if comparator:
        parts["comparator"] = comparator
    if unit:
        parts["unit"] = unit
    if code:
        parts |= {"system": UCUM, "code": code}
    return parts


def narrative(*lines: str) -> Json:
    """
    Return the generated text of a resource, one paragraph a line.

    Source: https://hl7.org/fhir/R4/narrative.html
    """
    paragraphs = "".join(f"<p>{escape(line, quote=False)}</p>" for line in lines if line)
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{paragraphs}</div>'}

"""
The ViewDefinitions of SQL on FHIR that come with this package: tables of an mCODE patient for those who query.

Each is a file of JSON with columns, their types and what they mean; any runner of the specification makes its rows.

Source: https://build.fhir.org/ig/FHIR/sql-on-fhir-v2/StructureDefinition-ShareableViewDefinition.html
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

__all__ = ["VIEWS", "view", "view_text"]

VIEWS = (
    "patient",
    "vital_status",
    "primary_cancer",
    "stage",
    "tumor_marker",
    "procedure",
    "radiotherapy",
    "medication",
    "response",
    "adverse_event",
)
"""Their names, in the order of a course."""


def view_text(name: str) -> bytes:
    """Return the file of a view, one of `VIEWS`."""
    return (files("fhir_case.views") / f"{name}.json").read_bytes()


def view(name: str) -> dict[str, Any]:
    """Return a ViewDefinition, one of `VIEWS`."""
    definition: dict[str, Any] = json.loads(view_text(name))
    return definition

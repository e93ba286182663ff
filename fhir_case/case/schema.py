"""What an author begins with: the JSON Schema by which editors complete and check a case, and a starter file."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fhir_case.case.section import Section

__all__ = ["SCHEMA_FILE", "case_schema", "schema_path", "starter_text"]

SCHEMA_FILE = "case.schema.json"

_HEAD = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "urn:fhir-case:case-schema",
    "title": "A clinical case for fhir-case",
    "description": "What a report says about one patient: sections of entries, each with its place in the report.",
}

_VARY = {"description": "How it varies in a cohort (docs/cohorts.md); says nothing of the case itself."}


def case_schema(sections: tuple[Section, ...]) -> dict[str, Any]:
    """
    Return the schema of a case with these sections.

    Descriptions are those of the docstrings of the models, each field with its own.

    Source: https://json-schema.org/draft/2020-12
    """
    from fhir_case.case.model import case_model

    schema = case_model(sections).model_json_schema()
    for form in schema["$defs"].values():
        for each in (form, *form.get("anyOf", ())):
            if each.get("additionalProperties") is False:
                each["properties"]["vary"] = _VARY
    return _HEAD | {name: value for name, value in schema.items() if name not in _HEAD}


def schema_path() -> Path:
    """Return the path of the schema file in the installed package."""
    return Path(str(files("fhir_case.case") / SCHEMA_FILE))


def starter_text() -> str:
    """Return a commented case to begin with; its first line names the schema of the installed package for editors."""
    text = (files("fhir_case.case") / "starter.yaml").read_text(encoding="utf-8")
    return text.replace(f"$schema={SCHEMA_FILE}", f"$schema={schema_path().as_uri()}", 1)

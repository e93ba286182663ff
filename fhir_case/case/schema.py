"""What an author begins with: the JSON Schema by which editors complete and check a case, and a starter file."""

from __future__ import annotations

import re
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


def case_schema(sections: tuple[Section, ...]) -> dict[str, Any]:
    """
    Return the schema of a case with these sections.

    Descriptions are those of the docstrings of the models, each field with its own.

    Source: https://json-schema.org/draft/2020-12
    """
    from fhir_case.case.model import case_model

    schema = case_model(sections).model_json_schema()
    for part in (schema, *schema["$defs"].values()):
        _describe(part)
    return _HEAD | {name: value for name, value in schema.items() if name not in _HEAD}


def _describe(part: dict[str, Any]) -> None:
    """Move what a docstring says of its arguments to the properties of a schema."""
    summary, _, arguments = part.get("description", "").partition("\n\nArgs:\n")
    if summary:
        part["description"] = summary
    said = dict(re.findall(r"^    (\w+): (.+(?:\n {8}.+)*)", arguments, flags=re.MULTILINE))
    for form in (part, *part.get("anyOf", ())):
        for name, field in form.get("properties", {}).items():
            field.pop("title", None)
            if name in said:
                field["description"] = re.sub(r"\s+", " ", said[name]).replace("``", "'")


def schema_path() -> Path:
    """Return the path of the schema file in the installed package."""
    return Path(str(files("fhir_case.case") / SCHEMA_FILE))


def starter_text() -> str:
    """Return a commented case to begin with; its first line names the schema of the installed package for editors."""
    text = (files("fhir_case.case") / "starter.yaml").read_text(encoding="utf-8")
    return text.replace(f"$schema={SCHEMA_FILE}", f"$schema={schema_path().as_uri()}", 1)

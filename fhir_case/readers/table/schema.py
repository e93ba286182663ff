"""The JSON Schema of the recipe, by which editors complete and check it."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from fhir_case.readers.table.recipe import AnyOf, Column, Function, Join, Keys, Recipe

__all__ = ["recipe_schema", "recipe_schema_path"]

_VALUES = (Column, Function, Keys, AnyOf, Join)


def recipe_schema() -> dict[str, Any]:
    """Return the JSON Schema of a recipe; the fields of a rule are those of the section, or values of the tables."""
    schema = Recipe.model_json_schema()
    parts = schema["$defs"]
    for model in _VALUES:
        made = model.model_json_schema()
        parts.update(made.pop("$defs", {}))
        parts[model.__name__] = made
    values = [{"$ref": f"#/$defs/{model.__name__}"} for model in _VALUES]
    others = [{"type": ["string", "number", "boolean", "null", "array"]}, {"type": "object"}]
    parts["Rule"]["properties"]["fields"]["additionalProperties"] = {"anyOf": [*values, *others]}
    one = {"$ref": "#/$defs/Condition"}
    parts["Rule"]["properties"]["only_if"] = {"anyOf": [one, {"type": "array", "items": one}]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Import recipe", **schema}


def recipe_schema_path() -> Path:
    """Return the file of the schema in this package."""
    return Path(str(files("fhir_case.readers.table") / "recipe.schema.json"))

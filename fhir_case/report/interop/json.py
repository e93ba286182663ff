"""Report an interoperability test as JSON, with the schema of it."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fhir_case.interop.baseline import SCHEMA_ID
from fhir_case.interop.result import BundleResult, ServerResult
from fhir_case.report.characters import encodable

if TYPE_CHECKING:
    from fhir_case.interop.result import InteropResult

__all__ = ["interop_json", "interop_schema_path", "interop_value"]


def interop_json(result: InteropResult) -> bytes:
    """
    Return all of a test as JSON for people and programs; decimals have the digits that they had.

    It is all of the result, with the counts beside what they count, and ``$schema`` first. What cannot be written,
    since a server may send anything, is shown as text: half of a surrogate pair, or what is nested too deeply.
    """
    from fhir_case.fhir import wire

    return wire.dump(interop_value(result), indent=True)


def interop_value(result: InteropResult) -> dict[str, Any]:
    """Return the same as a value."""
    return {"$schema": SCHEMA_ID, **_written(result)}


def interop_schema_path() -> Path:
    """Return the path of the JSON Schema in the installed package."""
    return Path(str(files("fhir_case.report.interop") / "interop.schema.json"))


def _written(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_written(each) for each in value]
    if not is_dataclass(value):
        return encodable(value)
    found = {each.name: _written(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, ServerResult | BundleResult):
        found["counts"] = dict(value.counts)
    return found

"""What an invariant is, and the parts that the JSON Schemas of broken elements are put together from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from fhir_case.issues import Severity

__all__ = [
    "Invariant",
    "all_of",
    "any_of",
    "coded",
    "concept",
    "has",
    "has_choice",
    "is_one_of",
    "lacks",
    "lacks_choice",
    "negative",
]

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Invariant:
    """
    Describe one invariant.

    Args:
        name: Its key in the specification.
        where: The type or backbone element that it is about.
        broken: The JSON Schema of an object that breaks it.
        reason: What must hold, one line.
        source: The page that states it.
        severity: As the specification has it.
        releases: Those that have it.
    """

    name: str
    where: str
    broken: Schema
    reason: str
    source: str
    severity: Severity = "error"
    releases: tuple[Literal["R4", "R5"], ...] = ("R4", "R5")


def has(*names: str) -> Schema:
    """Ask for one element at least; one that has only extensions is there too."""
    return {"anyOf": [{"required": [one]} for name in names for one in (name, f"_{name}")]}


def lacks(*names: str) -> Schema:
    """Ask for none of these elements."""
    return {"not": has(*names)}


def has_choice(stem: str) -> Schema:
    """Ask for a form of a choice, told by its stem."""
    return {"not": {"propertyNames": {"not": {"pattern": f"^_?{stem}[A-Z]"}}}}


def lacks_choice(stem: str) -> Schema:
    """Ask for no form of a choice."""
    return {"propertyNames": {"not": {"pattern": f"^_?{stem}[A-Z]"}}}


def all_of(*parts: Schema) -> Schema:
    """Ask for all of these."""
    return {"allOf": list(parts)}


def any_of(*parts: Schema) -> Schema:
    """Ask for one of these."""
    return {"anyOf": list(parts)}


def concept(system: str, *codes: str) -> Schema:
    """Ask of a CodeableConcept that it has one of these codes."""
    coding = {
        "properties": {"system": {"const": system}, "code": {"enum": list(codes)}},
        "required": ["system", "code"],
    }
    return {"properties": {"coding": {"contains": coding}}, "required": ["coding"]}


def coded(name: str, system: str, *codes: str) -> Schema:
    """Ask for an element that is a CodeableConcept with one of these codes."""
    return {"properties": {name: concept(system, *codes)}, "required": [name]}


def is_one_of(name: str, *values: str) -> Schema:
    """Ask for an element that has one of these values."""
    return {"properties": {name: {"enum": list(values)}}, "required": [name]}


def negative(name: str) -> Schema:
    """Ask for a number below zero."""
    return {"properties": {name: {"exclusiveMaximum": 0}}, "required": [name]}

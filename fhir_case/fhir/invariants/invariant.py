"""What an invariant is, and the parts of the JSON Schemas of elements that break one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fhir_case.fhir.models import FhirVersion
    from fhir_case.issues import Severity

__all__ = [
    "DATA_TYPES",
    "QUANTITIES",
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

QUANTITIES = ("Quantity", "SimpleQuantity", "MoneyQuantity", "Age", "Count", "Distance", "Duration")
"""The type Quantity and its specialisations, which its invariants are about as well."""

DATA_TYPES = frozenset(
    (*QUANTITIES, "Attachment", "Coding", "ContactPoint", "Extension", "Ratio", "Reference", "Timing")
)
"""The data types that invariants here are about."""


@dataclass(frozen=True, slots=True)
class Invariant:
    """
    One invariant of the specification.

    Args:
        name: Its key.
        where: The type or backbone element that it is about.
        broken: The JSON Schema of an object that breaks it; None where only the FHIRPath expression says so.
        reason: The rule, one line.
        severity: As in the specification.
        releases: Those that have it.
        page: The page of the specification that states it; when empty, that of the type.
        expression: In FHIRPath, as the specification has it; empty for one that is written by hand.
        resources: Of a data type: the resource types in which its expression is evaluated. None for all others.
    """

    name: str
    where: str
    broken: Schema | None
    reason: str
    severity: Severity = "error"
    releases: tuple[FhirVersion, ...] = ("R4", "R5")
    page: str = ""
    expression: str = ""
    resources: tuple[str, ...] | None = None

    @property
    def type(self) -> str:
        """Return the resource type or data type that it is about."""
        return self.where.split(".")[0]

    @property
    def source(self) -> str:
        """Return the page that states it."""
        page = f"datatypes.html#{self.type}" if self.type in DATA_TYPES else f"{self.type.lower()}.html#invs"
        return f"https://hl7.org/fhir/{self.releases[0]}/{self.page or page}"


def has(*names: str) -> Schema:
    """Require at least one of these elements; one that has only extensions counts."""
    return {"anyOf": [{"required": [one]} for name in names for one in (name, f"_{name}")]}


def lacks(*names: str) -> Schema:
    """Require that none of these elements is present."""
    return {"not": has(*names)}


def has_choice(stem: str) -> Schema:
    """Require a form of a choice, by its stem."""
    return {"not": {"propertyNames": {"not": {"pattern": f"^_?{stem}[A-Z]"}}}}


def lacks_choice(stem: str) -> Schema:
    """Require that no form of a choice is present."""
    return {"propertyNames": {"not": {"pattern": f"^_?{stem}[A-Z]"}}}


def all_of(*parts: Schema) -> Schema:
    """Require all of these."""
    return {"allOf": list(parts)}


def any_of(*parts: Schema) -> Schema:
    """Require one of these."""
    return {"anyOf": list(parts)}


def concept(system: str, *codes: str) -> Schema:
    """Require that a CodeableConcept has one of these codes."""
    coding = {
        "properties": {"system": {"const": system}, "code": {"enum": list(codes)}},
        "required": ["system", "code"],
    }
    return {"properties": {"coding": {"contains": coding}}, "required": ["coding"]}


def coded(name: str, system: str, *codes: str) -> Schema:
    """Require an element that is a CodeableConcept with one of these codes."""
    return {"properties": {name: concept(system, *codes)}, "required": [name]}


def is_one_of(name: str, *values: str) -> Schema:
    """Require an element that has one of these values."""
    return {"properties": {name: {"enum": list(values)}}, "required": [name]}


def negative(name: str) -> Schema:
    """Require a number below zero."""
    return {"properties": {name: {"exclusiveMaximum": 0}}, "required": [name]}

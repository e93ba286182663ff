"""
The strict JSON Schemas of each release by definition, with the invariants written into them.

They are data of this package, made from the official packages by scripts/make-strict-schema: one definition a line, so
that those of the types at hand are read alone.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import orjson

from fhir_case.errors import CheckerError
from fhir_case.fhir.invariants import INVARIANTS
from fhir_case.fhir.invariants.invariant import QUANTITIES
from fhir_case.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fhir_case.fhir.models import FhirVersion

__all__ = [
    "INVARIANT",
    "allowed_targets",
    "definition_named",
    "definition_of",
    "definitions",
    "places_of",
    "resource_types",
    "targets",
    "unknown_type",
]

INVARIANT = "invariant:"
"""How the name of a definition begins that is the schema of an invariant; its number among all of them follows."""


class Definitions(Mapping[str, Any]):
    """
    The definitions of a release by their names, each parsed when it is first asked for.

    Args:
        lines: The text of each: its name and its schema, as a member of a JSON object.
        broken: The schema of each invariant, by the name of its definition.
        carriers: The names of the invariants that are written into the definition of a type.
    """

    def __init__(
        self, lines: Mapping[str, bytes], broken: Mapping[str, Any], carriers: Mapping[str, Sequence[str]]
    ) -> None:
        self._lines, self._broken, self._carriers = lines, broken, carriers
        self._parsed: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._parsed:
            self._parsed[name] = self._parse(name)
        return self._parsed[name]

    def _parse(self, name: str) -> Any:
        if name in self._broken:
            return {"not": {"type": "object", **self._broken[name]}}
        definition = orjson.loads(b"{%s}" % self._lines[name])[name]
        # A Reference has a definition for each set of targets.
        invariants = self._carriers.get(name.partition("(")[0], ())
        if invariants:
            definition.setdefault("allOf", []).extend({"$ref": f"#/$defs/{one}"} for one in invariants)
        return definition

    def __iter__(self) -> Iterator[str]:
        yield from self._lines
        yield from self._broken

    def __len__(self) -> int:
        return len(self._lines) + len(self._broken)


@cache
def definitions(fhir: FhirVersion) -> Definitions:
    """Return the definitions of a release, with the invariants written into them."""
    file = files("fhir_case.fhir").joinpath("schema", f"{fhir.lower()}.json.gz")
    try:
        _, *members, _ = gzip.decompress(file.read_bytes()).split(b"\n")
        lines = {line[1 : line.index(b'"', 1)].decode(): line.removesuffix(b",") for line in members}
    except (OSError, EOFError, ValueError) as error:
        raise CheckerError(
            f"the schema of {fhir} could not be read: {error}", hint="install fhir-case again"
        ) from error
    broken: dict[str, Any] = {}
    carriers: dict[str, list[str]] = {}
    for number, invariant in enumerate(INVARIANTS):
        if fhir in invariant.releases and invariant.broken is not None:
            name = f"{INVARIANT}{number}"
            broken[name] = invariant.broken
            for carrier in QUANTITIES if invariant.where == "Quantity" else (invariant.where,):
                carriers.setdefault(carrier, []).append(name)
    return Definitions(lines, broken, carriers)


@cache
def resource_types(fhir: FhirVersion) -> frozenset[str]:
    """Return the names of the resource types of a release."""
    return frozenset(definitions(fhir)["resource-types"]["enum"])


@lru_cache(1000)
def unknown_type(name: str, fhir: FhirVersion) -> str:
    """Say that there is no such resource type in a release, and which one may be meant."""
    return f"'{name}' is not a resource type of {fhir}{did_you_mean(name, sorted(resource_types(fhir)), before='; ')}"


def definition_named(schema: Mapping[str, Any]) -> str:
    """Return the name of the definition that the schema of an element, or of the members of a list, refers to."""
    reference: str = schema.get("$ref") or schema.get("items", {}).get("$ref", "")
    return reference.removeprefix("#/$defs/")


def definition_of(kind: str, path: tuple[str | int, ...], fhir: FhirVersion) -> str:
    """
    Return the name of the definition that is about an element; empty when there is none.

    That is ``Reference(Patient,Group)`` or ``code:observation-status``, and of primitive types in lists ``string?``.

    Args:
        kind: The type of the resource.
        path: The path from the resource to the element.
        fhir: The release.
    """
    known = definitions(fhir)
    name = kind
    for step in path:
        if isinstance(step, str):
            name = definition_named(known.get(name, {}).get("properties", {}).get(step, {}))
    return name


@cache
def places_of(where: str, fhir: FhirVersion) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """
    Return where an element of a definition is in resources: the type of each resource, and the steps from there.

    Args:
        where: The path of the element, as a StructureDefinition has it; its type may be a data type. Then only the
            places are found where the parts of a resource have that type.
        fhir: The release.
    """
    kind, *steps = where.split(".")
    if kind in resource_types(fhir):
        return ((kind, tuple(steps)),)
    found = []
    for name, definition in definitions(fhir).items():
        root, *path = name.split(".")
        if root not in resource_types(fhir):
            continue
        for element, schema in definition.get("properties", {}).items():
            if definition_named(schema).partition(":")[0] == kind:
                found.append((root, (*path, element, *steps)))
    return tuple(found)


def targets(definition: str) -> list[str]:
    """Return the types that a reference may point to, from the name of its definition; empty when any may be."""
    return definition.partition("(")[2].rstrip(")").split(",") if "(" in definition else []


def allowed_targets(kind: str, path: tuple[str | int, ...], fhir: FhirVersion) -> list[str]:
    """
    Return the types that the reference at a path may point to; empty when any may be, or when that is not known.

    Args:
        kind: The type of the resource.
        path: The path from the resource to the object that is the Reference.
        fhir: The release.
    """
    return targets(definition_of(kind, path, fhir))

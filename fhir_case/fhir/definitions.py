"""
The strict JSON Schemas of each release, with the invariants written into them, compiled by resource type.

They are data of this package, made from the official packages by scripts/make-strict-schema. The schema of a type is
compiled for the first resource of that type, and kept.
"""

from __future__ import annotations

import gzip
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import orjson

from fhir_case.errors import CheckerError
from fhir_case.fhir.invariants import INVARIANTS
from fhir_case.fhir.invariants.invariant import QUANTITIES
from fhir_case.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

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
    "validators",
]

INVARIANT = "invariant:"
"""How the name of a definition begins that is the schema of an invariant; its number among all of them follows."""

_SEPARATE = 8  # how many validators are compiled before one for all types


@cache
def definitions(fhir: FhirVersion) -> dict[str, Any]:
    """Return the definitions of a release, with the invariants written into them."""
    file = files("fhir_case.fhir").joinpath("schema", f"{fhir.lower()}.json.gz")
    try:
        found: dict[str, Any] = orjson.loads(gzip.decompress(file.read_bytes()))["$defs"]
    except (OSError, ValueError) as error:
        raise CheckerError(
            f"the schema of {fhir} could not be read: {error}", hint="install fhir-case again"
        ) from error
    for number, invariant in enumerate(INVARIANTS):
        if fhir in invariant.releases and invariant.broken is not None:
            name = f"{INVARIANT}{number}"
            for carrier in _carriers(invariant.where, found):
                carrier.setdefault("allOf", []).append({"$ref": f"#/$defs/{name}"})
            found[name] = {"not": {"type": "object", **invariant.broken}}
    return found


def _carriers(where: str, known: Mapping[str, Any]) -> list[Any]:
    """Return the definitions of a type: a Reference has one for each set of targets, a Quantity special forms."""
    names = QUANTITIES if where == "Quantity" else (where,)
    return [one for name, one in known.items() if name.split("(")[0] in names]


def validators(kinds: AbstractSet[str], fhir: FhirVersion) -> Mapping[str, Any]:
    """
    Return the compiled validators by resource type, among them those of some types that the release has.

    Raises:
        CheckerError: The library or the schema is not there.
    """
    compiled = _compiled(fhir)
    missing = kinds - compiled.keys()
    if missing:
        _compile(missing, fhir)
    return compiled


@cache
def _compiled(fhir: FhirVersion) -> dict[str, Any]:  # noqa: ARG001 - one dict for each release
    """Return the validators that are compiled, by resource type."""
    return {}


def _compile(kinds: AbstractSet[str], fhir: FhirVersion) -> None:
    """
    Compile those of some types that the release has, all in one validator.

    Most of the work is in the data types that they share: fifteen types together take twice the time of one, and all
    take as much time and memory as twenty one by one. So after several compilations of new types, all are compiled.
    """
    try:
        import jsonschema_rs
    except ImportError as error:
        raise CheckerError(f"jsonschema-rs could not be imported: {error}") from error
    known = definitions(fhir)["resource-types"]["enum"]
    new = sorted(kind for kind in kinds if kind in known)
    if not new:
        return
    if len({id(validator) for validator in _compiled(fhir).values()}) == _SEPARATE:
        new = known
    schema = {
        "$defs": _reached(new, definitions(fhir)),
        "properties": {kind: {"$ref": f"#/$defs/{kind}"} for kind in new},
    }
    validator = jsonschema_rs.Draft202012Validator(schema, pattern_options=jsonschema_rs.RegexOptions())
    _compiled(fhir).update(dict.fromkeys(new, validator))


def _reached(kinds: list[str], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the definitions that some types need, which for one is a tenth of all."""
    found: dict[str, Any] = {}
    waiting: list[Any] = [{"$ref": f"#/$defs/{kind}"} for kind in kinds]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict):
            waiting += node.values()
            name = node.get("$ref")
            if isinstance(name, str):
                name = name.removeprefix("#/$defs/")
                if name not in found:
                    found[name] = known[name]
                    waiting.append(found[name])
    return found


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

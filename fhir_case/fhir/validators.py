"""
The strict JSON Schemas of each release, compiled by resource type.

Those of a type are compiled for the first resource of it, and kept. But of the first document that a process looks at,
which often is the only one, only what they say of elements that occur there.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from fhir_case.errors import CheckerError
from fhir_case.fhir.definitions import definitions, resource_types

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from fhir_case.fhir.models import FhirVersion

__all__ = ["quick_validators", "validators"]

_OF_MEMBERS = frozenset({"properties", "dependentSchemas"})
"""The keywords of the schemas whose value is a schema for each name of a member."""

_SEPARATE = 8  # how many validators are compiled before one for all types


def validators(kinds: AbstractSet[str], fhir: FhirVersion) -> Mapping[str, Any]:
    """
    Return the compiled validators by resource type, among them those of some types that the release has.

    Raises:
        CheckerError: The library or the schema is not there.
    """
    compiled = _compiled(fhir)
    missing: AbstractSet[str] = (kinds & resource_types(fhir)) - compiled.keys()
    if missing:
        if len({id(validator) for validator in compiled.values()}) == _SEPARATE:
            missing = resource_types(fhir)
        compiled.update(dict.fromkeys(sorted(missing), _compile(missing, fhir)))
    return compiled


def quick_validators(resources: Iterable[Mapping[str, Any]], fhir: FhirVersion) -> Mapping[str, Any]:
    """
    Return validators by resource type that tell which of some resources are right, and nothing of any other.

    For the first resources that a process sees of a release, they are compiled from what the schemas say of elements
    that occur in them, which takes less than half of the time.

    Raises:
        CheckerError: The library or the schema is not there.
    """
    given = list(resources)
    kinds = {kind for one in given if isinstance(kind := one.get("resourceType"), str)} & resource_types(fhir)
    seen = _seen(fhir)
    if seen or _compiled(fhir):
        return validators(kinds, fhir)
    seen |= kinds
    return dict.fromkeys(sorted(kinds), _compile(kinds, fhir, _names_in(given)))


@cache
def _compiled(fhir: FhirVersion) -> dict[str, Any]:  # noqa: ARG001 - one dict for each release
    """Return the validators that are compiled, by resource type."""
    return {}


@cache
def _seen(fhir: FhirVersion) -> set[str]:  # noqa: ARG001 - one set for each release
    """Return the resource types in the first document."""
    return set()


def _compile(kinds: Iterable[str], fhir: FhirVersion, names: AbstractSet[str] | None = None) -> Any:
    """
    Compile the schemas of some types, all in one validator.

    Most of the work is in the data types that they share: fifteen types together take twice the time of one, and all
    take as much time and memory as twenty one by one.

    Args:
        names: Those of the elements that occur; what is said of others is left out.
    """
    try:
        import jsonschema_rs
    except ImportError as error:
        raise CheckerError(f"jsonschema-rs could not be imported: {error}") from error
    schema = {
        "$defs": _reached(kinds, definitions(fhir), names),
        "properties": {kind: {"$ref": f"#/$defs/{kind}"} for kind in sorted(kinds)},
    }
    return jsonschema_rs.Draft202012Validator(schema, pattern_options=jsonschema_rs.RegexOptions())


def _reached(kinds: Iterable[str], known: Mapping[str, Any], names: AbstractSet[str] | None) -> dict[str, Any]:
    """Return the definitions that some types need, which for one is a tenth of all."""
    found: dict[str, Any] = {}
    waiting: list[Any] = [{"$ref": f"#/$defs/{kind}"} for kind in sorted(kinds)]
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
                    found[name] = known[name] if names is None else _of_names(known[name], names)
                    waiting.append(found[name])
    return found


def _of_names(schema: Any, names: AbstractSet[str]) -> Any:
    """Return a schema without what it says of members that have none of the names."""
    if isinstance(schema, dict):
        return {
            keyword: {name: _of_names(each, names) for name, each in value.items() if name in names}
            if keyword in _OF_MEMBERS
            else _of_names(value, names)
            for keyword, value in schema.items()
        }
    return [_of_names(each, names) for each in schema] if isinstance(schema, list) else schema


def _names_in(resources: list[Mapping[str, Any]]) -> set[str]:
    """Return the names of all members of some resources, of those inside too."""
    names: set[str] = set()
    waiting: list[Any] = [*resources]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            names.update(node)
            node = node.values()
        waiting += [each for each in node if isinstance(each, dict | list)]
    return names

"""Carry a search out: find, sort, include, and show only what is wanted of each resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .elements import kind_of, local_name, values
from .kinds import MANDATORY
from .spans import date_span, quantity_span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fhir_case.fhir.wire import Resource

    from .kinds import Parameter
    from .query import Include, Query
    from .storage import Store, Version

__all__ = ["find", "included", "shown"]

_SUBSETTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
_ALWAYS = ("resourceType", "id", "meta", "implicitRules", "modifierExtension")
_CHOICES = {"abatement", "deceased", "effective", "medication", "occurred", "onset", "performed", "value"}


def find(store: Store, query: Query, base_url: str) -> list[Version]:
    """Return what matches, sorted; without a wish in the order of creation."""

    def resolve(reference: str) -> Version | None:
        return store.there(*local_name(reference, base_url))

    found = [
        version
        for version in store.all(query.kind)
        if all(condition.holds(version.content, resolve) for condition in query.conditions)
    ]
    for parameter, down in reversed(query.sort):
        _sort(found, parameter, down=down)
    return found


def _sort(found: list[Version], parameter: Parameter, *, down: bool) -> None:
    """Sort by one parameter; what has no value for it is last both ways."""
    keys = {version.name: _keys(version.content, parameter) for version in found}
    there = [version for version in found if keys[version.name]]
    missing = [version for version in found if not keys[version.name]]
    pick = max if down else min
    there.sort(key=lambda version: pick(keys[version.name]), reverse=down)
    found[:] = [*there, *missing]


def _keys(resource: Resource, parameter: Parameter) -> list[Any]:
    elements = [each for path in parameter.paths for each in values(resource, path)]
    if parameter.type == "date":
        return [span.low for each in elements if (span := date_span(each))]
    if parameter.type == "quantity":
        return [each["value"] for each in elements if quantity_span(each)]
    return [text for each in elements for text in _sortable(each)]


def _sortable(element: Any) -> Iterator[str]:
    if isinstance(element, dict):
        for name in ("reference", "code", "value", "family", "text", "coding"):
            for inner in values(element, name):
                yield from _sortable(inner)
    else:
        yield str(element).casefold()


def included(store: Store, query: Query, matches: Iterable[Version], base_url: str) -> list[Version]:
    """Return what is to be included with some matches, each once."""
    found = {version.name: version for version in matches}
    known = set(found)
    latest = list(found.values())
    again = query.includes
    while latest and again:
        new = {}
        for include in again:
            for version in _reached(store, include, latest, base_url):
                if version.name not in found:
                    new[version.name] = version
        found |= new
        latest = list(new.values())
        again = [include for include in query.includes if include.again]
    return [version for name, version in found.items() if name not in known]


def _reached(store: Store, include: Include, latest: list[Version], base_url: str) -> Iterator[Version]:
    if include.reverse:
        names = {(version.kind, version.id) for version in latest if include.target in ("", version.kind)}
        for version in store.all(include.source):
            if names.intersection(_pointed_at(version, include, base_url)):
                yield version
        return
    for version in latest:
        for name in _pointed_at(version, include, base_url) if version.kind == include.source else ():
            target = store.there(*name)
            if target is not None and include.target in ("", target.kind):
                yield target


def _pointed_at(version: Version, include: Include, base_url: str) -> Iterator[tuple[str, str]]:
    for parameter in include.parameters:
        for path in parameter.paths:
            for each in values(version.content, path):
                reference = each.get("reference") if isinstance(each, dict) else None
                if isinstance(reference, str) and (not parameter.targets or kind_of(each) in parameter.targets):
                    yield local_name(reference, base_url)


def shown(resource: Resource, query: Query) -> Resource:
    """
    Return what of a resource is wanted; a part of it says that it is one.

    Source: https://hl7.org/fhir/R4/search.html#elements
    """
    if query.elements:
        kept = {*_ALWAYS, *MANDATORY.get(str(resource["resourceType"]), ()), *_named(query)}
        part = {name: each for name, each in resource.items() if _is_kept(name.removeprefix("_"), kept)}
    elif query.summary == "data":
        part = {name: each for name, each in resource.items() if name != "text"}
    else:
        return resource
    meta = {**part["meta"], "tag": [*part["meta"].get("tag", ()), _SUBSETTED]}
    return {**part, "meta": meta}


def _named(query: Query) -> Iterator[str]:
    for each in query.elements:
        kind, _, name = each.rpartition(".")
        if kind in ("", query.kind):
            yield name.removesuffix("[x]")


def _is_kept(name: str, kept: set[str]) -> bool:
    return name in kept or any(
        name.startswith(each) and name[len(each) : len(each) + 1].isupper() for each in kept & _CHOICES
    )

"""Match what a server has stored with what was sent: by id, by identifier, by content."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from fhir_case.fhir import wire
from fhir_case.fhir.identifiers import identifiers_of
from fhir_case.fhir.references import rewritten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fhir_case.fhir.wire import Resource
    from fhir_case.load.plan.entry import PlannedEntry

__all__ = ["content_of", "matched"]


def matched(entries: Sequence[PlannedEntry], stored: dict[str, list[Resource]]) -> dict[int, Resource]:
    """
    Find for each entry the resource that was stored of it: by id, by identifier, by content with labels, by content.

    Of those that say the same, one with a lower number counts as stored earlier, whatever the order of a search.
    """
    stored_as: dict[int, Resource] = {}
    left = {
        (kind, str(each["id"])): each for kind, resources in stored.items() for each in sorted(resources, key=_number)
    }
    for keys_of in (_ids, _tokens, _labelled_content, content_of):
        waiting: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        for (kind, resource_id), resource in left.items():
            for key in keys_of(resource):
                waiting[kind, key].append((kind, resource_id))
        for number, entry in enumerate(entries):
            if number in stored_as or (entry.by_id != (keys_of is _ids)):
                continue
            keys = [(entry.original.type, key) for key in keys_of(entry.original.resource)]
            free = next((name for key in keys for name in waiting[key] if name in left), None)
            if free:
                stored_as[number] = left.pop(free)
    return stored_as


def _number(resource: Resource) -> tuple[int, str]:
    """Return what orders resources as many servers number them."""
    resource_id = str(resource["id"])
    return (len(resource_id), resource_id) if resource_id.isdecimal() else (0, "")


def _ids(resource: Resource) -> list[str]:
    return [str(resource.get("id") or "")]


def _tokens(resource: Resource) -> list[str]:
    return list(identifiers_of(resource))


def _labelled_content(resource: Resource) -> list[str]:
    """Return what a resource says, and its labels and profiles, in which those that say the same may differ."""
    meta = wire.mapping(resource.get("meta"))
    labels = [
        f"{each.get('system')}|{each.get('code')}"
        for name in ("tag", "security")
        for each in wire.objects(meta.get(name))
    ]
    profiles = [str(each) for each in meta.get("profile") or ()]
    return [f"{content} {sorted(labels + profiles)}" for content in content_of(resource)]


def content_of(resource: Resource) -> list[str]:
    """Return what a resource says without what a server may change: its id, meta, narrative, references."""
    kept = {name: value for name, value in resource.items() if name not in ("id", "meta", "text")}
    return [wire.dump(_sorted(rewritten(kept, lambda _: ""))).decode()]


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(each) for each in value] if isinstance(value, list) else value

"""Read the entries of what servers answer: searchsets, their pages, and what a transaction created."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fhir_case.fhir.references import location_of
from fhir_case.fhir.wire import mapping, objects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.fhir.wire import Resource
    from fhir_case.interop.recorder import Reply

__all__ = ["Found", "created", "found_entries", "next_page"]


class Found(NamedTuple):
    """
    One entry that a search returned.

    Args:
        name: ``Type/id``.
        mode: Its search mode; ``match`` when the server does not say.
        resource: The resource.
    """

    name: str
    mode: str
    resource: Resource


def created(reply: Reply) -> Iterator[str]:
    """Yield ``Type/id`` of what the answer to a transaction or batch names as created."""
    for entry in objects((reply.body or {}).get("entry")):
        response = mapping(entry.get("response"))
        if not str(response.get("status", "")).startswith("201"):
            continue
        if location := location_of(str(response.get("location") or "")):
            yield location.reference


def found_entries(reply: Reply) -> list[Found]:
    """Return the entries of one page."""
    found = []
    for entry in objects((reply.body or {}).get("entry")):
        resource = entry.get("resource")
        if isinstance(resource, dict):
            mode = str(mapping(entry.get("search")).get("mode") or "match")
            found.append(Found(f"{resource.get('resourceType')}/{resource.get('id')}", mode, resource))
    return found


def next_page(reply: Reply) -> str:
    """Return the URL of the next page; empty on the last."""
    links = objects((reply.body or {}).get("link"))
    return next((str(each.get("url") or "") for each in links if each.get("relation") == "next"), "")

"""
Find the references that a server may leave unresolved when it stores new resources.

A server gives a new resource its id, and writes that into the references to it, which say ``urn:uuid:…`` until then.
HAPI FHIR 8.8.0 does not do so below the elements that hold the extensions of primitive values, such as
``_effectiveDateTime``, nor in narratives: there they stay as they were sent, and are unresolved. No server has to do so
in canonicals.

Source: https://hl7.org/fhir/R4/http.html#trules (a server replaces all of them)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.fhir.links import CANONICALS, TEMPORARY, is_link, narrative_links
from fhir_case.fhir.references import references_in, unversioned

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from fhir_case.fhir.references import Pointers
    from fhir_case.fhir.wire import Resource
    from fhir_case.load.plan.entry import PlannedEntry

__all__ = [
    "TEMPORARY",
    "links_perhaps_left",
    "may_be_left",
    "still_unresolved",
    "unresolved_as_is",
    "unresolved_in_plan",
]


def may_be_left(content: bytes, pointers: Pointers | None, entries: Iterable[PlannedEntry]) -> bool:
    """
    Whether a JSON text may have such links; one that has not needs no closer look.

    Args:
        pointers: What may point to another entry in it, perhaps as it was before it was rewritten; None when that is
            not known.
        entries: What it holds.
    """
    if pointers is None or (b"_" in content and b'"_' in content):  # one byte is found ten times as fast as two
        return True
    if not pointers.links:
        return False
    names = {name for entry in entries for name in (entry.original.name, entry.original.full_url)}
    return any(link in names or unversioned(link) in names for link in pointers.links)


def links_perhaps_left(resource: object) -> list[str]:
    """Return every reference inside the extensions of a primitive value, and the links of narratives and canonicals."""
    found: list[str] = []
    waiting: list[object] = [resource]
    for each in waiting:
        if isinstance(each, dict):
            for name, inner in each.items():
                if name.startswith("_"):
                    found += references_in(inner)
                elif name == "div" and isinstance(inner, str):
                    found += narrative_links(inner)
                elif name in CANONICALS and isinstance(inner, str | list):
                    texts = [inner] if isinstance(inner, str) else inner
                    found += [text for text in texts if isinstance(text, str) and is_link(name, text)]
                    waiting += [each for each in texts if isinstance(each, dict | list)]
                elif isinstance(inner, dict | list):
                    waiting.append(inner)
        elif isinstance(each, list):
            waiting += [inner for inner in each if isinstance(inner, dict | list)]
    return found


def unresolved_in_plan(entries: Sequence[PlannedEntry]) -> list[PlannedEntry]:
    """Return the entries in which a server may leave a reference to a new resource unresolved."""
    new = {name for entry in entries if entry.target.startswith(TEMPORARY) for name in entry.names}
    return [entry for entry in entries if new and _refers_to(new, entry)]


def unresolved_as_is(entries: Sequence[PlannedEntry]) -> list[PlannedEntry]:
    """Return the entries in which a server may leave a reference unresolved when they are sent as they came."""
    named = {name for entry in entries for name in entry.names if name.startswith(TEMPORARY)}
    return [entry for entry in entries if named and _refers_to(named, entry)]


def _refers_to(names: set[str], entry: PlannedEntry) -> bool:
    return any(each in names or unversioned(each) in names for each in links_perhaps_left(entry.original.resource))


def still_unresolved(resource: Resource, places: Collection[str]) -> bool:
    """Whether a stored resource still says one of some full URLs."""
    return any(each in places for each in links_perhaps_left(resource))

"""Read and rewrite the references of a resource, and the places that a server names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Location", "location_of", "references_in", "rewritten", "unversioned"]

_PLACE = re.compile(
    r"(?:^|/)(?P<type>[A-Z][A-Za-z]+)/(?P<id>[A-Za-z0-9.-]{1,64})(?:/_history/(?P<version>[A-Za-z0-9.-]{1,64}))?$"
)

# The elements that can point to an entry of the same Bundle: a Reference, and the url of an Attachment.
_POINTERS = ("reference", "url")


class Location(NamedTuple):
    """Hold where a server keeps a resource; the version is empty when it does not say."""

    reference: str
    version: str


def location_of(text: str) -> Location | None:
    """
    Read a location, relative or absolute, with or without a version; None when it is none.

    Source: https://hl7.org/fhir/R4/http.html#general
    """
    found = _PLACE.search(text)
    return Location(f"{found['type']}/{found['id']}", found["version"] or "") if found else None


def unversioned(reference: str) -> str:
    """Give a reference without the version that it may name."""
    return reference.partition("/_history/")[0]


def references_in(value: object) -> Iterator[str]:
    """Give the text of every Reference below a value."""
    if isinstance(value, dict):
        reference = value.get("reference")
        if isinstance(reference, str):
            yield reference
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from references_in(each)


def rewritten(value: Any, change: Callable[[str], str]) -> Any:
    """Give a copy of a value in which every text that may point to another entry went through a function."""
    if isinstance(value, dict):
        return {
            name: change(each) if name in _POINTERS and isinstance(each, str) else rewritten(each, change)
            for name, each in value.items()
        }
    return [rewritten(each, change) for each in value] if isinstance(value, list) else value

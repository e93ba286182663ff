"""Read and rewrite the references of a resource, and the locations that a server names."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from fhir_case.fhir.identity import LOGICAL_ID
from fhir_case.fhir.links import CANONICALS, LINKS, is_link, narrative_links, with_narrative_links

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = [
    "RELATIVE",
    "RESTFUL",
    "Location",
    "Pointers",
    "addresses_in",
    "is_stored_name",
    "location_in_answer",
    "location_of",
    "named_type",
    "pointers_in",
    "pointers_of_text",
    "references_in",
    "rewritten",
    "unversioned",
    "without_part",
]

RELATIVE = rf"[A-Z][A-Za-z]+/{LOGICAL_ID}"
"""The pattern of ``Type/id``."""

RESTFUL = re.compile(
    rf"(?:https?://(?:[A-Za-z0-9\-\\.:%$]*/)+)?([A-Z][A-Za-z]+)/({LOGICAL_ID})(?:/_history/{LOGICAL_ID})?"
)
"""
The form of the URL of a resource on a server: type and id. Whether the type is one of FHIR, it does not tell.

Source: https://hl7.org/fhir/R4/references.html#regex
"""

_NAMED = re.compile(rf"(?:https?://\S*/)?([A-Z][A-Za-z]+)(?:\?|/{LOGICAL_ID}(?:/_history/\S*)?$)")

_LOCATION = re.compile(rf"(?:^|/)({RELATIVE})(?:/_history/({LOGICAL_ID}))?$")

# Servers give ids that FHIR does not allow, with _ or longer than 64; what has a meaning in a URL is not among them.
_ID_OF_SERVER = r"[A-Za-z0-9._~=+:@-]{1,255}"
_STORED = rf"[A-Z][A-Za-z]+/(?!_history|\.{{1,2}}(?:/|$)){_ID_OF_SERVER}"
_IN_ANSWER = re.compile(rf"(?:^|/)({_STORED})(?:/_history/({_ID_OF_SERVER}))?/?$")

_NAMES = frozenset({"reference", "div"}) | LINKS | CANONICALS
_EXTENSIONS = ("extension", "modifierExtension")


def _alternatives(names: Iterable[str]) -> str:
    """Return a pattern of some names in which each first letter is tried once."""
    by_letter: dict[str, list[str]] = {}
    for name in sorted(names):
        by_letter.setdefault(name[0], []).append(name[1:])
    return "|".join(f"{letter}(?:{'|'.join(rest)})" for letter, rest in by_letter.items())


_TEXT = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_TEXTS = rf"\[\s*(?:(?:{_TEXT}|null)[\s,]*)*\]"
_POINTER = re.compile(rf'"({_alternatives(_NAMES)})"\s*:\s*({_TEXT}|{_TEXTS})'.encode())
_HIDDEN_LETTER = re.compile(rb"\\u00[4-7]")


class Location(NamedTuple):
    """Where a server keeps a resource; the version is empty when it does not say."""

    reference: str
    version: str


def location_of(text: str) -> Location | None:
    """
    Read a location, relative or absolute, with or without a version; None when it is not one.

    Source: https://hl7.org/fhir/R4/http.html#general
    """
    found = _LOCATION.search(text)
    return Location(found[1], found[2] or "") if found else None


def location_in_answer(text: str) -> Location | None:
    """
    Read a location as servers write it: as `location_of`, also percent-encoded, with a query, with an id of their own.

    Source: https://hl7.org/fhir/R4/bundle-definitions.html#Bundle.entry.response.location
    """
    if "?" in text or "%" in text or "#" in text:
        text = unquote(text.partition("#")[0].partition("?")[0])
    found = _IN_ANSWER.search(text)
    return Location(found[1], found[2] or "") if found else None


def is_stored_name(text: str) -> bool:
    """Whether a text is ``Type/id`` of one resource on a server, and nothing else."""
    return re.fullmatch(_STORED, text) is not None


def named_type(reference: str) -> str:
    """
    Return the type that a reference names: Patient/1, Patient?identifier=1, https://example.org/fhir/Patient/1.

    Whether it is one of FHIR, that does not tell. Nothing when it names none, as #1 and urn:uuid:… do not.
    """
    found = _NAMED.match(reference)
    return found[1] if found else ""


def unversioned(reference: str) -> str:
    """Return a reference without the version that it may name."""
    return reference.partition("/_history/")[0]


def without_part(link: str) -> tuple[str, str]:
    """Return a link without the version of a canonical and the fragment that it may name, and these."""
    ends = [end for sign in "|#" if (end := link.find(sign, 1)) > 0]
    return (link[: min(ends)], link[min(ends) :]) if ends else (link, "")


def references_in(value: object) -> list[str]:
    """Return the text of every Reference below a value."""
    # A loop over a list that grows, since every resource that is loaded comes through here, and twice.
    found: list[str] = []
    waiting = [value]
    for each in waiting:
        if isinstance(each, dict):
            if isinstance(text := each.get("reference"), str):
                found.append(text)
            waiting += [inner for inner in each.values() if isinstance(inner, dict | list)]
        elif isinstance(each, list):
            waiting += [inner for inner in each if isinstance(inner, dict | list)]
    return found


def pointers_in(value: object) -> list[str]:
    """
    Return every text below a value that may point to another entry: all that `rewritten` may change, and any canonical.

    A Bundle that is stored as a resource is content.
    """
    found: list[str] = []
    waiting: list[tuple[object, bool]] = [(value, False)]
    for each, named in waiting:
        if isinstance(each, dict):
            if each.get("resourceType") == "Bundle":
                continue
            if not _NAMES.isdisjoint(each):
                found += _pointers_of(each, named or "resourceType" in each)
            waiting += [(inner, name in _EXTENSIONS) for name, inner in each.items() if isinstance(inner, dict | list)]
        elif isinstance(each, list):
            waiting += [(inner, named) for inner in each if isinstance(inner, dict | list)]
    return found


def addresses_in(value: object) -> Iterator[str]:
    """Return every ``url`` below a value that says where something is, as in an Attachment, and names nothing."""
    waiting: list[tuple[object, bool]] = [(value, False)]
    for each, named in waiting:
        if isinstance(each, dict):
            if each.get("resourceType") == "Bundle":
                continue
            if not (named or "resourceType" in each) and isinstance(url := each.get("url"), str):
                yield url
            waiting += [(inner, name in _EXTENSIONS) for name, inner in each.items() if isinstance(inner, dict | list)]
        elif isinstance(each, list):
            waiting += [(inner, named) for inner in each if isinstance(inner, dict | list)]


def _pointers_of(element: dict[str, Any], named: bool) -> Iterator[str]:
    """Return what the elements of an object itself say; the url of one that has a name is that name."""
    for name, value in element.items():
        if name not in _NAMES or (name == "url" and named):
            continue
        if name == "div":
            yield from narrative_links(value) if isinstance(value, str) else ()
            continue
        for text in (value,) if isinstance(value, str) else value if _is_texts(value) else ():
            if text and (name == "reference" or name in CANONICALS or is_link(name, text)):
                yield text


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(each is None or isinstance(each, str) for each in value)


@dataclass(frozen=True, slots=True)
class Pointers:
    """
    What may point to another entry: the texts of all elements of some names, each once.

    Args:
        references: Those of ``reference``.
        links: Those of other links; most of them name an extension, or say what a request asks for.
    """

    references: frozenset[str]
    links: frozenset[str]

    def __or__(self, other: Pointers) -> Pointers:
        return Pointers(self.references | other.references, self.links | other.links)


def pointers_of_text(text: bytes) -> Pointers | None:
    """
    Return what may point to another entry in a JSON text, in a tenth of the time that a walk over its objects takes.

    None where the text is empty, or writes a letter by its number: then the names of elements may be hidden.
    """
    if not text or (b"\\" in text and _HIDDEN_LETTER.search(text)):
        return None
    references: set[str] = set()
    links: set[str] = set()
    for name, quoted in set(_POINTER.findall(text)):
        if name == b"div":
            narrative = json.loads(quoted) if b"href" in quoted or b"src" in quoted else ""
            links.update(narrative_links(narrative) if isinstance(narrative, str) else ())
        elif quoted.startswith(b"["):
            (references if name == b"reference" else links).update(filter(None, json.loads(quoted)))
        else:
            found = json.loads(quoted) if b"\\" in quoted else quoted[1:-1].decode()
            (references if name == b"reference" else links).add(found)
    return Pointers(frozenset(references), frozenset(links))


def rewritten(value: Any, change: Callable[[str], str], *, named: bool = False) -> Any:
    """
    Return a copy of a value in which every link that may point to another entry went through a function.

    Args:
        named: Whether the ``url`` of the value is the name of what it is, as in an extension.

    Source: https://hl7.org/fhir/R4/http.html#trules
    """
    if isinstance(value, list):
        return [rewritten(each, change, named=named) for each in value]
    if not isinstance(value, dict) or value.get("resourceType") == "Bundle":
        return value
    named = named or "resourceType" in value
    return {
        name: rewritten(each, change, named=name in _EXTENSIONS)
        if name not in _NAMES or (name == "url" and named)
        else _rewritten_link(name, each, change)
        for name, each in value.items()
    }


def _rewritten_link(name: str, value: Any, change: Callable[[str], str]) -> Any:
    if name != "div" and _is_texts(value):
        return [each and _rewritten_link(name, each, change) for each in value]
    if not isinstance(value, str):
        return rewritten(value, change)
    if name == "div":
        return with_narrative_links(value, change)
    return change(value) if name == "reference" or is_link(name, value) else value

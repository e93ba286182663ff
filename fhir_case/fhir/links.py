"""
The elements that hold links: what a server replaces in a transaction when it gives a resource another id.

A name stands for an element of that name in every type, so that no definitions are needed to find it; a name that other
types have for plain text is left out, as is ``system``, which never means a resource of a load.

Source: https://hl7.org/fhir/R4/http.html#trules, the definitions of R4 and R5
"""

from __future__ import annotations

import re
from html import escape, unescape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CANONICALS", "LINKS", "TEMPORARY", "is_link", "narrative_links", "with_narrative_links"]

TEMPORARY = ("urn:uuid:", "urn:oid:")
"""How the name of a resource begins that is good for one Bundle only."""

_CHOICES = ("value", "defaultValue", "fixed", "pattern")
_URLS = frozenset(
    {"url", "addressUrl", "endpoint", "endpointUrl", "nameUrl", "rendering", "satisfiedBy", "sourceUrl"}
) | {f"{each}Url" for each in _CHOICES}
_URIS = frozenset(
    {
        "artifactUri", "authority", "definitionUri", "derivedFromUri", "eventUri", "instantiates", "instantiatesUri",
        "linkUri", "moduleUri", "networkUri", "policy", "protocol", "sourceScopeUri", "sourceUri",
        "structureProfileUri", "targetScopeUri", "targetUri", "uri",
    }
) | {f"{each}{kind}" for each in _CHOICES for kind in ("Uri", "Uuid", "Oid")}  # fmt: skip

LINKS = _URLS | _URIS
"""The elements of the types url, uri, uuid and oid."""

CANONICALS = frozenset(
    {
        "answerValueSet", "artifactCanonical", "definitionCanonical", "derivedFrom", "derivedFromCanonical",
        "instantiatesCanonical", "library", "measure", "moduleCanonical", "questionnaire", "resource",
        "sourceCanonical", "subjectCanonical", "targetCanonical", "valueCanonical", "valueSet",
    }
)  # fmt: skip
"""
Elements of the type canonical, which no server has to replace.

What they mean comes first all the same. One that names a resource of the load, by its id or for one Bundle only, leads
there.
"""

_NARRATIVE_LINK = re.compile(r"""(?<=\s)((?:href|src)\s*=\s*)("[^"]*"|'[^']*')""")


def is_link(name: str, text: str) -> bool:
    """
    Whether an element of the types url, uri, uuid, oid or canonical may mean a resource of a load.

    A URI with the address of a server names something by it, such as a code system, and leads nowhere.
    """
    return name in _URLS or ((name in _URIS or name in CANONICALS) and "://" not in text)


def narrative_links(div: str) -> list[str]:
    """Return what the links and images of a narrative say."""
    if "href" not in div and "src" not in div:
        return []
    return [unescape(found[2][1:-1]) for found in _NARRATIVE_LINK.finditer(div)]


def with_narrative_links(div: str, change: Callable[[str], str]) -> str:
    """Return a narrative in which every link and image went through a function."""

    def changed(found: re.Match[str]) -> str:
        text = unescape(found[2][1:-1])
        new = change(text)
        return found[0] if new == text else f'{found[1]}"{escape(new)}"'

    return _NARRATIVE_LINK.sub(changed, div)

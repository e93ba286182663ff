"""
Point the references in a transaction to where the resources are stored.

Source: https://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .elements import references, split_reference, with_texts
from .exchange import Refusal, target
from .interactions import Interactions
from .kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_case.fhir.wire import Resource

    from .routes import Routes

__all__ = ["linked"]

_PLACEHOLDER = ("urn:uuid:", "urn:oid:")
_URIS = frozenset({"uri", "url", "valueOid", "valueUri", "valueUrl", "valueUuid", "instantiatesUri"})
_LINK = re.compile(r"""((?:href|src)\s*=\s*)(["'])(.*?)\2""")


def linked(resource: Resource, places: Mapping[str, str], full_url: str, *, routes: Routes, base_url: str) -> Resource:
    """
    Return a resource with its references as they are to be stored.

    Args:
        places: For each fullUrl ``Type/id`` on the server.
        full_url: That of the resource; relative references are relative to its base.

    Raises:
        Refusal: A placeholder stands for nothing, or a condition is not met by exactly one resource.
    """
    if resource.get("resourceType") == "Bundle":
        return resource  # what its entries say resolves inside of it: bundle.html#references
    base = split_reference(full_url)[0]

    keeps = routes.behaviour.has

    def conditional(text: str) -> str:
        return text if keeps("keeps-conditional-references") else _found(text, routes, base_url)

    def change(name: str, text: str) -> str:
        if text.startswith(_PLACEHOLDER) and keeps("keeps-urn-references"):
            return text
        if name == "div":
            return _LINK.sub(lambda found: f"{found[1]}{found[2]}{_placed(found[3], places)}{found[2]}", text)
        if name == "reference":
            return conditional(text) if "?" in text else _placed(text, places, base)
        return _placed(text, places) if name in _URIS and text.startswith(_PLACEHOLDER) else text

    primitives = not routes.behaviour.has("keeps-primitive-references")
    found: Resource = with_texts(resource, change, primitives=primitives)
    for reference in references(found, primitives=primitives):
        kept = keeps("keeps-urn-references") or keeps("keeps-unresolved-placeholders")
        if reference.startswith(_PLACEHOLDER) and not kept:
            raise Refusal(400, f"{reference} is the fullUrl of no entry", code="not-found")
    return found


def _placed(reference: str, places: Mapping[str, str], base: str = "") -> str:
    if reference in places:
        return places[reference]
    plain, sign, fragment = reference.partition("#")
    if sign and plain in places:
        return f"{places[plain]}#{fragment}"
    return places.get(base + reference, reference) if base else reference


def _found(reference: str, routes: Routes, base_url: str) -> str:
    """Return the one that a conditional reference means."""
    path, pairs = target(reference)
    if len(path) != 1 or path[0] not in KINDS:
        return reference
    matches = Interactions(routes.store, routes.behaviour, base_url).matches(path[0], pairs)
    if len(matches) != 1:
        raise Refusal(412, f"{len(matches)} resources meet {reference}, and exactly one has to")
    return matches[0].name

"""Which documents ask for one resource, and whether they may come in any order, only in theirs, or not together."""

from __future__ import annotations

import re
from enum import Enum
from hashlib import blake2b
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from fhir_case.fhir import wire
from fhir_case.fhir.identifiers import identifiers_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fhir_case.fhir.wire import Resource
    from fhir_case.load.plan.entry import PlannedEntry

__all__ = ["Relation", "asked_of_server", "is_one_request", "is_ours", "is_update", "named", "relation"]

# A claim begins with one of these, the stronger ones last, and ends with a digest of what is sent, where that counts.
_PLAIN = b"0"  # a resource with this identifier is created in any case
_CREATE = b"1"  # it is created if there is none, as the document asks
_OURS = b"2"  # it is created if there is none, as we ask instead of the document
_BY_ID = b"3"  # a resource with this identifier is updated by its id
_UPDATE = b"4"  # what has this name is updated

_URN = re.compile(rb'"urn:uuid:[^"]*"')


class Relation(Enum):
    """How two documents that claim one name go together."""

    ANY_ORDER = "in any order"
    IN_ORDER = "in the order of the documents"
    REFUSED = "not at all"


def relation(held: bytes, claim: bytes, *, as_is: bool = False) -> Relation:
    """
    Return how the claim of a document goes with that of an earlier one.

    Of two updates that differ one would be lost, which is refused, except as they are: then the later one stays. What
    we made depend on an identifier, so that it may be loaded twice, must not be lost to another resource.
    """
    old, new = held[:1], claim[:1]
    if held == claim or (held[1:] == claim[1:] and {old, new} == {_CREATE, _OURS}) or {old, new} == {_PLAIN, _BY_ID}:
        return Relation.ANY_ORDER
    updates = _UPDATE in (old, new) and {old, new} <= {_UPDATE, _BY_ID}
    return Relation.REFUSED if new == _OURS or (updates and not as_is) else Relation.IN_ORDER


def is_ours(claim: bytes) -> bool:
    """Whether a resource is created on a condition for which the document does not ask."""
    return claim[:1] == _OURS


def is_one_request(held: bytes, claim: bytes) -> bool:
    """Whether both ask by the name itself: of such requests no two are in flight, and they are sent in their order."""
    return not {held[:1], claim[:1]} & {_PLAIN, _BY_ID}


def is_update(claim: bytes) -> bool:
    """Whether what has the name is updated, by its id or by a condition."""
    return claim[:1] == _UPDATE


def named(entries: Sequence[PlannedEntry]) -> Iterator[tuple[str, bytes]]:
    """Return each name by which the resources of a document are asked for, and the claim on it; empty without one."""
    for entry in entries:
        if entry.deletes:
            continue
        original, condition = entry.original, ""
        if entry.condition:
            kind, _, query = entry.identity.partition("?")
            condition = f"{kind}?{unquote_plus(query)}"
            yield condition, _conditional(entry)
        if original.id:
            yield original.name, _UPDATE + _digest(original.resource) if entry.by_id else b""
        if original.full_url:
            yield original.full_url, b""
        if isinstance(url := original.resource.get("url"), str):
            yield f"{original.type}?url={url}", b""
        for token in identifiers_of(original.resource) if "identifier" in original.resource else ():
            name = f"{original.type}?identifier={token}"
            if name != condition:
                yield name, _BY_ID if entry.by_id else _PLAIN


def _conditional(entry: PlannedEntry) -> bytes:
    resource = entry.original.resource
    if entry.method == "PUT":
        return _UPDATE + _digest(resource)
    # It is created under another id, and what it calls a resource of its own document is known nowhere else.
    written = wire.dump({name: value for name, value in resource.items() if name != "id"}, sort=True)
    same = _URN.sub(b'"urn:uuid:"', written) if b'"urn:uuid:' in written else written
    asked = entry.original.request.get("method") == "POST"
    return (_CREATE if asked else _OURS) + blake2b(same, digest_size=16).digest()


def _digest(resource: Resource) -> bytes:
    return blake2b(wire.dump(resource, sort=True), digest_size=16).digest()


def asked_of_server(entries: Sequence[PlannedEntry]) -> Iterator[str]:
    """Return the conditions that ask for something else than one identifier: ``Type?…``, not encoded."""
    for entry in entries:
        if entry.condition and entry.asks_server:
            yield f"{entry.original.type}?{unquote_plus(entry.identity.partition('?')[2])}"

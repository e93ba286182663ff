"""What servers do that no specification asks for or forbids, by name, and the servers that are known for it."""

from __future__ import annotations

__all__ = ["HAPI", "QUIRKS", "quirks_of"]

HAPI = "HAPI FHIR Server"

QUIRKS = {
    "accepts-anything": "stores resources of any type, valid or not",
    "checks-references": "in Bundles, refuses references to what is not there, and to delete what is referred to",
    "counts-ids": "gives new resources the ids 1001, 1002, 1003",
    "keeps-primitive-references": "in Bundles, leaves references in extensions of primitive values as they came",
    "keeps-request-id": "keeps the begin of X-Request-ID in meta.source, where searches by _source find it",
    "makes-placeholders": "in Bundles, stores a placeholder for what is referred to and is not there",
    "refuses-numeric-ids": "lets no client choose an id that has only digits",
    "refuses-unknown-parameters": "refuses search parameters that it does not know, wanted or not",
    "skips-equal-updates": "makes no new version for an update that changes nothing",
    "tells-update-codes": "in Bundles, tells in the outcome of an entry whether an update changed something",
    "version-conflict-409": "answers a stale If-Match with 409",
}
"""Each quirk with what it does."""

_STRICT = {
    "accepts-anything",
    "checks-references",
    "counts-ids",
    "refuses-numeric-ids",
    "refuses-unknown-parameters",
    "skips-equal-updates",
}
_OF_HAPI = {"keeps-primitive-references", "keeps-request-id", "tells-update-codes", "version-conflict-409"}


def quirks_of(software: str) -> set[str]:
    """Return the quirks of a software; one that is not known is strict in what refers to what, and no more."""
    return _STRICT | (_OF_HAPI if software == HAPI else set())

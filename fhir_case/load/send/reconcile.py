"""Find out what became of a request that got no proper answer, before anything is sent again."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote

from fhir_case.errors import RejectedError
from fhir_case.fhir import wire
from fhir_case.fhir.identifiers import identifiers_of
from fhir_case.fhir.references import rewritten
from fhir_case.load.journal.entry import JournalEntry
from fhir_case.load.send.answers import entry_failed
from fhir_case.server.lookup import found_by_id, found_by_identifier, found_by_request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fhir_case.fhir.wire import Resource
    from fhir_case.load.plan.entry import PlannedEntry
    from fhir_case.server.client import Client

__all__ = ["Fate", "created_by", "fate_of"]

Fate = Literal["done", "not done", "cannot tell"]


def fate_of(
    entries: Sequence[PlannedEntry],
    client: Client,
    requests: Sequence[str],
    *,
    by_request: bool,
    as_a_whole: bool = True,
) -> tuple[Fate, tuple[JournalEntry, ...]]:
    """
    Whether a transaction was carried out by one of some requests, and if so what became of each entry.

    A transaction is stored as a whole, so that one resource of it that is there proves all of it.

    Args:
        entries: What was sent.
        requests: The headers ``X-Request-ID`` of the attempts.
        by_request: Whether the server can be asked what a request has stored.
        as_a_whole: Whether it is stored as a whole; of a batch each resource has to be found.

    Raises:
        ServerError: The server was not reached, or is overloaded.
    """
    try:
        if by_request:
            return _by_request(entries, client, requests, as_a_whole=as_a_whole)
        return _by_identifier(entries, client) if as_a_whole else ("cannot tell", ())
    except RejectedError:
        return "cannot tell", ()


def created_by(client: Client, entries: Sequence[JournalEntry], requests: Sequence[str]) -> dict[str, bool]:
    """
    Return for each ``Type/id`` of these entries that one of some requests stored whether it created it.

    Raises:
        ServerError: The server was not reached, or is overloaded.
    """
    ours = tuple(f"#{request}" for request in requests)
    found = found_by_id(client, [entry.stored_as for entry in entries if entry.stored_as], elements="meta").resources
    created = {}
    for name, resource in found.items():
        meta = resource.get("meta") or {}
        if not str(meta.get("source") or "").endswith(ours):
            continue
        first = meta if meta.get("versionId") == "1" else _first_version(client, name)
        created[name] = str(first.get("source") or "").endswith(ours)
    return created


def _first_version(client: Client, name: str) -> dict[str, Any]:
    try:
        body = client.request("GET", f"{name}/_history/1").body
    except RejectedError:
        return {}
    return (body or {}).get("meta") or {}


def _by_request(
    entries: Sequence[PlannedEntry], client: Client, requests: Sequence[str], *, as_a_whole: bool
) -> tuple[Fate, tuple[JournalEntry, ...]]:
    kinds = list(dict.fromkeys(entry.given.type for entry in entries))
    if not any(found_by_request(client, kind, requests) for kind in kinds):
        return "not done", ()
    # It may have been stored between two of these searches; now all of it is there.
    stored = {kind: found_by_request(client, kind, requests) for kind in kinds}
    places = _matched(entries, stored)
    unmatched = [entry.given.name for number, entry in enumerate(entries) if number not in places and not entry.by_id]
    identified = _identified(client, [entry for entry in entries if entry.given.name in set(unmatched)])
    return "done", tuple(
        _result(entry, places.get(number) or identified.get(entry.identity), number in places)
        if as_a_whole or number in places
        else entry_failed(entry, "the answer was lost, and it is not among what the batch has stored", state="unknown")
        for number, entry in enumerate(entries)
    )


def _matched(entries: Sequence[PlannedEntry], stored: dict[str, list[Resource]]) -> dict[int, Resource]:
    """Find for each entry the resource that was stored of it: by id, by identifier, by content."""
    places: dict[int, Resource] = {}
    left = {(kind, str(each["id"])): each for kind, resources in stored.items() for each in resources}
    for keys_of in (_ids, _tokens, _content):
        waiting: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        for (kind, resource_id), resource in left.items():
            for key in keys_of(resource):
                waiting[kind, key].append((kind, resource_id))
        for number, entry in enumerate(entries):
            if number in places or (entry.by_id != (keys_of is _ids)):
                continue
            keys = [(entry.given.type, key) for key in keys_of(entry.given.resource)]
            free = next((place for key in keys for place in waiting[key] if place in left), None)
            if free:
                places[number] = left.pop(free)
    return places


def _ids(resource: Resource) -> list[str]:
    return [str(resource.get("id") or "")]


def _tokens(resource: Resource) -> list[str]:
    return list(identifiers_of(resource))


def _content(resource: Resource) -> list[str]:
    """Return what a resource says without what a server may change: its id, meta, narrative, references."""
    kept = {name: value for name, value in resource.items() if name not in ("id", "meta", "text")}
    return [wire.dump(_sorted(rewritten(kept, lambda _: ""))).decode()]


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(each) for each in value] if isinstance(value, list) else value


def _identified(client: Client, entries: Sequence[PlannedEntry]) -> dict[str, Resource]:
    """Return what the server has of each identity."""
    tokens: dict[str, dict[str, str]] = defaultdict(dict)
    for entry in entries:
        name, _, token = entry.search.partition("=")
        if name == "identifier" and "&" not in token:
            tokens[entry.given.type][unquote(token)] = entry.identity
    return {
        tokens[kind][token]: found[0]
        for kind, wanted in tokens.items()
        for token, found in found_by_identifier(client, kind, wanted).items()
        if found
    }


def _by_identifier(entries: Sequence[PlannedEntry], client: Client) -> tuple[Fate, tuple[JournalEntry, ...]]:
    once = [entry for entry in entries if not entry.repeatable]
    identified = _identified(client, entries)
    if any(entry.identity in identified for entry in once):
        return "done", tuple(_result(entry, identified.get(entry.identity), True) for entry in entries)
    if once and not any(entry.search for entry in once):
        return "cannot tell", ()
    return "not done", ()


def _result(entry: PlannedEntry, resource: Resource | None, ours: bool) -> JournalEntry:
    """Return the entry of the journal for a transaction that was carried out, though its answer was lost."""
    if entry.deletes:
        source, position = entry.given.source, entry.given.position
        return JournalEntry(entry.given.name, entry.method, 0, "deleted", source=source, position=position)
    if resource is None and not entry.by_id:
        return entry_failed(entry, "it was stored, but the answer was lost and no search finds it", state="unknown")
    meta = (resource or {}).get("meta") or {}
    version = str(meta.get("versionId") or "")
    place = f"{resource['resourceType']}/{resource['id']}" if resource else entry.given.name
    state: Any = "unchanged"
    if ours:
        state = "created" if version in ("", "1") or not entry.by_id else "updated"
    return JournalEntry(
        entry.given.name, entry.method, 0, state, place, version,
        source=entry.given.source, position=entry.given.position,
    )  # fmt: skip

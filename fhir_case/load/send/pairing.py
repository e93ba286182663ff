"""Pair the entries of an answer with those that were sent: by their place, unless the answer contradicts that."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from fhir_case.fhir import wire
from fhir_case.fhir.references import Location, location_in_answer
from fhir_case.server.outcome import outcome_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from fhir_case.fhir.wire import Resource
    from fhir_case.load.plan.entry import PlannedEntry
    from fhir_case.server.answer import Answer

__all__ = ["Said", "named_in", "paired", "why_unconfirmed"]

_CREATED = 201
_ANSWERS = ("transaction-response", "batch-response", None)


class Said(NamedTuple):
    """
    What one entry of an answer says.

    Args:
        status: The HTTP status; 0 when it says none.
        location: Where the resource is; None when it does not say.
        version: Its version; empty when it does not say.
        outcome: The OperationOutcome of the entry, if there is one.
    """

    status: int = 0
    location: Location | None = None
    version: str = ""
    outcome: Resource | None = None


_NOTHING = Said()


def why_unconfirmed(answer: Answer) -> str:
    """Return why an answer cannot say what became of the entries; empty where it is a Bundle that can."""
    head = f"HTTP {answer.status}"
    body = answer.body
    if body is None:
        return f"{head} without content"
    kind = str(body.get("resourceType"))
    if kind == "OperationOutcome":
        return f"{head} with an OperationOutcome: {outcome_text(body)}"
    if kind != "Bundle":
        return f"{head} with a resource of type {kind[:50]}"
    if body.get("type") not in _ANSWERS:
        return f"{head} with a Bundle of type {str(body.get('type'))[:50]}"
    return f"{head}: the work is accepted, not done" if answer.status == 202 else ""


def named_in(answer: Answer, entries: Sequence[PlannedEntry]) -> list[str]:
    """Return ``Type/id`` of all that an answer says was created, in its order."""
    said = _all_said(answer, entries)
    return list(dict.fromkeys(each.location.reference for each in said if each.location and each.status == _CREATED))


def paired(entries: Sequence[PlannedEntry], answer: Answer) -> Iterator[tuple[Said, str]]:
    """
    Return for each entry what the answer says of it, or why it says nothing.

    A server answers in the order in which it was asked. Where the answer has fewer or more entries, or one is about
    another resource, only what names a resource without doubt counts.
    """
    problem = why_unconfirmed(answer)
    said = [] if problem else _all_said(answer, entries)
    in_order = not problem and len(said) == len(entries)
    if in_order and _is_plausible(entries, said):
        yield from ((each, "") for each in said)
        return
    by_name = {each.location.reference: each for each in said if each.location}
    sent = Counter(entry.original.type for entry in entries if not entry.by_id)
    told = Counter(name.partition("/")[0] for name in by_name)
    alone = {name.partition("/")[0]: each for name, each in by_name.items() if told[name.partition("/")[0]] == 1}
    repeated = _created_twice(entries, said) if in_order else set()
    problem = problem or f"the server's answer has {len(said)} entries for {len(entries)}, none of which names it"
    for number, entry in enumerate(entries):
        own = said[number] if in_order else _NOTHING
        kind = entry.original.type
        if entry.by_id:
            found = by_name.get(entry.original.name) or (own if in_order and own.location is None else None)
        else:
            found = alone.get(kind) if sent[kind] == 1 else None
            if found and found.location and found.location.reference in repeated:
                found = None
        yield (found, "") if found else (_NOTHING, _misplaced(own, entry, repeated) or problem)


def _misplaced(own: Said, entry: PlannedEntry, repeated: Collection[str]) -> str:
    if own.location is None:
        return "the answer is not in the order of what was sent" if own.status else ""
    if own.location.reference in repeated:
        return f"the answer names {own.location.reference} for several resources"
    if not _fits(entry, own.location):
        return f"the answer at its position is about {own.location.reference}"
    return "the answer is not in the order of what was sent"


def _is_plausible(entries: Sequence[PlannedEntry], said: Sequence[Said]) -> bool:
    new: set[str] = set()
    for entry, (status, location, _, _) in zip(entries, said, strict=True):
        if location is None:
            continue
        if not _fits(entry, location):
            return False
        if status == _CREATED and not entry.by_id:
            if location.reference in new:
                return False
            new.add(location.reference)
    return True


def _fits(entry: PlannedEntry, location: Location) -> bool:
    name = location.reference
    return name == entry.original.name if entry.by_id else name.partition("/")[0] == entry.original.type


def _created_twice(entries: Sequence[PlannedEntry], said: Sequence[Said]) -> set[str]:
    """Return the locations of which the answer says more than once that they are new."""
    new = Counter(
        each.location.reference
        for entry, each in zip(entries, said, strict=True)
        if each.location and each.status == _CREATED and not entry.by_id
    )
    return {name for name, number in new.items() if number > 1}


def _all_said(answer: Answer, entries: Sequence[PlannedEntry]) -> list[Said]:
    body = answer.body or {}
    found = body.get("entry") if body.get("resourceType") == "Bundle" else None
    if not isinstance(found, list):
        return []
    ours = {each.original.full_url for each in entries} | {each.target for each in entries}
    return [_said(wire.mapping(each), ours) for each in found]


def _said(entry: Mapping[str, Any], ours: Collection[str]) -> Said:
    response = wire.mapping(entry.get("response"))
    place = response.get("location")
    location = location_in_answer(str(place)) if place else None
    version = str(response.get("etag") or "").removeprefix("W/").strip('"') or (location.version if location else "")
    if location is None or not version:
        resource = wire.mapping(entry.get("resource"))
        if resource.get("resourceType") == "OperationOutcome":  # about the entry, not what is stored of it
            resource = {}
        location = (
            location
            or location_in_answer(f"{resource.get('resourceType')}/{resource.get('id')}" if resource.get("id") else "")
            or _of_full_url(str(entry.get("fullUrl") or ""), ours)
        )
        version = version or (location.version if location else "")
        version = version or str(wire.mapping(resource.get("meta")).get("versionId") or "")
    outcome = response.get("outcome")
    status = _status(str(response.get("status") or "")[:4])
    return Said(status, location, version, outcome if isinstance(outcome, dict) else None)


@lru_cache(maxsize=64)
def _status(text: str) -> int:
    first = text.partition(" ")[0]
    return int(first) if first.isascii() and first.isdigit() and len(first) == 3 else 0


def _of_full_url(full_url: str, ours: Collection[str]) -> Location | None:
    """Return the location that a fullUrl names, unless it is one that we sent: a server may repeat it."""
    return None if full_url in ours or full_url.startswith("urn:") else location_in_answer(full_url)

"""Read the answer to a transaction entry by entry."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fhir_case.fhir import wire
from fhir_case.fhir.references import RELATIVE, location_of, references_in
from fhir_case.load.journal.entry import JournalEntry
from fhir_case.server.outcome import issues_of, outcome_text, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fhir_case.fhir.wire import Resource
    from fhir_case.load.journal.entry import State
    from fhir_case.load.plan.entry import PlannedEntry

__all__ = ["confirmed", "culprits", "entry_failed"]

_ENTRY = re.compile(r"Bundle\.entry(?:\[(\d+)\]|\.(\d+))", re.IGNORECASE)
_REFERENCE = re.compile(RELATIVE + r"|urn:(?:uuid|oid):[A-Za-z0-9.-]+")
_ELEMENT = re.compile(r'\[element="(?P<name>\w+)"\].*?value "(?P<value>[^"]+)"')  # the parser of HAPI 8.8.0
_UNCHANGED = ("SUCCESSFUL_UPDATE_NO_CHANGE", "SUCCESSFUL_CONDITIONAL_PATCH_NO_CHANGE")  # HAPI 8.8.0
_BY_STATUS: dict[int, State] = {201: "created", 304: "unchanged"}
_GONE = (404, 410)
_NOT_THERE = ("SUCCESSFUL_DELETE_NOT_FOUND", "SUCCESSFUL_DELETE_ALREADY_DELETED")
_UPDATED = ("SUCCESSFUL_UPDATE", "SUCCESSFUL_UPDATE_WITH_CONDITIONAL_MATCH")


def confirmed(
    entries: Sequence[PlannedEntry], answer: Resource, *, before: Mapping[str, str] | None = None
) -> tuple[JournalEntry, ...]:
    """
    Return what became of each entry that was sent; one that the answer does not confirm has failed.

    Args:
        entries: What was sent, in its order.
        answer: The Bundle that answers it.
        before: The version that each resource had before, under ``Type/id``: empty when the server does not say,
            absent when it had none. None when it was not looked up.
    """
    return tuple(
        _journal_entry(entry, response, before, problem)
        for entry, (response, problem) in zip(entries, _paired(entries, answer), strict=True)
    )


def entry_failed(entry: PlannedEntry, reason: str, *, status: int = 0, state: State = "failed") -> JournalEntry:
    """Return the entry of a journal for a resource that was not stored, or of which that is not known."""
    return JournalEntry.of(entry, status, state, reason=reason)


def _paired(entries: Sequence[PlannedEntry], answer: Resource) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Return for each entry its response, or why it has none."""
    found = answer.get("entry")
    responses = [_response(each) for each in found] if isinstance(found, list) else []
    if len(responses) == len(entries):
        yield from ((response, "") for response in responses)
        return
    # HAPI 8.8.0 leaves out what it discards, so that the position says nothing: only a location that we chose does.
    by_name = {location.reference: response for response in responses if (location := location_of(_location(response)))}
    problem = f"the server's answer has {len(responses)} entries for {len(entries)}, none of which names it"
    for entry in entries:
        response = by_name.get(entry.original.name) if entry.by_id else None
        yield (response, "") if response is not None else ({}, problem)


def _response(entry: object) -> Mapping[str, Any]:
    return wire.mapping(wire.mapping(entry).get("response"))


def _location(response: Mapping[str, Any]) -> str:
    return str(response.get("location") or "")


def _journal_entry(
    entry: PlannedEntry, response: Mapping[str, Any], before: Mapping[str, str] | None, problem: str
) -> JournalEntry:
    first = str(response.get("status") or "").partition(" ")[0]
    status = int(first) if first.isascii() and first.isdigit() else 0
    location = location_of(_location(response))
    stored_as = location.reference if location else entry.original.name if entry.by_id else ""
    version = str(response.get("etag") or "").removeprefix("W/").strip('"') or (location.version if location else "")
    reason = problem or _problem(entry, response, status, stored_as)
    if reason:
        return entry_failed(entry, reason, status=status)
    if entry.deletes:
        return JournalEntry.of(entry, status, _state_of_deletion(status, response))
    state = _state(entry, status, version, before, response)
    return JournalEntry.of(entry, status, state, stored_as=stored_as, version=version)


def _state_of_deletion(status: int, response: Mapping[str, Any]) -> State:
    return "unchanged" if status in _GONE or _codes(response).intersection(_NOT_THERE) else "deleted"


def _problem(entry: PlannedEntry, response: Mapping[str, Any], status: int, stored_as: str) -> str:
    if not status:
        return "the answer has no status"
    if not 200 <= status < 300 and status != 304 and not (entry.deletes and status in _GONE):
        outcome = response.get("outcome")
        return f"HTTP {status}" + (f": {outcome_text(outcome)}" if isinstance(outcome, dict) else "")
    expected = entry.original.name if entry.by_id else entry.original.type
    if stored_as and expected not in (stored_as, stored_as.partition("/")[0]):
        return f"the answer at its position is about {stored_as}"
    return ""


def _state(
    entry: PlannedEntry,
    status: int,
    version: str,
    before: Mapping[str, str] | None,
    response: Mapping[str, Any],
) -> State:
    if entry.method == "POST" and status != 201:
        # A conditional create that finds the resource leaves it as it is.
        return "unchanged" if entry.condition else "created"
    stated = _BY_STATUS.get(status) or _stated(response)
    if stated or before is None:
        return stated or "updated or unchanged"
    if entry.by_id and entry.original.name not in before:
        return "created"  # it was not there; some servers answer 200 all the same
    known = before.get(entry.original.name, "")
    if not known or not version:
        return "updated or unchanged"
    return "unchanged" if known == version else "updated"


def _stated(response: Mapping[str, Any]) -> State | None:
    codes = _codes(response)
    if codes.intersection(_UNCHANGED):
        return "unchanged"
    return "updated" if codes.intersection(_UPDATED) else None


def _codes(response: Mapping[str, Any]) -> set[Any]:
    """Return the codes by which a server says what it did."""
    outcome = response.get("outcome")
    codes = set()
    for issue in issues_of(outcome) if isinstance(outcome, dict) else ():
        details = issue.get("details")
        codings = details.get("coding") if isinstance(details, dict) else None
        codes |= {coding.get("code") for coding in codings or () if isinstance(coding, dict)}
    return codes


def culprits(entries: Sequence[PlannedEntry], sent: Resource | None, outcome: Resource) -> list[int]:
    """
    Return the positions of the entries at which an outcome points, in the clearest of the candidates that servers have.

    Args:
        entries: What was sent, in its order.
        sent: The transaction; None when it was sent as it came, so that its entries are the original ones.
        outcome: The OperationOutcome.
    """
    resources = [each["resource"] for each in sent["entry"]] if sent else [entry.original.resource for entry in entries]
    found: dict[int, None] = {}
    for issue in issues_of(outcome):
        if issue.get("severity") not in ("error", "fatal"):
            continue
        text = printable(" ".join(str(issue.get(name) or "") for name in ("expression", "location", "diagnostics")))
        positions = {int(hit[1] or hit[2]) for hit in _ENTRY.finditer(text)}
        named = set(_REFERENCE.findall(text))
        value = _ELEMENT.search(text)
        numbered = list(enumerate(zip(entries, resources, strict=True)))
        candidates = (
            [number for number, _ in numbered if number in positions],
            [number for number, (entry, _) in numbered if {entry.original.name, entry.target} & named],
            [number for number, (_, resource) in numbered if named.intersection(references_in(resource))],
            [number for number, (_, resource) in numbered if value and _holds(resource, value["name"], value["value"])],
        )
        found |= dict.fromkeys(next(filter(None, candidates), []))
    return list(found)


def _holds(value: object, name: str, text: str) -> bool:
    if isinstance(value, dict):
        return value.get(name) == text or any(_holds(each, name, text) for each in value.values())
    return isinstance(value, list) and any(_holds(each, name, text) for each in value)

"""Send a plan, and check the answer entry by entry."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from fhir_case.errors import RejectedError
from fhir_case.load.journal import Journal, JournalEntry
from fhir_case.load.lookup import found_by_id
from fhir_case.load.references import location_of, references_in
from fhir_case.server.outcome import issues_of, outcome_text, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from fhir_case.fhir.wire import Resource
    from fhir_case.load.journal import State
    from fhir_case.load.plan import Plan, PlannedEntry
    from fhir_case.server.client import Client

__all__ = ["send"]

_ENTRY = re.compile(r"Bundle\.entry(?:\[(\d+)\]|\.(\d+))", re.IGNORECASE)
_REFERENCE = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}|urn:(?:uuid|oid):[A-Za-z0-9.-]+")
_ELEMENT = re.compile(r'\[element="(?P<name>\w+)"\].*?value "(?P<value>[^"]+)"')  # the parser of HAPI 8.8.0


def send(plan: Plan, client: Client, *, clock: Callable[[], float] = time.monotonic) -> Journal:
    """
    Send a plan as one transaction and give what became of every resource.

    An entry that the answer does not confirm is in the journal as failed, also when the server said yes to the whole.

    Args:
        clock: Gives seconds; only the difference of two readings counts.

    Raises:
        ServerError: The server was not reached, broke off, or is overloaded.
        RejectedError: The server refused the transaction and stored nothing of it.
    """
    start = clock()
    before = _versions(plan, client)
    try:
        answer = client.transaction(plan.bundle, repeatable=plan.repeatable)
    except RejectedError as error:
        raise _refused(error, plan) from error
    entries = tuple(
        _journal_entry(entry, response, before, problem)
        for entry, (response, problem) in zip(plan.entries, _paired(plan.entries, answer), strict=True)
    )
    return Journal(client.base_url, entries, clock() - start, plan.warnings)


def _versions(plan: Plan, client: Client) -> dict[str, str]:
    """Give the version that each resource has now: empty when the server does not tell, absent when it has none."""
    names = [entry.given.name for entry in plan.entries if entry.by_id]
    lookup = found_by_id(client, names, elements="id,meta")
    unknown = {name: "" for name in names if name.partition("/")[0] in lookup.refused}
    return unknown | {
        name: str((resource.get("meta") or {}).get("versionId") or "") for name, resource in lookup.resources.items()
    }


def _paired(entries: Sequence[PlannedEntry], answer: Resource) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Give for each entry its response, or why it has none."""
    found = answer.get("entry")
    responses = [_response(each) for each in found] if isinstance(found, list) else []
    if len(responses) == len(entries):
        yield from ((response, "") for response in responses)
        return
    # HAPI 8.8.0 leaves out what it discards, so that the position says nothing: only a place that we chose does.
    places = {place.reference: response for response in responses if (place := location_of(_location(response)))}
    problem = f"the server's answer has {len(responses)} entries for {len(entries)}, none of which names it"
    for entry in entries:
        response = places.get(entry.given.name) if entry.by_id else None
        yield (response, "") if response is not None else ({}, problem)


def _response(entry: object) -> Mapping[str, Any]:
    response = entry.get("response") if isinstance(entry, dict) else None
    return response if isinstance(response, dict) else {}


def _location(response: Mapping[str, Any]) -> str:
    return str(response.get("location") or "")


def _journal_entry(
    entry: PlannedEntry, response: Mapping[str, Any], before: Mapping[str, str], problem: str
) -> JournalEntry:
    first = str(response.get("status") or "").partition(" ")[0]
    status = int(first) if first.isascii() and first.isdigit() else 0
    place = location_of(_location(response))
    stored_as = place.reference if place else entry.given.name if entry.by_id else ""
    version = str(response.get("etag") or "").removeprefix("W/").strip('"') or (place.version if place else "")
    reason = problem or _problem(entry, response, status, stored_as)
    if reason:
        return JournalEntry(entry.given.name, entry.method, status, "failed", reason=reason)
    state = _state(entry, status, version, before)
    return JournalEntry(entry.given.name, entry.method, status, state, stored_as, version)


def _problem(entry: PlannedEntry, response: Mapping[str, Any], status: int, stored_as: str) -> str:
    if not status:
        return "the answer has no status"
    if not 200 <= status < 300 and status != 304:
        outcome = response.get("outcome")
        return f"HTTP {status}" + (f": {outcome_text(outcome)}" if isinstance(outcome, dict) else "")
    expected = entry.given.name if entry.by_id else entry.given.type
    if stored_as and expected not in (stored_as, stored_as.partition("/")[0]):
        return f"the answer at its position is about {stored_as}"
    return ""


def _state(entry: PlannedEntry, status: int, version: str, before: Mapping[str, str]) -> State:
    if status == 201:
        return "created"
    if entry.method == "POST":
        # A conditional create that finds the resource leaves it as it is.
        return "unchanged" if entry.condition else "created"
    if status == 304:
        return "unchanged"
    known = before.get(entry.given.name, "0" if entry.by_id else "")  # what was not there has another version now
    if not known or not version:
        return "updated or unchanged"
    return "unchanged" if known == version else "updated"


def _refused(error: RejectedError, plan: Plan) -> RejectedError:
    culprits = list(dict.fromkeys(_culprits(plan, error.outcome))) if error.outcome else []
    about = f"; it is about {', '.join(culprits[:3])}" if culprits else ""
    return RejectedError(
        f"nothing was stored{about}: {error.message}",
        where=error.where,
        hint=error.hint,
        status=error.status,
        outcome=error.outcome,
    )


def _culprits(plan: Plan, outcome: Resource) -> Iterator[str]:
    """Give the names of the resources at which an outcome points, in the clearest of the ways that servers have."""
    sent = list(zip(plan.entries, plan.bundle["entry"], strict=True))
    for issue in issues_of(outcome):
        if issue.get("severity") not in ("error", "fatal"):
            continue
        text = printable(" ".join(str(issue.get(name) or "") for name in ("expression", "location", "diagnostics")))
        positions = {int(found[1] or found[2]) for found in _ENTRY.finditer(text)}
        named = set(_REFERENCE.findall(text))
        value = _ELEMENT.search(text)
        ways = (
            [entry for position, (entry, _) in enumerate(sent) if position in positions],
            [entry for entry, _ in sent if {entry.given.name, entry.target} & named],
            [entry for entry, each in sent if named.intersection(references_in(each["resource"]))],
            [entry for entry, each in sent if value and _holds(each["resource"], value["name"], value["value"])],
        )
        yield from (entry.given.name for entry in next(filter(None, ways), []))


def _holds(value: object, name: str, text: str) -> bool:
    if isinstance(value, dict):
        return value.get(name) == text or any(_holds(each, name, text) for each in value.values())
    return isinstance(value, list) and any(_holds(each, name, text) for each in value)

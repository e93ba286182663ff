"""Resolve the references that a server left unresolved, by a second request for what is stored."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from fhir_case.errors import FhirCaseError, RejectedError, ServerError
from fhir_case.fhir import wire
from fhir_case.fhir.compare import compare, state_of
from fhir_case.fhir.references import pointers_in, rewritten
from fhir_case.load.plan.bundle import BundleEntry
from fhir_case.load.plan.entry import PlannedEntry
from fhir_case.load.plan.transaction import HEAD_BYTES, Transaction
from fhir_case.load.plan.unresolved import still_unresolved
from fhir_case.server.lookup import found_by_id, version_of, written_by

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fhir_case.fhir.wire import Resource
    from fhir_case.load.journal.entry import JournalEntry, Log, State
    from fhir_case.load.send.outcomes import Outcome
    from fhir_case.load.send.sender import Sender

__all__ = ["Resolved", "resolved", "resolved_later"]

_TRIES_AT_A_CONFLICT = 3
_REQUEST_BYTES = 300  # of an entry around its resource
_CONFLICTS = (409, 412)  # a version that is not the current one: HAPI FHIR answers 409, the specification wants 412


class Resolved(NamedTuple):
    """What became of some resources, in their order, and what ended it early."""

    entries: tuple[JournalEntry, ...]
    error: FhirCaseError | None = None


class _Open(NamedTuple):
    """What is stored with open references; the resource is None when only the server has it."""

    entry: JournalEntry
    resource: Resource | None


def resolved(outcome: Outcome, sender: Sender) -> Resolved:
    """
    Resolve the references that were left unresolved in what a transaction has stored.

    Each resource is put again by its id, if it is still in the version that was stored; what was changed
    since stays as it is. So it is harmless to repeat.

    Args:
        outcome: What became of the transaction.
        sender: What sent it.

    Raises:
        FhirCaseError: What happens cannot be written down.
    """
    opened = {
        number: _Open(entry, None if entry.found else outcome.unresolved.get(number))
        for number, entry in enumerate(outcome.entries)
        if entry.references == "open"
    }
    if not opened:
        return Resolved(outcome.entries)
    locations = {each.full_url: each.stored_as for each in outcome.entries if each.full_url}
    log = _Log(sender.log, {each.entry.key: each.entry for each in opened.values()})
    resolver = _Resolver(sender, log, locations)
    look = not sender.link.known.leaves_references or any(each.resource is None for each in opened.values())
    results = resolver.run(list(opened.values()), look=look)
    done = dict(zip(opened, results, strict=True))
    entries = tuple(done.get(number, entry) for number, entry in enumerate(outcome.entries))
    return Resolved(entries, resolver.error)


def resolved_later(
    entries: Sequence[JournalEntry], locations: Mapping[str, str], requests: Iterable[str], sender: Sender
) -> Resolved:
    """
    Resolve the references of what an earlier run stored, as far as that is still to be done.

    Args:
        entries: What the journal says of these resources.
        locations: ``Type/id`` on the server for each fullUrl.
        requests: The headers ``X-Request-ID`` of the requests of that run that were to do it.

    Raises:
        FhirCaseError: What happens cannot be written down.
    """
    log = _Log(sender.log, {each.key: each for each in entries}, list(requests))
    resolver = _Resolver(sender, log, locations)
    results = resolver.run([_Open(each, None) for each in entries], look=True)
    return Resolved(tuple(results), resolver.error)


@dataclass(slots=True)
class _Log:
    """
    Write down the requests of the pass, each resource under its own name and as what the first request made of it.

    Args:
        log: Where; None to write nothing down.
        opened: What the first request made of each resource, by its document and position.
        requests: The headers ``X-Request-ID`` of all requests.
    """

    log: Log | None
    opened: Mapping[tuple[str, int], JournalEntry]
    requests: list[str] = field(default_factory=list)

    def sending(self, request: str, entries: Sequence[PlannedEntry], **_before: object) -> None:
        self.requests.append(request)
        if self.log:
            self.log.resolving(request, entries)

    def resolving(self, request: str, entries: Sequence[PlannedEntry]) -> None:
        self.sending(request, entries)

    def answered(self, request: str, entries: Sequence[JournalEntry]) -> None:
        if self.log:
            self.log.answered(request, [self.of_both(entry) for entry in entries])

    def not_done(self, request: str, reason: str, *, types: Sequence[str] = ()) -> None:
        if self.log:
            self.log.not_done(request, reason, types=types)

    def of_both(self, result: JournalEntry) -> JournalEntry:
        """Return what became of a resource by both requests."""
        first = self.opened[result.key]
        if not result.confirmed:
            return _open_entry(first, result.reason)
        return _resolved_entry(first, result.version, status=result.status)


def _resolved_entry(first: JournalEntry, version: str, *, status: int = 0) -> JournalEntry:
    state: State = "created" if first.state == "created" else "updated"
    return replace(_complete_entry(first), method="PUT", status=status, state=state, version=version)


def _complete_entry(first: JournalEntry) -> JournalEntry:
    return replace(first, references="filled", full_url="", reason="")


def _open_entry(first: JournalEntry, reason: str) -> JournalEntry:
    stored = f"stored as {first.stored_as}" if first.stored_as else "stored"
    message = f"{stored}, but references in it are unresolved: {reason}"
    return replace(first, reason=message)


class _Resolver:
    """
    Resolve the references of some resources; what ended it early is in `error`.

    Args:
        locations: ``Type/id`` on the server for each fullUrl; empty where the server does not say it.
    """

    def __init__(self, sender: Sender, notes: _Log, locations: Mapping[str, str]) -> None:
        self._sender = sender.beside(notes)
        self._notes = notes
        self._locations = locations
        self._results: dict[tuple[str, int], JournalEntry] = {}
        self.error: FhirCaseError | None = None

    def run(self, opened: Sequence[_Open], *, look: bool) -> list[JournalEntry]:
        """Return what became of each resource, in their order."""
        try:
            located = list(self._located(opened))
            waiting = self._looked_at(located) if look and located else located
            for chunk in self._chunks(self._with_locations(waiting)):
                self._send(chunk)
        except ServerError as error:
            self.error = error
        for each in opened:
            if self.error and each.entry.key not in self._results:
                self._stays_open(each.entry, self.error.message)
        results = [self._results[each.entry.key] for each in opened]
        self._note([each for each in results if each.references == "open"])
        return results

    def _stays_open(self, entry: JournalEntry, reason: str) -> None:
        self._results[entry.key] = _open_entry(entry, reason)

    def _note(self, entries: Sequence[JournalEntry]) -> None:
        if entries and self._notes.log:
            self._notes.log.answered("", entries)

    def _located(self, opened: Iterable[_Open]) -> Iterator[_Open]:
        for each in opened:
            if each.entry.stored_as:
                yield each
            else:
                self._stays_open(each.entry, "the server does not say where it stored it")

    def _with_locations(self, opened: Iterable[_Open]) -> Iterator[_Open]:
        for each in opened:
            if any(self._locations.get(name) == "" for name in pointers_in(each.resource)):
                self._stays_open(each.entry, "the server does not say where it stored what they mean")
            else:
                yield each

    def _looked_at(self, opened: Sequence[_Open]) -> list[_Open]:
        """Read what is stored: return what is still to be resolved, and note the rest."""
        names = [each.entry.stored_as for each in opened]
        lookup = self._sender.link.with_retries(lambda: found_by_id(self._sender.link.client, names))
        waiting: list[_Open] = []
        done: list[JournalEntry] = []
        for each in opened:
            entry, stored = each.entry, lookup.resources.get(each.entry.stored_as)
            if stored is None:
                refused = entry.stored_as.partition("/")[0] in lookup.refused
                self._stays_open(entry, "the server does not let us look for it" if refused else "it is gone")
                continue
            version = version_of(stored)
            same = not version or not entry.version or version == entry.version
            if not still_unresolved(stored, self._locations):
                ours = not same and self._is_ours(each, stored)
                done.append(_resolved_entry(entry, version) if ours else _complete_entry(entry))
                self._results[entry.key] = done[-1]
            elif same:
                waiting.append(_Open(replace(entry, version=version), each.resource or stored))
            else:
                self._stays_open(entry, f"it was changed since: version {version} instead of {entry.version}")
        self._note(done)
        return waiting

    def _is_ours(self, opened: _Open, stored: Resource) -> bool:
        """Whether what is stored is what we wrote by a request without answer."""
        request_ids = self._sender.link.request_ids
        if request_ids.usable and (request_ids.proven or written_by(stored, self._notes.requests)):
            return written_by(stored, self._notes.requests)
        if opened.resource is None:
            return False
        sent = self._content(opened.entry, opened.resource)
        return state_of(compare(sent, stored, base_url=self._sender.link.client.base_url)) != "altered"

    def _chunks(self, opened: Iterable[_Open]) -> Iterator[list[_Open]]:
        caps = self._sender.link.known.caps
        chunk: list[_Open] = []
        size = HEAD_BYTES
        for each in opened:
            more = len(wire.dump(each.resource)) + _REQUEST_BYTES if caps.bytes else 0
            if chunk and ((caps.entries and len(chunk) >= caps.entries) or (caps.bytes and size + more > caps.bytes)):
                yield chunk
                chunk, size = [], HEAD_BYTES
            chunk.append(each)
            size += more
        if chunk:
            yield chunk

    def _send(self, chunk: Sequence[_Open], tries: int = 1) -> None:
        if self.error:
            return
        outcome = self._sender.send(Transaction(tuple(self._put(each) for each in chunk)))
        error = outcome.error
        if error is None:
            self._results |= {each.key: self._notes.of_both(each) for each in outcome.entries}
        elif not isinstance(error, RejectedError) or outcome.final:
            self.error = error
        elif error.status in _CONFLICTS and tries < _TRIES_AT_A_CONFLICT:
            again = self._looked_at(chunk)
            if again:
                self._send(again, tries + 1)
        elif len(chunk) > 1:  # only what is to blame stays as it is
            self._send(chunk[: len(chunk) // 2], tries)
            self._send(chunk[len(chunk) // 2 :], tries)
        else:
            self._stays_open(chunk[0].entry, error.message)

    def _put(self, opened: _Open) -> PlannedEntry:
        entry = opened.entry
        request = {"ifMatch": f'W/"{entry.version}"'} if entry.version else {}
        content = self._content(entry, opened.resource or {})
        original = BundleEntry(entry.stored_as, content, "", request, entry.position, entry.source)
        why = "its references are resolved"
        return PlannedEntry(original, "PUT", entry.stored_as, "", entry.stored_as, why, repeatable=True, search="")

    def _content(self, entry: JournalEntry, resource: Resource) -> Resource:
        named = {"resourceType": resource["resourceType"], "id": entry.stored_as.partition("/")[2]}
        rest = {name: value for name, value in resource.items() if name not in named}
        found: Resource = rewritten(named | rest, lambda text: self._locations.get(text) or text)
        return found

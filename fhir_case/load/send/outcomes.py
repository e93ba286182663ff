"""What became of one transaction, and of each resource of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from fhir_case.errors import RejectedError
from fhir_case.load.journal.entry import JournalEntry
from fhir_case.load.plan.subset import once_only
from fhir_case.load.plan.unresolved import TEMPORARY, may_be_left, still_unresolved, unresolved_in_plan
from fhir_case.load.send.answers import entry_failed, entry_unknown
from fhir_case.load.send.culprits import culprits

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from fhir_case.errors import FhirCaseError, ServerError
    from fhir_case.fhir.wire import Resource
    from fhir_case.load.journal.entry import State
    from fhir_case.load.plan.entry import PlannedEntry
    from fhir_case.load.plan.transaction import Transaction
    from fhir_case.load.send.prepare import Prepared

__all__ = [
    "TOO_LARGE",
    "Outcome",
    "completed",
    "failed",
    "marked",
    "marked_in_doubt",
    "new_places",
    "not_sendable",
    "refused",
    "unknown",
    "unresolved_in_sent",
]

TOO_LARGE = 413
"""The HTTP status of a server that takes less at once."""

_ADVICE = "start again (--restart) with what it takes at once (--max-bytes, --max-entries): then it is sent in parts"


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What became of one transaction.

    Args:
        entries: One for each resource, in the order of the transaction.
        error: Why it was not stored; None when it was.
        final: Whether the server cannot be used any more, so that going on makes no sense.
        culprits: The positions of the entries for which the server refused it, as far as it says so.
        unresolved: What was sent of each resource whose references the server may have left unresolved.
        at_content: Whether the server fails again and again at what was sent, so that less of it may succeed.
        once: The positions of what must not be sent again as long as it may be stored, where the rest may; the log has
            all of it as unknown.
        doubt: Why nothing is known of it, though the server answered with success; None when something is.
    """

    entries: tuple[JournalEntry, ...]
    error: FhirCaseError | None = None
    final: bool = False
    culprits: frozenset[int] = frozenset()
    unresolved: Mapping[int, Resource] = field(default_factory=dict)
    at_content: bool = False
    once: frozenset[int] = frozenset()
    doubt: ServerError | None = None

    @property
    def is_refused(self) -> bool:
        """Whether nothing was stored because of what was sent, and another transaction may be stored."""
        return self.at_content or (isinstance(self.error, RejectedError) and not self.final)


def completed(ready: Prepared, entries: Sequence[JournalEntry]) -> tuple[JournalEntry, ...]:
    """Return the entries of what was sent, of what was there already, and of copies, in their order."""
    if not (ready.unresolved or ready.there or ready.transaction.copies):
        return tuple(entries)
    found: dict[int, JournalEntry] = {}
    full_urls = {planned.target for _, planned in ready.sent} if ready.unresolved else ()
    for (position, planned), entry in zip(ready.sent, entries, strict=True):
        found[position] = marked(planned, entry, holds=position in ready.unresolved, full_urls=full_urls)
    all_entries = ready.transaction.entries
    for position, stored_as in ready.there.items():
        found[position] = JournalEntry.of(all_entries[position], 200, "unchanged", stored_as=stored_as)
    for position, original in ready.transaction.copies.items():
        first = found[original]
        state: State = "unchanged" if first.confirmed else first.state
        found[position] = JournalEntry.of(
            all_entries[position], 200, state, stored_as=first.stored_as, version=first.version, reason=first.reason
        )
    return tuple(found[position] for position in range(len(all_entries)))


def new_places(sent: Sequence[PlannedEntry], entries: Sequence[JournalEntry]) -> list[str]:
    """Return ``Type/id`` of each new resource to which the server gave its id."""
    return [
        entry.stored_as
        for one, entry in zip(sent, entries, strict=True)
        if entry.state == "created" and entry.stored_as and not one.by_id
    ]


def refused(ready: Prepared, body: Resource | None, error: RejectedError) -> Outcome:
    """Return the outcome of a refusal, with the entries that it is about; the others were not stored either."""
    sent = [entry for _, entry in ready.sent]
    blamed = culprits(sent, body, error.outcome) if error.outcome else []
    names = [sent[number].original.name for number in blamed]
    about = f"; it is about {', '.join(names[:3])}" if names else ""
    said = f"{error.message}; {_ADVICE}" if error.status == TOO_LARGE else error.message
    refusal = RejectedError(
        f"nothing was stored{about}: {said}",
        where=error.where,
        hint=error.hint,
        status=error.status,
        outcome=error.outcome,
    )
    others = f"not stored, since the transaction was refused{about}" if about else refusal.message
    entries = [
        entry_failed(entry, error.message if number in blamed else others, status=error.status)
        for number, entry in enumerate(sent)
    ]
    positions = frozenset(ready.sent[number][0] for number in blamed)
    # Every other request would get the same answer.
    useless = error.status in (401, 403, 415) or 300 <= error.status < 400
    useless = useless or (error.status in (404, 405) and error.outcome is None)
    return Outcome(completed(ready, entries), refusal, final=useless, culprits=positions)


def not_sendable(ready: Prepared) -> Outcome:
    """Return the outcome of a transaction that was not sent, since the server has more than one of what it creates."""
    reasons = {id(ready.transaction.entries[position]): reason for position, reason in ready.refused.items()}
    first = ready.transaction.entries[min(ready.refused)].original.name
    reason = ready.refused[min(ready.refused)]
    entries = [
        entry_failed(entry, reasons.get(id(entry)) or f"not sent, since of {first} {reason}", status=412)
        for _, entry in ready.sent
    ]
    return Outcome(
        completed(ready, entries),
        RejectedError(reason, where=first, status=412),
        culprits=frozenset(ready.refused),
    )


def unknown(ready: Prepared, error: ServerError | RejectedError, *, final: bool) -> Outcome:
    """Return the outcome of a transaction of which it is not known whether it was carried out."""
    entries = [entry_unknown(entry, error.message) for _, entry in ready.sent]
    transaction = ready.transaction
    whole = final or transaction.raw or transaction.indivisible
    once = frozenset() if whole else once_only(transaction.entries)
    if len(once) == len(entries):
        once = frozenset()
    return Outcome(completed(ready, entries), error, final, once=once)


def failed(transaction: Transaction, error: FhirCaseError, *, final: bool) -> Outcome:
    """Return the outcome of a transaction of which nothing was stored."""
    entries = [entry_failed(entry, f"not stored: {error.message}") for entry in transaction.entries]
    return Outcome(tuple(entries), error, final)


def unresolved_in_sent(ready: Prepared, body: Resource | None, content: bytes) -> dict[int, Resource]:
    """
    Return what is sent at the positions of those entries in which a server may leave references unresolved.

    Args:
        ready: What is sent.
        body: The transaction; None when it is sent as it came, in which nothing is resolved.
        content: The same as JSON.
    """
    if body is None:
        return {}
    full_urls = {entry.target for _, entry in ready.sent if entry.target.startswith(TEMPORARY)}
    transaction = ready.transaction
    if not full_urls or not may_be_left(content, transaction.pointers, transaction.entries):
        return {}
    resources = ((position, each["resource"]) for (position, _), each in zip(ready.sent, body["entry"], strict=True))
    return {position: resource for position, resource in resources if still_unresolved(resource, full_urls)}


def marked(entry: PlannedEntry, result: JournalEntry, *, holds: bool, full_urls: Collection[str]) -> JournalEntry:
    """
    Return the entry of what was stored with the state of its references and the fullUrl of references to it.

    Args:
        holds: Whether the server may have left references in it unresolved.
        full_urls: What references to new resources say in the transaction, if there are such references in it.
    """
    # A conditional create that finds its resource leaves that as it is, and so do we.
    return _marked(entry, result, holds=holds and not result.found, full_urls=full_urls)


def marked_in_doubt(
    entries: Sequence[PlannedEntry], results: Iterable[JournalEntry], *, among: Sequence[PlannedEntry] = ()
) -> tuple[JournalEntry, ...]:
    """
    Return the same where it is not known what was sent, or whether a request without answer has stored it before.

    So all that may hold such references counts as open, until it is looked at.

    Args:
        among: All entries of the same documents, where not all of them were sent.
    """
    holding = {id(entry) for entry in unresolved_in_plan(among or entries)}
    full_urls = {entry.target for entry in entries} if holding else ()
    return tuple(
        _marked(entry, result, holds=id(entry) in holding, full_urls=full_urls)
        for entry, result in zip(entries, results, strict=True)
    )


def _marked(entry: PlannedEntry, result: JournalEntry, *, holds: bool, full_urls: Collection[str]) -> JournalEntry:
    if not full_urls:
        return result
    state: Literal["open", ""] = "open" if holds and result.confirmed else ""
    full_url = entry.target if entry.target.startswith(TEMPORARY) and entry.target in full_urls else ""
    return replace(result, references=state, full_url=full_url) if state or full_url else result

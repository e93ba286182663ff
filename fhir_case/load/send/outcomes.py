"""Say what became of one transaction, and of each resource of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from fhir_case.errors import RejectedError
from fhir_case.load.journal.entry import JournalEntry
from fhir_case.load.plan.unresolved import marked
from fhir_case.load.send.answers import culprits, entry_failed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fhir_case.errors import FhirCaseError, ServerError
    from fhir_case.fhir.wire import Resource
    from fhir_case.load.plan.entry import PlannedEntry
    from fhir_case.load.plan.transaction import Transaction
    from fhir_case.load.send.prepare import Prepared

__all__ = ["TOO_LARGE", "Outcome", "completed", "failed", "not_sendable", "refused", "unknown"]

TOO_LARGE = 413
"""The HTTP status of a server that takes less at once."""

_ADVICE = "begin anew (--restart) with what it takes at once (--max-bytes, --max-entries): then it is sent in parts"


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What became of one transaction.

    Args:
        entries: One for each resource, in the order of the transaction.
        error: Why it was not stored; None when it was.
        final: Whether the server cannot be used any more, so that going on makes no sense.
        guilty: The positions of the entries for which the server refused it, as far as it says so.
        left: For the position of each resource in which the server may have left references: what was sent of it.
    """

    entries: tuple[JournalEntry, ...]
    error: FhirCaseError | None = None
    final: bool = False
    guilty: frozenset[int] = frozenset()
    left: Mapping[int, Resource] = field(default_factory=dict)


def completed(ready: Prepared, entries: Sequence[JournalEntry]) -> tuple[JournalEntry, ...]:
    """Return the entries of what was sent, of what was there already, and of copies, in their order."""
    found: dict[int, JournalEntry] = {}
    full_urls = {planned.target for _, planned in ready.sent} if ready.left else ()
    for (position, planned), entry in zip(ready.sent, entries, strict=True):
        found[position] = marked(planned, entry, holds=position in ready.left, full_urls=full_urls)
    all_entries = ready.transaction.entries
    for position, place in ready.there.items():
        found[position] = _as_found(all_entries[position], "unchanged", place)
    for position, original in ready.transaction.copies.items():
        first = found[original]
        state = "unchanged" if first.confirmed else first.state
        found[position] = replace(
            _as_found(all_entries[position], state, first.stored_as), version=first.version, reason=first.reason
        )
    return tuple(found[position] for position in range(len(all_entries)))


def refused(ready: Prepared, body: Resource | None, error: RejectedError) -> Outcome:
    """Say which entries a refusal is about; the others were not stored either."""
    sent = [entry for _, entry in ready.sent]
    guilty = culprits(sent, body, error.outcome) if error.outcome else []
    names = [sent[number].given.name for number in guilty]
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
        entry_failed(entry, error.message if number in guilty else others, status=error.status)
        for number, entry in enumerate(sent)
    ]
    positions = frozenset(ready.sent[number][0] for number in guilty)
    # Every other request would get the same answer.
    useless = error.status in (401, 403, 415) or 300 <= error.status < 400
    useless = useless or (error.status in (404, 405) and error.outcome is None)
    return Outcome(completed(ready, entries), refusal, final=useless, guilty=positions)


def not_sendable(ready: Prepared) -> Outcome:
    """Say of a transaction that it was not sent, since the server has more than one of what it creates."""
    reasons = {id(ready.transaction.entries[position]): reason for position, reason in ready.refused.items()}
    first = ready.transaction.entries[min(ready.refused)].given.name
    reason = ready.refused[min(ready.refused)]
    entries = [
        entry_failed(entry, reasons.get(id(entry)) or f"not sent, since of {first} {reason}", status=412)
        for _, entry in ready.sent
    ]
    return Outcome(
        completed(ready, entries),
        RejectedError(reason, where=first, status=412),
        guilty=frozenset(ready.refused),
    )


def unknown(ready: Prepared, error: ServerError, *, final: bool) -> Outcome:
    """Say of a transaction that nothing tells whether it was carried out."""
    entries = [
        entry_failed(entry, f"{error.message}; it may be stored or not, and nothing tells", state="unknown")
        for _, entry in ready.sent
    ]
    return Outcome(completed(ready, entries), error, final)


def failed(transaction: Transaction, error: FhirCaseError, *, final: bool) -> Outcome:
    """Say of a transaction that nothing of it was stored, and whether the server cannot be used any more."""
    entries = [entry_failed(entry, f"not stored: {error.message}") for entry in transaction.entries]
    return Outcome(tuple(entries), error, final)


def _as_found(entry: PlannedEntry, state: object, place: str) -> JournalEntry:
    found: Mapping[str, object] = {"source": entry.given.source, "position": entry.given.position}
    return JournalEntry(entry.given.name, entry.method, 200, state, place, **found)  # type: ignore[arg-type]  # see State

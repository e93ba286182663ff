"""Read the answer to a transaction entry by entry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.fhir import wire
from fhir_case.load.journal.entry import JournalEntry
from fhir_case.load.send.pairing import Said, paired
from fhir_case.server.failures import perhaps_done
from fhir_case.server.outcome import issues_of, outcome_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fhir_case.load.journal.entry import State
    from fhir_case.load.plan.entry import PlannedEntry
    from fhir_case.server.answer import Answer

__all__ = ["confirmed", "entry_failed", "entry_unknown"]

_UNCHANGED = ("SUCCESSFUL_UPDATE_NO_CHANGE", "SUCCESSFUL_CONDITIONAL_PATCH_NO_CHANGE")  # HAPI 8.8.0
_BY_STATUS: dict[int, State] = {201: "created", 304: "unchanged"}
_GONE = (404, 410)
_NOT_THERE = ("SUCCESSFUL_DELETE_NOT_FOUND", "SUCCESSFUL_DELETE_ALREADY_DELETED")
_UPDATED = ("SUCCESSFUL_UPDATE", "SUCCESSFUL_UPDATE_WITH_CONDITIONAL_MATCH")
_ACCEPTED = 202  # it will be done, or not


def confirmed(
    entries: Sequence[PlannedEntry], answer: Answer, *, before: Mapping[str, str] | None = None
) -> tuple[JournalEntry, ...]:
    """
    Return what became of each entry that was sent; of one that the answer does not speak of, that is not known.

    Args:
        entries: What was sent, in its order.
        answer: The successful answer; a Bundle says what became of each entry, anything else confirms nothing.
        before: The version that each resource had before, under ``Type/id``: empty when the server does not say,
            absent when it had none. None when it was not looked up.
    """
    return tuple(
        _journal_entry(entry, said, before, problem)
        for entry, (said, problem) in zip(entries, paired(entries, answer), strict=True)
    )


def entry_failed(entry: PlannedEntry, reason: str, *, status: int = 0, state: State = "failed") -> JournalEntry:
    """Return the entry of a journal for a resource that was not stored, or of which that is not known."""
    return JournalEntry.of(entry, status, state, reason=reason)


def entry_unknown(entry: PlannedEntry, reason: str, *, status: int = 0) -> JournalEntry:
    """Return the entry of a journal for a resource of which it is not known whether it is stored."""
    return entry_failed(entry, f"{reason}; it is not known whether it is stored", status=status, state="unknown")


def _journal_entry(entry: PlannedEntry, said: Said, before: Mapping[str, str] | None, problem: str) -> JournalEntry:
    if problem:
        return entry_unknown(entry, problem, status=said.status)
    if not _is_success(entry, said.status):
        text = f"HTTP {said.status}" if said.status else "the answer has no status"
        text += f": {outcome_text(said.outcome)}" if said.outcome else ""
        refused = said.status >= 400 and not perhaps_done(said.status)
        return (
            entry_failed(entry, text, status=said.status) if refused else entry_unknown(entry, text, status=said.status)
        )
    if entry.deletes:
        return JournalEntry.of(entry, said.status, _state_of_deletion(said))
    stored_as = said.location.reference if said.location else entry.original.name if entry.by_id else ""
    state = _state(entry, said, before)
    return JournalEntry.of(entry, said.status, state, stored_as=stored_as, version=said.version)


def _is_success(entry: PlannedEntry, status: int) -> bool:
    success = (200 <= status < 300 and status != _ACCEPTED) or status == 304
    return success or (entry.deletes and status in _GONE)


def _state_of_deletion(said: Said) -> State:
    return "unchanged" if said.status in _GONE or _codes(said).intersection(_NOT_THERE) else "deleted"


def _state(entry: PlannedEntry, said: Said, before: Mapping[str, str] | None) -> State:
    if entry.method == "POST" and said.status != 201:
        # A conditional create that finds the resource leaves it as it is.
        return "unchanged" if entry.condition else "created"
    stated = _BY_STATUS.get(said.status) or _stated(said)
    if stated or before is None:
        return stated or "updated or unchanged"
    if entry.by_id and entry.original.name not in before:
        return "created"  # it was not there; some servers answer 200 all the same
    known = before.get(entry.original.name, "")
    if not known or not said.version:
        return "updated or unchanged"
    return "unchanged" if known == said.version else "updated"


def _stated(said: Said) -> State | None:
    codes = _codes(said)
    if codes.intersection(_UNCHANGED):
        return "unchanged"
    return "updated" if codes.intersection(_UPDATED) else None


def _codes(said: Said) -> set[str]:
    """Return the codes by which a server says what it did."""
    codes: set[str] = set()
    for issue in issues_of(said.outcome) if said.outcome else ():
        codings = wire.objects(wire.mapping(issue.get("details")).get("coding"))
        codes |= {str(coding.get("code")) for coding in codings}
    return codes

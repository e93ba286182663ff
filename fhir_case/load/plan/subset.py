"""Take a refused transaction apart, so that what is right in it, or not too much at once, can be sent."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from fhir_case.fhir.references import pointers_in, unversioned
from fhir_case.load.plan.cycles import cycles_in_order
from fhir_case.load.plan.split import targets_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from fhir_case.load.plan.entry import PlannedEntry
    from fhir_case.load.plan.transaction import Transaction

__all__ = ["halves", "halves_in_order", "once_only", "without"]


def halves(transaction: Transaction) -> tuple[Transaction, ...]:
    """Return a merged transaction as two, each of whole documents; nothing when it is of one document."""
    sources = list(dict.fromkeys(entry.original.source for entry in transaction.entries))
    if len(sources) < 2 or transaction.indivisible or transaction.raw:
        return ()
    first = set(sources[: len(sources) // 2])
    return (
        _part(transaction, [n for n, entry in enumerate(transaction.entries) if entry.original.source in first]),
        _part(transaction, [n for n, entry in enumerate(transaction.entries) if entry.original.source not in first]),
    )


def halves_in_order(transaction: Transaction) -> tuple[Transaction, ...]:
    """
    Return a transaction as two, of which the second may refer to the first; nothing where it has to stay whole.

    That is so where a Bundle asked for it or is sent as it came, and where all refer to each other in a cycle.
    """
    entries = transaction.entries
    if transaction.raw or any(entry.original.whole for entry in entries):
        return ()
    first: list[int] = []
    for cycle in cycles_in_order(targets_of(entries)):
        if first and 2 * (len(first) + len(cycle)) > len(entries):
            break
        first += cycle
    second = sorted(set(range(len(entries))).difference(first))
    if not second:
        return ()
    return replace(_part(transaction, sorted(first)), followed=True), _part(transaction, second)


def without(transaction: Transaction, refused: Collection[int]) -> tuple[Transaction | None, dict[int, str]]:
    """
    Return a transaction without some entries and without all that refers to them.

    Args:
        refused: The positions of the entries to leave out.

    Returns:
        The transaction, None when nothing remains, and why each other entry is left out, by its position.
    """
    left_out = _left_out(transaction.entries, refused)
    kept = [number for number in range(len(transaction.entries)) if number not in refused and number not in left_out]
    return (_part(transaction, kept) if kept else None), left_out


def once_only(entries: Sequence[PlannedEntry]) -> frozenset[int]:
    """
    Return the positions of what must not be sent again as long as it may be stored.

    These are the entries that are not repeatable, all of a document that asks to be stored as a whole with one of them,
    and what refers to them.
    """
    held = {number for number, entry in enumerate(entries) if not entry.repeatable}
    gone: set[int] = set()
    while held != gone:
        gone = held
        whole = {entries[number].original.source for number in gone if entries[number].original.whole}
        together = {number for number, entry in enumerate(entries) if entry.original.source in whole}
        held = gone | together | _left_out(entries, gone).keys()
    return frozenset(held)


def _left_out(entries: Sequence[PlannedEntry], refused: Collection[int]) -> dict[int, str]:
    """Return why other entries are left out with some, by their positions: they refer to them."""
    rest = [number for number in range(len(entries)) if number not in refused]
    here = Counter(name for number in rest for name in entries[number].names)
    referring: dict[str, list[int]] = defaultdict(list)
    for number in rest:
        for pointer in pointers_in(entries[number].original.resource):
            referring[unversioned(pointer)].append(number)
    left_out: dict[int, str] = {}
    gone = list(refused)
    for number in gone:
        for name in entries[number].names:
            if here[name] > 0:  # a copy stays though its original goes
                continue
            for other in referring.pop(name, ()):
                if other not in left_out:
                    left_out[other] = (
                        f"not sent, since it refers to {entries[number].original.name}, which was not stored"
                    )
                    here.subtract(entries[other].names)
                    gone.append(other)
    return left_out


def _part(transaction: Transaction, kept: list[int]) -> Transaction:
    position_of = {number: position for position, number in enumerate(kept)}
    copies = {
        position_of[copy]: position_of[original]
        for copy, original in transaction.copies.items()
        if copy in position_of and original in position_of
    }
    return replace(
        transaction,
        entries=tuple(transaction.entries[number] for number in kept),
        copies=copies,
        raw=b"",
        type="transaction",
    )

"""Put small transactions together, since a server stores a few hundred resources at once faster than one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.fhir import wire
from fhir_case.fhir.references import Pointers
from fhir_case.load.plan.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.fhir.wire import Resource
    from fhir_case.load.plan.entry import PlannedEntry
    from fhir_case.server.quirks import Caps

__all__ = ["Merger"]


class Merger:
    """
    Merge transactions one after the other, up to a size.

    A resource that two of them say in the same words is sent once. What they say differently is never in one
    transaction: the server would keep either.

    Args:
        most: The size up to which to merge.
    """

    def __init__(self, most: Caps) -> None:
        self._most = most
        self._start()

    def _start(self) -> None:
        self._entries: list[PlannedEntry] = []
        self._copies: dict[int, int] = {}
        self._known: dict[str, int] = {}
        self._types: set[str] = set()
        self._asked: set[str] = set()
        self._conditional = 0
        self._bytes = 0
        self._pointers: Pointers | None = Pointers(frozenset(), frozenset())

    def add(self, transaction: Transaction, size: int) -> Iterator[Transaction]:
        """
        Add a transaction; return the merged one that it does not fit into any more, if there is one.

        Args:
            size: The bytes of its resources, about; its own size counts where that was counted.
        """
        size = transaction.size or size
        copies = self._copies_in(transaction)
        conditional = sum(1 for entry in transaction.entries if entry.condition)
        most = self._most
        together = len(self._entries) + len(transaction.entries)
        full = (
            (most.entries and together > most.entries)
            or (most.bytes and self._bytes + size > most.bytes)
            or (most.conditional and self._conditional + conditional and together > most.conditional)
        )
        types = {entry.original.type for entry in transaction.entries}
        asked = {entry.original.type for entry in transaction.entries if entry.asks_server} if conditional else set()
        apart = copies is None or self._asked & types or self._types & asked
        if self._entries and (full or apart):
            yield from self.flush()
            copies = {}
        start = len(self._entries)
        self._copies |= {start + position: original for position, original in (copies or {}).items()}
        self._entries += transaction.entries
        for position, entry in enumerate(transaction.entries, start):
            for name in (*entry.names, entry.identity):
                self._known.setdefault(name, position)
        self._types |= types
        self._asked |= asked
        self._conditional += conditional
        self._bytes += size
        known, more = self._pointers, transaction.pointers
        self._pointers = known | more if known is not None and more is not None else None

    def flush(self) -> Iterator[Transaction]:
        """Return the transactions that were not returned yet, merged."""
        if self._entries:
            merged = Transaction(tuple(self._entries), dict(self._copies), pointers=self._pointers)
            self._start()
            yield merged

    def _copies_in(self, transaction: Transaction) -> dict[int, int] | None:
        """Return which entries say again what is there already; None when one says something else of the same."""
        copies = {}
        for position, entry in enumerate(transaction.entries):
            known = [self._known[name] for name in (*entry.names, entry.identity) if name and name in self._known]
            if not known:
                continue
            original, *others = {self._copies.get(number, number) for number in known}
            other = self._entries[original]
            same = entry.identity == other.identity and entry.identity and entry.method == other.method
            if others or not same or not _adds_nothing(entry, other):
                return None
            copies[position] = original
        return copies


def _adds_nothing(entry: PlannedEntry, other: PlannedEntry) -> bool:
    """Whether a server that has stored another entry would store nothing of this one."""
    if entry.method != "POST" or not entry.condition:
        return "ifMatch" not in entry.original.request and _equal(entry.original.resource, other.original.resource)
    return bool(other.token)  # it ignores what a conditional create says once there is such a resource


def _equal(one: Resource, other: Resource) -> bool:
    """Whether two resources say the same; 1.0 and 1.00 are equal numbers, but not the same."""
    return one == other and wire.dump(one, sort=True) == wire.dump(other, sort=True)

"""Look up what lines that are missing from a journal may have said was sent, before anything is sent twice."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from fhir_case.errors import RejectedError
from fhir_case.fhir.identifiers import identifiers_of
from fhir_case.load.plan.plan import entries_of, plan_document
from fhir_case.load.run.resume import put_done
from fhir_case.load.send.answers import entry_unknown
from fhir_case.load.send.before import identified
from fhir_case.load.send.matching import matched
from fhir_case.load.send.reconcile import result_of
from fhir_case.server.lookup import found_by_request, request_of
from fhir_case.server.placeholders import RUN_DIGITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from fhir_case.fhir.wire import Resource
    from fhir_case.load.journal.entry import JournalEntry
    from fhir_case.load.journal.writer import JournalFile
    from fhir_case.load.plan.entry import PlannedEntry
    from fhir_case.load.run.resume import Earlier
    from fhir_case.load.send.link import Link
    from fhir_case.load.send.sender import Sender
    from fhir_case.load.survey.preparation import Preparation

__all__ = ["look_up_unnamed"]

_BEYOND = 16  # so many requests may be in flight after the last one that the journal names
_REQUESTS_A_SEARCH = 50
_REASON = "lines of the journal are missing, and a request that they named may have stored it"


def look_up_unnamed(earlier: Earlier, prepared: Preparation, sender: Sender, journal: JournalFile) -> None:
    """
    Look up what may not be sent twice and may have been sent all the same, and note it in the journal and in the index.

    Args:
        earlier: What an earlier run left behind, its open requests reconciled; what is found out is added.

    Raises:
        FhirCaseError: The journal cannot be written.
        ServerError: The server was not reached for too long.
    """
    stored = _Stored(sender.link, list(_unnamed(earlier.requests)))
    for entries in _once(prepared):
        request, results = sender.link.with_retries(lambda entries=entries: _found(entries, stored))  # type: ignore[misc]
        if results:
            journal.answered(request, results)
            put_done(prepared.index, results)
            earlier.unknown += tuple(each for each in results if not each.confirmed)
            earlier.stored += sum(each.confirmed for each in results)
    sender.doubts.of_all = True  # what may be sent again is not looked up
    journal.looked_up()


class _Stored:
    """What requests that no line names have stored, as far as the server keeps which request that was."""

    def __init__(self, link: Link, requests: Sequence[str]) -> None:
        self._requests = requests
        self._kinds: dict[str, list[Resource]] = {}
        self.link = link

    @property
    def tells(self) -> bool:
        """Whether the server keeps it."""
        return self.link.request_ids.usable and bool(self._requests)

    def of(self, kinds: Iterable[str]) -> dict[str, list[Resource]]:
        """Return what is left of some types."""
        for kind in kinds:
            if kind not in self._kinds:
                starts = range(0, len(self._requests), _REQUESTS_A_SEARCH)
                some = [self._requests[start : start + _REQUESTS_A_SEARCH] for start in starts]
                self._kinds[kind] = [
                    each for requests in some for each in found_by_request(self.link.client, kind, requests)
                ]
        return {kind: self._kinds[kind] for kind in kinds}

    def take(self, found: Iterable[Resource]) -> None:
        """Note of whose they are."""
        for each in found:
            self._kinds[each["resourceType"]].remove(each)


def _unnamed(requests: set[str]) -> Iterator[str]:
    """Return the requests of earlier runs that no line names: each run numbers its own."""
    numbers: dict[str, set[int]] = defaultdict(set)
    for request in requests:
        run, number = request[:RUN_DIGITS], request[RUN_DIGITS:]
        try:
            numbers[run].add(int(number, 16))
        except ValueError:
            continue
    for run, named in numbers.items():
        yield from (f"{run}{number:08x}" for number in range(1, max(named) + _BEYOND) if number not in named)


def _once(prepared: Preparation) -> Iterator[list[PlannedEntry]]:
    """Return what is still to be sent of each transaction in which something may not be sent twice."""
    for _, documents in prepared.documents(checked=True):
        for document in documents:
            done = prepared.index.done(document.name)
            originals, _ = entries_of(document, prepared.rules)
            for transaction in plan_document(document, originals, prepared.rules).transactions:
                left = [entry for entry in transaction.entries if entry.original.position not in done]
                if transaction.type == "batch":  # each of its entries is stored alone
                    yield from ([entry] for entry in left if not entry.repeatable)
                elif not all(entry.repeatable for entry in left):
                    yield left


def _found(entries: Sequence[PlannedEntry], stored: _Stored) -> tuple[str, tuple[JournalEntry, ...]]:
    """Return what became of what may not be sent twice, and its request; nothing where it was not sent."""
    once = [entry for entry in entries if not entry.repeatable]
    unknown = tuple(entry_unknown(entry, _REASON) for entry in once)
    try:
        if not stored.tells:
            there = identified(stored.link.client, once)
            return "", () if any(there.get(entry.identity) == [] for entry in once) else unknown
        mine = matched(entries, stored.of(dict.fromkeys(entry.original.type for entry in entries)))
    except RejectedError:
        return "", unknown
    if not mine:
        return "", ()
    surely = any(_names(entry, mine[number]) for number, entry in enumerate(entries) if number in mine)
    if not surely or not all(number in mine for number, entry in enumerate(entries) if not entry.repeatable):
        return "", unknown
    stored.take(mine.values())
    request = request_of(next(iter(mine.values())))
    return request, tuple(result_of(entries[number], resource, True) for number, resource in sorted(mine.items()))


def _names(entry: PlannedEntry, resource: Resource) -> bool:
    """Whether an id or identifier shows what a resource was stored of; the same words may be about somebody else."""
    return entry.by_id or not {*identifiers_of(entry.original.resource)}.isdisjoint(identifiers_of(resource))

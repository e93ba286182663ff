"""Send what was prepared, level after level of transactions, some of them at once."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING

from fhir_case.errors import BundleError, RejectedError, ServerError
from fhir_case.fhir.references import unversioned
from fhir_case.load.plan.plan import dangling_references
from fhir_case.load.plan.subset import halves, halves_in_order, without
from fhir_case.load.plan.transaction import names_for_later
from fhir_case.load.run.concurrency import Concurrency
from fhir_case.load.run.result import Result
from fhir_case.load.send.answers import entry_failed
from fhir_case.load.send.outcomes import TOO_LARGE, Outcome
from fhir_case.load.send.resolve import resolved

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fhir_case.load.journal.entry import JournalEntry
    from fhir_case.load.plan.transaction import Transaction
    from fhir_case.load.send.sender import Sender
    from fhir_case.load.survey.jobs import Job
    from fhir_case.load.survey.preparation import Preparation

__all__ = ["Loader"]

_SPLIT = "not all at once, since the server says that it is too much"
_FAILURES_IN_A_ROW = 20


class Loader:
    """
    Send all that was prepared.

    Args:
        prepared: What is sent, and the options.
        sender: Sends one transaction.
        note: Writes down what became of resources that were not sent or not stored.
        on_entries: Called with what became of resources, each time some are done.
    """

    def __init__(
        self,
        prepared: Preparation,
        sender: Sender,
        *,
        note: Callable[[Sequence[JournalEntry]], None],
        on_entries: Callable[[Sequence[JournalEntry]], None],
    ) -> None:
        self._prepared = prepared
        self._survey = prepared.read()
        self._options = prepared.options
        self._index = prepared.index
        self._sender = sender
        self._stop = sender.link.stop
        self._note = note
        self._on_entries = on_entries
        self._lock = Lock()
        self._failing_in_a_row = 0
        self._split: set[str] = set()
        self.concurrency = Concurrency(self._options.concurrency)
        self.result = Result(resources=self._survey.resources)

    def run(self) -> Result:
        """
        Send all; what ends the run before its end is in the result.

        Raises:
            FhirCaseError: What happens cannot be written down.
        """
        clock = self._sender.link.clock
        begin = clock()
        fatal: deque[BaseException] = deque()
        with ThreadPoolExecutor(self.concurrency.most, thread_name_prefix="send") as pool:
            try:
                for level in range(self._survey.levels):
                    for job in self._prepared.jobs_of_level(level, self._earlier):
                        keys = self._keys(job)
                        self.concurrency.enter(keys)
                        if self._stop.is_set():
                            self.concurrency.leave(keys)
                            break
                        pool.submit(self._guarded, job, keys, fatal)
                    self.concurrency.wait_until_empty()
                    if self._stop.is_set():
                        break
            except BundleError as error:
                self.result.error = self.result.error or error
                self._stop.set()
            except BaseException:
                self._stop.set()
                raise
        self.result.seconds = clock() - begin
        if fatal:
            raise fatal[0]
        return self.result

    def _earlier(self, count: int) -> None:
        with self._lock:
            self.result.earlier += count
        self._on_entries(())

    def _keys(self, job: Job) -> frozenset[str]:
        """Return the identities that must not be in flight twice; what need not be created any more does no harm."""
        entries = [entry for transaction in job for entry in transaction.entries if entry.identity]
        return frozenset(
            entry.identity
            for entry in entries
            if entry.method != "POST" or not entry.condition or not self._index.location(entry.identity)
        ).union(f"{entry.original.type}?" for entry in entries if entry.asks_server)  # one may find that of another

    def _guarded(self, job: Job, keys: frozenset[str], fatal: deque[BaseException]) -> None:
        retries = self._sender.link.tally.retries.total()
        try:
            self._send_in_order(job)
        except ServerError as error:  # a look-up; its request stays open in the journal
            with self._lock:
                self.result.error = self.result.error or error
            self._stop.set()
        except BaseException as error:  # it is raised where the run began
            fatal.append(error)
            self._stop.set()
        finally:
            self.concurrency.leave(keys, overloaded=self._sender.link.tally.retries.total() > retries)

    def _send_in_order(self, job: Job) -> bool:
        broken = ""
        for transaction in job:
            if broken:
                self._done([entry_failed(entry, broken) for entry in transaction.entries], transaction, noted=False)
            elif not self._send(transaction) and len(job) > 1:
                broken = "not sent, since an earlier part of the same document was not stored"
        return not broken

    def _send(self, transaction: Transaction) -> bool:
        """Send one transaction, and what is right of it where the server refuses it; return whether all was stored."""
        if self._stop.is_set():
            return False
        ready = self._without_failed(transaction)
        if ready is None:
            return False
        outcome = self._sender.send(ready)
        if outcome.error is None:
            complete = resolved(outcome, self._sender)
            self._done(complete.entries, ready, noted=True)
            if complete.error is not None:
                self._count_failure(Outcome(complete.entries, complete.error, final=True))
            if outcome.doubt is None:
                self._failing_in_a_row = 0
            else:
                self._count_doubt(outcome.doubt)
            return ready is transaction and all(entry.confirmed for entry in complete.entries)
        if outcome.once:
            self._repeated(ready, outcome)
            return False
        if outcome.is_refused:
            stored = self._in_parts(ready, outcome)
            if stored is not None:
                return stored
        self._note_first(outcome)
        self._done(outcome.entries, ready, noted=False)
        self._count_failure(outcome)
        return False

    def _in_parts(self, refused: Transaction, outcome: Outcome) -> bool | None:
        """Send in parts what was refused, and return whether all of it was stored; None where it has to stay whole."""
        parts = halves(refused)
        if parts:
            stored = [self._send(part) for part in parts]  # each of them is sent
            return all(stored)
        too_large = isinstance(outcome.error, RejectedError) and outcome.error.status == TOO_LARGE
        in_order = halves_in_order(refused) if too_large else ()
        if in_order:
            self._warn_of_split({entry.original.source for entry in refused.entries})
            return self._send_in_order(in_order)
        if self._options.isolate and outcome.culprits and not refused.raw:
            self._isolated(refused, outcome)
            return False
        return None

    def _warn_of_split(self, sources: set[str]) -> None:
        with self._lock:
            self._survey.warn(_SPLIT, *sorted(sources - self._split))
            self._split |= sources

    def _note_first(self, outcome: Outcome) -> None:
        """Note for which of its entries a transaction was not stored; it is what a reader wants to know first."""
        with self._lock:
            self.result.first = self.result.first or outcome.entries[min(outcome.culprits, default=0)]

    def _count_failure(self, outcome: Outcome) -> None:
        self._failing_in_a_row += not isinstance(outcome.error, RejectedError)
        if outcome.final or self._options.whole or self._failing_in_a_row >= _FAILURES_IN_A_ROW:
            with self._lock:
                self.result.error = self.result.error or outcome.error
            self._stop.set()

    def _count_doubt(self, doubt: ServerError) -> None:
        """Stop where a server, or what stands before it, confirms nothing of many transactions one after the other."""
        self._failing_in_a_row += 1
        if self._failing_in_a_row >= _FAILURES_IN_A_ROW:
            with self._lock:
                self.result.error = self.result.error or doubt
            self._stop.set()

    def _isolated(self, transaction: Transaction, outcome: Outcome) -> None:
        rest, left_out = without(transaction, outcome.culprits)
        entries = transaction.entries
        failed = [outcome.entries[number] for number in sorted(outcome.culprits)]
        failed += [entry_failed(entries[number], reason) for number, reason in sorted(left_out.items())]
        self._note_first(outcome)
        self._done(failed, transaction, noted=False)
        if rest is not None:
            self._send(rest)

    def _repeated(self, transaction: Transaction, outcome: Outcome) -> None:
        """Send again what may be, of a transaction of which it is not known whether it is stored."""
        self._done([outcome.entries[number] for number in sorted(outcome.once)], transaction, noted=True)
        self._count_failure(outcome)
        rest, _ = without(transaction, outcome.once)
        if rest is not None:
            self._send(rest)

    def _without_failed(self, transaction: Transaction) -> Transaction | None:
        """Leave out the documents that refer to what an earlier level could not store: the server would refuse them."""
        if not self._index.any_failed or not self._survey.crossing or transaction.raw:
            return transaction
        names = {name for entry in transaction.entries for name in entry.names}
        broken: dict[str, str] = {}
        for entry in transaction.entries:
            for reference in dangling_references(entry.original.resource, names):
                if self._index.has_failed(unversioned(reference)):
                    broken[entry.original.source] = reference
        if not broken:
            return transaction
        refused = [number for number, entry in enumerate(transaction.entries) if entry.original.source in broken]
        rest, left_out = without(transaction, refused)
        reasons = {
            number: f"not sent, since its document refers to {broken[transaction.entries[number].original.source]}, "
            "which was not stored"
            for number in refused
        } | left_out
        failed = [entry_failed(transaction.entries[number], reason) for number, reason in sorted(reasons.items())]
        self._done(failed, transaction, noted=False)
        return rest

    def _done(self, entries: Sequence[JournalEntry], transaction: Transaction, *, noted: bool) -> None:
        """Count what became of resources, and remember where they are."""
        if not noted:
            self._note(entries)
        planned_of = {each.key: each for each in transaction.entries}
        remembers = self._survey.crossing or transaction.followed  # something that is sent later may refer to this one
        locations: list[tuple[str, str]] = []
        failed: list[str] = []
        for entry in entries:
            planned_entry = planned_of[entry.key]
            if not entry.confirmed:
                failed += planned_entry.names
            elif entry.stored_as:
                if not planned_entry.by_id and planned_entry.token:
                    locations.append((planned_entry.identity, entry.stored_as))
                if remembers:
                    locations += [(name, entry.stored_as) for name in names_for_later(planned_entry)]
        if locations:
            self._index.put_locations(locations)
        if failed:
            self._index.put_failed(failed)
        wrong = [entry for entry in entries if not entry.ok]
        if wrong:
            with self._lock:
                self.result.first = self.result.first or wrong[0]
                self.result.note(wrong)
        self._sender.link.tally.stored(entries)
        self._on_entries(entries)

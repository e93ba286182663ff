"""Load files of any size into a server: survey, then wave after wave of transactions, some of them at once."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import TYPE_CHECKING

from fhir_case.errors import FhirCaseError, RejectedError
from fhir_case.fhir.references import unversioned
from fhir_case.load.plan.plan import leaving_references
from fhir_case.load.plan.subset import halves, halves_in_order, without
from fhir_case.load.plan.transaction import names_for_later
from fhir_case.load.run.concurrency import Gate
from fhir_case.load.send.answers import entry_failed
from fhir_case.load.send.outcomes import TOO_LARGE, Outcome
from fhir_case.load.send.resolve import filled
from fhir_case.load.survey.jobs import COMFORTABLE, jobs_of_wave

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from fhir_case.documents import Document
    from fhir_case.load.journal.entry import JournalEntry
    from fhir_case.load.plan.transaction import Transaction
    from fhir_case.load.send.sender import Sender
    from fhir_case.load.survey.index import Index
    from fhir_case.load.survey.jobs import Job
    from fhir_case.load.survey.survey import Rules, Survey
    from fhir_case.server.quirks import Caps

__all__ = ["Loader", "Result"]

_TORN = "not all at once, since the server says that it is too much"
_FAILURES_NAMED = 200
_FAILURES_IN_A_ROW = 20


@dataclass(slots=True)
class Result:
    """
    What became of a run.

    Args:
        resources: How many resources the inputs have.
        earlier: How many of them an earlier run had stored.
        failures: The first two hundred resources that failed or of which it is not known, in the order of sending.
        error: What ended the run before all was sent; None when all was.
        seconds: How long sending took.
    """

    resources: int = 0
    earlier: int = 0
    failures: list[JournalEntry] = field(default_factory=list)
    error: FhirCaseError | None = None
    seconds: float = 0.0


class Loader:
    """
    Send all that a survey found.

    Args:
        files: Gives the name of each file and its documents, anew for each wave.
        survey: What was found in them.
        rules: How documents become transactions.
        index: The index of the survey.
        sender: Sends one transaction.
        note: Writes down what became of resources that were not sent or not stored.
        merge: Up to which size to merge transactions.
        concurrency: How many transactions are under way at once; 0 to find it.
        isolate: Whether to send the rest of a document without the entries that the server refuses.
        stop: Set to end the run after what is under way.
        on_progress: Told each time resources are done.
    """

    def __init__(
        self,
        files: Callable[[], Iterable[tuple[str, Iterable[Document]]]],
        survey: Survey,
        rules: Rules,
        index: Index,
        sender: Sender,
        *,
        note: Callable[[Sequence[JournalEntry]], None],
        merge: Caps = COMFORTABLE,
        concurrency: int = 0,
        isolate: bool = False,
        stop: Event | None = None,
        on_progress: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._files = files
        self._survey = survey
        self._rules = rules
        self._index = index
        self._sender = sender
        self._note = note
        self._merge = merge
        self._isolate = isolate
        self._stop = stop or Event()
        self._on_progress = on_progress
        self._clock = clock
        self._lock = Lock()
        self._failing_in_a_row = 0
        self._any_failed = False
        self._torn: set[str] = set()
        self.gate = Gate(concurrency)
        self.result = Result(resources=survey.resources)

    def run(self) -> Result:
        """
        Send all; what ends the run before its end is in the result.

        Raises:
            FhirCaseError: What happens cannot be written down.
        """
        begin = self._clock()
        fatal: deque[BaseException] = deque()
        with ThreadPoolExecutor(self.gate.most, thread_name_prefix="send") as pool:
            try:
                for wave in range(self._survey.waves):
                    for job in self._jobs(wave):
                        keys = self._keys(job)
                        self.gate.enter(keys)
                        if self._stop.is_set():
                            self.gate.leave(keys, now_s=self._clock(), resources=0, overloaded=False)
                            break
                        pool.submit(self._guarded, job, keys, fatal)
                    self.gate.wait_until_empty()
                    if self._stop.is_set():
                        break
            except BaseException:
                self._stop.set()
                raise
        self.result.seconds = self._clock() - begin
        if fatal:
            raise fatal[0]
        return self.result

    def _jobs(self, wave: int) -> Iterator[Job]:
        return jobs_of_wave(
            wave, self._files(), self._survey, self._rules, self._index, merge=self._merge, on_earlier=self._earlier
        )

    def _earlier(self, count: int) -> None:
        with self._lock:
            self.result.earlier += count
        self._on_progress()

    def _keys(self, job: Job) -> frozenset[str]:
        """Return the identities that must not be under way twice; what is on the server already does no harm."""
        return frozenset(
            entry.identity
            for transaction in job
            for entry in transaction.entries
            if entry.identity and (entry.by_id or not entry.condition or not self._index.place(entry.identity))
        )

    def _guarded(self, job: Job, keys: frozenset[str], fatal: deque[BaseException]) -> None:
        retries = self._sender.tally.retries.total()
        try:
            self._send_in_order(job)
        except BaseException as error:  # it is raised where the run began
            fatal.append(error)
            self._stop.set()
        finally:
            self.gate.leave(
                keys,
                now_s=self._clock(),
                resources=sum(len(transaction.entries) for transaction in job),
                overloaded=self._sender.tally.retries.total() > retries,
            )

    def _send_in_order(self, job: Job) -> bool:
        broken = ""
        for transaction in job:
            if broken:
                self._done([entry_failed(entry, broken) for entry in transaction.entries], transaction, noted=False)
            elif not self._send(transaction) and len(job) > 1:
                broken = "not sent, since an earlier part of the same document was not stored"
        return not broken

    def _send(self, transaction: Transaction) -> bool:
        """Send one transaction, and what is right of it where the server refuses it; tell whether all was stored."""
        if self._stop.is_set():
            return False
        ready = self._without_failed(transaction)
        if ready is None:
            return False
        outcome = self._sender.send(ready)
        if outcome.error is None:
            self._failing_in_a_row = 0
            complete = filled(outcome, self._sender)
            self._done(complete.entries, ready, noted=True)
            if complete.error is not None:
                self._count_failure(Outcome(complete.entries, complete.error, final=True))
            return ready is transaction and all(entry.state != "failed" for entry in complete.entries)
        if isinstance(outcome.error, RejectedError) and not outcome.final:
            stored = self._in_parts(ready, outcome, too_large=outcome.error.status == TOO_LARGE)
            if stored is not None:
                return stored
        self._done(outcome.entries, ready, noted=False)
        self._count_failure(outcome)
        return False

    def _in_parts(self, refused: Transaction, outcome: Outcome, *, too_large: bool) -> bool | None:
        """Send in parts what was refused, and tell whether all of it was stored; None where it has to stay whole."""
        parts = halves(refused)
        if parts:
            stored = [self._send(part) for part in parts]  # each of them is sent
            return all(stored)
        in_order = halves_in_order(refused) if too_large else ()
        if in_order:
            self._tell_torn({entry.given.source for entry in refused.entries})
            return self._send_in_order(in_order)
        if self._isolate and outcome.guilty and not refused.raw:
            self._isolated(refused, outcome)
            return False
        return None

    def _tell_torn(self, sources: set[str]) -> None:
        with self._lock:
            self._survey.concern(_TORN, *sorted(sources - self._torn))
            self._torn |= sources

    def _count_failure(self, outcome: Outcome) -> None:
        self._failing_in_a_row += not isinstance(outcome.error, RejectedError)
        if outcome.final or self._failing_in_a_row >= _FAILURES_IN_A_ROW:
            with self._lock:
                self.result.error = self.result.error or outcome.error
            self._stop.set()

    def _isolated(self, transaction: Transaction, outcome: Outcome) -> None:
        rest, left_out = without(transaction, outcome.guilty)
        entries = transaction.entries
        failed = [outcome.entries[number] for number in sorted(outcome.guilty)]
        failed += [entry_failed(entries[number], reason) for number, reason in sorted(left_out.items())]
        self._done(failed, transaction, noted=False)
        if rest is not None:
            self._send(rest)

    def _without_failed(self, transaction: Transaction) -> Transaction | None:
        """Leave out the documents that refer to what an earlier wave could not store: the server would refuse them."""
        if not self._any_failed or not self._survey.crossing or transaction.raw:
            return transaction
        names = {name for entry in transaction.entries for name in entry.names}
        broken: dict[str, str] = {}
        for entry in transaction.entries:
            for reference in leaving_references(entry.given.resource, names):
                if self._index.has_failed(unversioned(reference)):
                    broken[entry.given.source] = reference
        if not broken:
            return transaction
        guilty = [number for number, entry in enumerate(transaction.entries) if entry.given.source in broken]
        rest, left_out = without(transaction, guilty)
        reasons = {
            number: f"not sent, since its document refers to {broken[transaction.entries[number].given.source]}, "
            "which was not stored"
            for number in guilty
        } | left_out
        failed = [entry_failed(transaction.entries[number], reason) for number, reason in sorted(reasons.items())]
        self._done(failed, transaction, noted=False)
        return rest

    def _done(self, entries: Sequence[JournalEntry], transaction: Transaction, *, noted: bool) -> None:
        """Count what became of resources, and remember where they are."""
        if not noted:
            self._note(entries)
        planned_of = {(each.given.source, each.given.position): each for each in transaction.entries}
        places: list[tuple[str, str]] = []
        failed: list[str] = []
        for entry in entries:
            planned_entry = planned_of[entry.source, entry.position]
            if not entry.confirmed:
                failed += planned_entry.names
            elif entry.stored_as and not planned_entry.by_id:
                if planned_entry.condition or planned_entry.search:
                    places.append((planned_entry.identity, entry.stored_as))
                if self._remembers(transaction):
                    places += [(name, entry.stored_as) for name in names_for_later(planned_entry)]
        if places:
            self._index.put_places(places)
        if failed:
            self._any_failed = True
            self._index.put_failed(failed)
        wrong = [entry for entry in entries if not entry.ok]
        if wrong:
            with self._lock:
                self.result.failures += wrong[: max(0, _FAILURES_NAMED - len(self.result.failures))]
        self._sender.tally.stored(entries)
        self._on_progress()

    def _remembers(self, transaction: Transaction) -> bool:
        """Whether something that is sent later may refer to this one."""
        return self._survey.crossing or transaction.followed

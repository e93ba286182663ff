"""Load files of any size into a server: survey, then wave after wave of transactions, some of them at once."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Event, Lock
from typing import TYPE_CHECKING, NamedTuple

from fhir_case.errors import FhirCaseError, RejectedError
from fhir_case.load.answers import entry_failed
from fhir_case.load.gate import Gate
from fhir_case.load.isolate import halves, without
from fhir_case.load.outcomes import Outcome
from fhir_case.load.pack import Packer
from fhir_case.load.plan import leaving_references, planned
from fhir_case.load.references import unversioned
from fhir_case.load.second_pass import filled
from fhir_case.load.source import given_entries
from fhir_case.load.survey import plan_document
from fhir_case.load.transaction import Transaction
from fhir_case.server.known import Caps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from fhir_case.documents import Document
    from fhir_case.load.index import Index
    from fhir_case.load.journal import JournalEntry
    from fhir_case.load.plan import Plan
    from fhir_case.load.send import Sender
    from fhir_case.load.source import Given
    from fhir_case.load.survey import Rules, Survey

__all__ = ["COMFORTABLE", "Loader", "Result", "jobs_of_wave"]

COMFORTABLE = Caps(entries=200, bytes=4_000_000)
"""Up to which size transactions are merged: HAPI FHIR stores 120 to 400 entries at once faster than fewer or more."""

_FAILURES_NAMED = 200
_FAILURES_IN_A_ROW = 20

Job = tuple[Transaction, ...]


@dataclass(slots=True)
class Result:
    """
    Hold what became of a run.

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


def jobs_of_wave(
    wave: int,
    files: Iterable[tuple[str, Iterable[Document]]],
    survey: Survey,
    rules: Rules,
    index: Index,
    *,
    merge: Caps = COMFORTABLE,
    on_earlier: Callable[[int], None] = lambda _: None,
) -> Iterator[Job]:
    """
    Give the transactions of one wave, merged, each job a series to be sent in order.

    Args:
        files: The name of each file, and its documents, in the same order as in the survey.
        merge: Up to which size to merge.
        on_earlier: Told how many resources of a document are left out, since an earlier run stored them.

    Raises:
        MappingError: Documents that refer to each other in a circle are more than the server takes at once.
    """
    packer = Packer(merge.within(rules.caps))
    circles: dict[int, list[Given]] = {}
    waiting = dict.fromkeys(survey.circle.values(), 0)
    for number in survey.circle:
        waiting[survey.circle[number]] += number not in survey.left_out
    for number, name, size, entries, ready in _of_wave(wave, files, survey, rules):
        given, done = entries, index.done(name)
        if done:
            _remember(given, done, rules, index)
            on_earlier(len(done))
            given = tuple(each for each in given if each.position not in done)
            if not given:
                continue
        circle = survey.circle.get(number)
        if circle is not None:
            circles.setdefault(circle, []).extend(given)
            waiting[circle] -= 1
            if not waiting[circle]:
                yield from _of_circle(circles.pop(circle), rules)
            continue
        yield from _merged(_rest(given, rules) if done else ready(), packer, size)
    for transaction in packer.rest():
        yield (transaction,)
    for members in circles.values():  # of which an earlier run had stored some
        yield from _of_circle(members, rules)


class _Read(NamedTuple):
    """Hold a document of a wave: its number, name and bytes, its entries, and how it is planned."""

    number: int
    name: str
    size: int
    given: tuple[Given, ...]
    plan: Callable[[], Plan]


def _of_wave(
    wave: int, files: Iterable[tuple[str, Iterable[Document]]], survey: Survey, rules: Rules
) -> Iterator[_Read]:
    if survey.plans is not None:
        for number, kept in survey.plans.items():
            if survey.wave[number] == wave and number not in survey.left_out:
                given = tuple(entry.given for entry in kept.plan.entries)
                yield _Read(number, kept.name, kept.size, given, partial(_same, kept.plan))
        return
    for name, documents in files:
        first, end = survey.files.get(name, (0, 0))
        if not any(survey.wave[number] == wave for number in range(first, end)):
            continue
        for number, document in zip(range(first, end), documents, strict=False):
            if survey.wave[number] == wave and number not in survey.left_out:
                given, _ = given_entries(document.content or {}, source=document.name)
                plan = partial(plan_document, document, given, rules)
                yield _Read(number, document.name, len(document.raw), given, plan)


def _same(plan: Plan) -> Plan:
    return plan


def _remember(given: Sequence[Given], done: dict[int, str], rules: Rules, index: Index) -> None:
    """Note where the resources are that an earlier run stored, for what refers to them."""
    plan = _rest([each for each in given if done.get(each.position)], rules)
    index.put_places(
        (name, done[entry.given.position])
        for entry in plan.entries
        for name in (*entry.names, entry.identity)
        if name and not entry.by_id
    )


def _rest(given: Sequence[Given], rules: Rules) -> Plan:
    return planned(given, rules.capabilities, caps=rules.caps, ids=rules.ids)


def _of_circle(given: list[Given], rules: Rules) -> Iterator[Job]:
    for job in _rest(given, rules).jobs:
        yield tuple(replace(transaction, indivisible=True) for transaction in job)


def _merged(plan: Plan, packer: Packer, size: int) -> Iterator[Job]:
    if len(plan.transactions) == 1 and not plan.transactions[0].raw:
        for transaction in packer.add(plan.transactions[0], size):
            yield (transaction,)
    else:
        yield from plan.jobs


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
        """Give the identities that must not be under way twice; what is on the server already does no harm."""
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

    def _send_in_order(self, job: Job) -> None:
        broken = ""
        for transaction in job:
            if broken:
                self._done([entry_failed(entry, broken) for entry in transaction.entries], transaction, noted=False)
            elif not self._send(transaction) and len(job) > 1:
                broken = "not sent, since an earlier part of the same document was not stored"

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
            parts = halves(ready)
            if parts:
                stored = [self._send(part) for part in parts]  # each of them is sent
                return all(stored)
            if self._isolate and outcome.guilty and not ready.raw:
                self._isolated(ready, outcome)
                return False
        self._done(outcome.entries, ready, noted=False)
        self._count_failure(outcome)
        return False

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
                    places += [(name, entry.stored_as) for name in planned_entry.names]
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
        """Tell whether something that is sent later may refer to this one."""
        return self._survey.crossing or transaction.followed

"""Send transactions so that each is carried out once, whatever happens on the way."""

from __future__ import annotations

import gzip
import secrets
import time
from dataclasses import replace
from itertools import count
from threading import Event, local
from typing import TYPE_CHECKING, Any, TypeVar

from fhir_case.errors import FhirCaseError, RejectedError, ServerError
from fhir_case.fhir import wire
from fhir_case.load.plan.unresolved import left_in_sent, marked_in_doubt
from fhir_case.load.send.answers import confirmed
from fhir_case.load.send.duplicates import Strays, created_types
from fhir_case.load.send.outcomes import Outcome, completed, failed, not_sendable, refused, unknown
from fhir_case.load.send.prepare import Prepared, prepared
from fhir_case.load.send.reconcile import created_by, fate_of
from fhir_case.load.send.tally import Tally
from fhir_case.server.lookup import found_by_id
from fhir_case.server.quirks import Quirks
from fhir_case.server.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fhir_case.fhir.wire import Resource
    from fhir_case.load.journal.entry import JournalEntry
    from fhir_case.load.journal.log import Log
    from fhir_case.load.plan.entry import PlannedEntry
    from fhir_case.load.plan.transaction import Transaction
    from fhir_case.load.send.reconcile import Fate
    from fhir_case.server.client import Client

__all__ = ["Sender"]

_Read = TypeVar("_Read")

_WORTH_PACKING = 8_000  # bytes
_PACKING_LEVEL = 3
_TRIES_AT_A_CONFLICT = 6
_TRIES_AT_AN_ERROR = 4  # a server that fails four times at the same transaction fails at its content
_BROKEN_OFF = (0, 408, 502, 504)  # the server may still be working on what was sent


class Sender:
    """
    Send transactions to one server; several threads may use it at once.

    A request that may have been carried out is looked up before it is sent again, unless repeating it is harmless.

    Args:
        client: Gives a client for the thread that asks.
        known: What is known of the server.
        log: Where is written down what happens.
        tally: Where is counted what happens.
        place: Gives ``Type/id`` on the server for a name or condition of an earlier transaction, or nothing.
        policy: How patient to be.
        look_up: Whether to look up many identifiers with one search instead of sending conditions.
        pack: Whether to send large bodies packed; plain again where the server refuses them.
        versions: Whether to ask for the version of each resource before, where the server does not tell afterwards.
        stop: Set to end all waiting.
        clock: Gives seconds; only the difference of two readings counts.

    Attributes:
        doubtful: The entries, each a document and a position in it, that a request of an earlier run may have stored
            all the same, with references that the server left as they came.
    """

    def __init__(
        self,
        client: Callable[[], Client],
        *,
        known: Quirks | None = None,
        log: Log | None = None,
        tally: Tally | None = None,
        place: Callable[[str], str] | None = None,
        policy: RetryPolicy | None = None,
        look_up: bool = False,
        pack: bool = False,
        versions: bool = True,
        stop: Event | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._new_client = client
        self._threads = local()
        self.known = known or Quirks()
        self.log = log
        self.tally = tally or Tally()
        self._place = place
        self._policy = policy or RetryPolicy()
        self._look_up = look_up
        self._pack = pack
        self._versions = versions and not self.known.tells_unchanged
        self._stop = stop or Event()
        self._clock = clock
        self._strays = Strays()
        self.doubtful: set[tuple[str, int]] = set()
        self._run = secrets.token_hex(4)
        self._numbers = count(1)

    @property
    def client(self) -> Client:
        """Return the client of this thread."""
        if not hasattr(self._threads, "client"):
            self._threads.client = self._new_client()
        found: Client = self._threads.client
        return found

    def send(self, transaction: Transaction) -> Outcome:
        """
        Send one transaction, as often as it takes; the outcome says what became of each resource.

        Raises:
            FhirCaseError: What happens cannot be written down.
        """
        begin = self._clock()
        try:
            ready = self._prepared(transaction)
        except FhirCaseError as error:
            return failed(transaction, error, final=isinstance(error, ServerError))
        if ready.refused:
            return not_sendable(ready)
        return self._deliver(ready, begin) if ready.sent else self._done(ready, "", ())

    def remove_strays(self) -> list[dict[str, Any]]:
        """Remove what the server stored of requests that had counted as not done; call it when all is sent."""
        return self._strays.remove(self.client)

    def beside(self, log: Log) -> Sender:
        """Return a sender to the same server that sends what is ready as it is, and notes it elsewhere."""
        return Sender(
            lambda: self.client,
            known=self.known,
            log=log,
            tally=self.tally,
            policy=self._policy,
            pack=self._pack,
            versions=False,
            stop=self._stop,
            clock=self._clock,
        )

    def persistently(self, read: Callable[[], _Read]) -> _Read:
        """
        Read from the server, again and again while it is not reached or overloaded.

        Raises:
            ServerError: That took too long.
        """
        begin = self._clock()
        for attempt in count(1):
            try:
                return read()
            except ServerError as error:
                if not self._wait(error, attempt, begin):
                    raise
        raise AssertionError("unreachable")

    def _prepared(self, transaction: Transaction) -> Prepared:
        if transaction.raw or self._place is None:
            return Prepared(transaction)
        place = self._place
        return self.persistently(lambda: prepared(transaction, self.client, place, look_up=self._look_up))

    def _deliver(self, ready: Prepared, begin: float) -> Outcome:
        transaction = ready.transaction
        sent = [entry for _, entry in ready.sent]
        body = None if transaction.raw else transaction.body(leave_out=ready.there, places=self._place)
        content = transaction.raw or wire.dump(body)
        ready = replace(ready, left=left_in_sent(ready.sent, body, content))
        before = self.persistently(lambda: self._versions_before(sent)) if self._versions else None
        open_requests: list[str] = []
        packed = self._pack and len(content) >= _WORTH_PACKING
        for attempt in count(1):
            request = f"{self._run}{next(self._numbers):08x}"
            if self.log:
                self.log.sending(request, sent)
            start = self._clock()
            try:
                answer = self._post(content, request, packed=packed)
            except RejectedError as error:
                self.tally.answered(error.status, self._clock() - start, len(content))
                self._close(request, str(error))
                if packed and error.status in (400, 415):
                    packed = False
                elif not self._may_settle_itself(sent, error, attempt, begin):
                    return refused(ready, body, error)
            except ServerError as error:
                self.tally.answered(error.status, self._clock() - start, len(content))
                open_requests.append(request)
                outcome = self._after_failure(ready, error, open_requests, attempt, begin)
                if outcome is not None:
                    return outcome
            else:
                self.tally.answered(200, self._clock() - start, len(content))
                if not packed and len(content) >= _WORTH_PACKING:
                    self._pack = False  # it was refused packed, and is taken plain
                return self._stored(ready, confirmed(sent, answer, before=before), open_requests, request)
        raise AssertionError("unreachable")

    def _may_settle_itself(
        self, sent: Sequence[PlannedEntry], error: RejectedError, attempt: int, begin: float
    ) -> bool:
        """Wait after a conflict with another writer, which is over when it has written, unless that made it one."""
        passing = error.status == 409 and not any("ifMatch" in entry.given.request for entry in sent)
        return passing and attempt < _TRIES_AT_A_CONFLICT and self._wait(error, attempt, begin)

    def _stored(self, ready: Prepared, entries: tuple[JournalEntry, ...], earlier: list[str], request: str) -> Outcome:
        if earlier and self.known.request_id_in_source:
            entries = self.reattributed(entries, [*earlier, request])
            self._strays.add(earlier, [entry for _, entry in ready.sent], entries)
        return self._done(ready, request, entries, doubtful=bool(earlier))

    def _done(
        self, ready: Prepared, request: str, entries: Sequence[JournalEntry], *, doubtful: bool = False
    ) -> Outcome:
        full = completed(ready, entries)
        planned = ready.transaction.entries
        if doubtful or any((entry.given.source, entry.given.position) in self.doubtful for entry in planned):
            full = marked_in_doubt(planned, full)
        if self.log:
            self.log.answered(request, full)
        return Outcome(full, left=ready.left)

    def _post(self, content: bytes, request: str, *, packed: bool) -> Resource:
        headers = {"X-Request-ID": request}
        if packed:
            headers["Content-Encoding"] = "gzip"
            content = gzip.compress(content, compresslevel=_PACKING_LEVEL)
        return self.client.transaction(content, headers=headers)

    def _after_failure(
        self, ready: Prepared, error: ServerError, requests: list[str], attempt: int, begin: float
    ) -> Outcome | None:
        """Settle what may have been done, wait, and give the outcome unless it should be sent again."""
        request = requests[-1]
        if not error.perhaps_done:
            requests.pop()
            self._close(request, str(error))
        if requests:
            try:
                fate, entries = self._settled(ready, requests, error)
            except ServerError as unreachable:
                return unknown(ready, unreachable, final=True)
            if fate == "done":
                return self._done(ready, requests[-1], entries)
            if fate == "cannot tell":
                return unknown(ready, error, final=False)
            if request in requests:
                self._close(request, str(error), [entry for _, entry in ready.sent])
        failing = error.status == 500 and attempt >= _TRIES_AT_AN_ERROR
        if not failing and self._wait(error, attempt, begin):
            return None
        return failed(ready.transaction, error, final=not failing)

    def _settled(
        self, ready: Prepared, requests: list[str], error: ServerError
    ) -> tuple[Fate, tuple[JournalEntry, ...]]:
        """Look for what a request may have stored, for a while if the server may still be working on it."""
        finished = bool(error.status) and error.status not in _BROKEN_OFF
        whole = ready.transaction.type == "transaction"
        return self.settle([entry for _, entry in ready.sent], requests, finished=finished, as_a_whole=whole)

    def settle(
        self,
        sent: Sequence[PlannedEntry],
        requests: Sequence[str],
        *,
        finished: bool = False,
        as_a_whole: bool = True,
    ) -> tuple[Fate, tuple[JournalEntry, ...]]:
        """
        Find out whether a transaction was carried out by one of some requests, and what became of its entries.

        Args:
            sent: What was sent.
            requests: The headers ``X-Request-ID`` of the attempts.
            finished: Whether the server is done with them; otherwise it is looked for a while.
            as_a_whole: Whether all of it is stored or nothing; of a batch each resource has to be found.

        Raises:
            ServerError: The server was not reached for too long.
        """
        by_request = self.known.request_id_in_source
        harmless = all(entry.repeatable for entry in sent)
        patience = 0.0 if harmless or finished else max(self._policy.settle_s, 2 * self.tally.longest_s)
        begin, pause = self._clock(), 0.1
        while True:
            fate, entries = self.persistently(
                lambda: fate_of(sent, self.client, requests, by_request=by_request, as_a_whole=as_a_whole)
            )
            if fate == "cannot tell" and harmless:
                return "not done", ()
            if fate != "not done" or self._clock() - begin >= patience or self._stop.wait(pause):
                return fate, entries
            pause = min(2 * pause, 2.0)

    def _wait(self, error: FhirCaseError, attempt: int, begin: float) -> bool:
        """Wait before the next attempt; False when there shall be none."""
        stated = error.wait_s if isinstance(error, ServerError) else 0
        pause = self._policy.pause_s(attempt, stated_s=stated)
        if self._clock() - begin + pause > self._policy.request_s or not self.tally.retry(error, self._policy.run):
            return False
        return not self._stop.wait(pause)

    def _versions_before(self, sent: Sequence[PlannedEntry]) -> dict[str, str]:
        """Return the version that each resource has now: empty when the server is silent, absent when it has none."""
        names = [entry.given.name for entry in sent if entry.by_id]
        lookup = found_by_id(self.client, names, elements="id,meta")
        unknown = {name: "" for name in names if name.partition("/")[0] in lookup.refused}
        return unknown | {
            name: str((resource.get("meta") or {}).get("versionId") or "")
            for name, resource in lookup.resources.items()
        }

    def reattributed(self, entries: tuple[JournalEntry, ...], requests: list[str]) -> tuple[JournalEntry, ...]:
        """
        Say of what an earlier attempt stored without an answer that this run has created it.

        Raises:
            ServerError: The server was not reached for too long.
        """
        doubtful = [entry for entry in entries if entry.state in ("unchanged", "updated")]
        if not doubtful:
            return entries
        ours = self.persistently(lambda: created_by(self.client, doubtful, requests))
        return tuple(
            replace(entry, state="created" if ours[entry.stored_as] else "updated")
            if entry in doubtful and entry.stored_as in ours
            else entry
            for entry in entries
        )

    def _close(self, request: str, reason: str, in_doubt: Sequence[PlannedEntry] = ()) -> None:
        if self.log:
            self.log.not_done(request, reason, types=self.creates(in_doubt))

    def creates(self, entries: Sequence[PlannedEntry]) -> tuple[str, ...]:
        """Return the types of what these entries create, if the server tells by which request that was."""
        return created_types(entries) if self.known.request_id_in_source else ()

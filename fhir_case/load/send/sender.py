"""Send transactions so that each is carried out once, whatever happens on the way."""

from __future__ import annotations

import gzip
import secrets
from contextlib import suppress
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

from fhir_case.errors import FhirCaseError, RejectedError, ServerError
from fhir_case.fhir import wire
from fhir_case.load.plan.subset import halves
from fhir_case.load.send.answers import confirmed, entry_unknown
from fhir_case.load.send.before import look_before
from fhir_case.load.send.complete import Attempt, completed_by_lookup, is_incomplete
from fhir_case.load.send.doubts import Doubts
from fhir_case.load.send.duplicates import Duplicates, created_types
from fhir_case.load.send.outcomes import (
    Outcome,
    completed,
    failed,
    marked_in_doubt,
    new_places,
    not_sendable,
    refused,
    unknown,
    unresolved_in_sent,
)
from fhir_case.load.send.pairing import named_in, why_unconfirmed
from fhir_case.load.send.prepare import Prepared, prepared
from fhir_case.load.send.presence import made_meanwhile
from fhir_case.load.send.reconcile import reattributed, reconcile
from fhir_case.server.failures import perhaps_done, perhaps_going_on
from fhir_case.server.placeholders import RUN_DIGITS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from fhir_case.load.journal.entry import JournalEntry, Log
    from fhir_case.load.plan.entry import PlannedEntry
    from fhir_case.load.plan.transaction import Transaction
    from fhir_case.load.send.link import Link
    from fhir_case.load.send.reconcile import Delivery
    from fhir_case.server.answer import Answer

__all__ = ["Sender"]

_WORTH_GZIP = 8_000  # bytes
_GZIP_LEVEL = 3
_TRIES_AT_A_CONFLICT = 6
_TRIES_AT_AN_ERROR = 4  # a server that fails four times at the same transaction fails at its content
_ACCEPTED = 202  # the server is not done


class Sender:
    """
    Send transactions to one server; several threads may use it at once.

    A request that may have been carried out is looked up before it is sent again, unless repeating it is harmless.

    Args:
        link: The server.
        log: Where is written down what happens.
        location: Returns ``Type/id`` on the server for a name or condition of an earlier transaction, or nothing.
        claim: Returns which of some new ``Type/id`` an earlier answer has named for another resource.
        look_up: Whether to look up before what is there, many identifiers with one search, and in which version.
        gzip: Whether to send large bodies compressed; plain again where the server refuses them.

    Attributes:
        doubtful: What an earlier run may have stored with unresolved references, each a document and a position in it.
        doubts: What a request may have created.
    """

    def __init__(
        self,
        link: Link,
        *,
        log: Log | None = None,
        location: Callable[[str], str] | None = None,
        claim: Callable[[Iterable[str]], Collection[str]] = lambda _: (),
        look_up: bool = True,
        gzip: bool = False,
    ) -> None:
        self.link = link
        self.log = log
        self._location = location
        self._claim = claim
        self._look_up = look_up
        self._gzip = gzip
        self._duplicates = Duplicates()
        self.doubtful: set[tuple[str, int]] = set()
        self.doubts = Doubts()
        self._run = secrets.token_hex(RUN_DIGITS // 2)
        self._numbers = count(1)

    def send(self, transaction: Transaction) -> Outcome:
        """
        Send one transaction, with retries; the outcome says what became of each resource.

        Raises:
            FhirCaseError: What happens cannot be written down.
        """
        begin = self.link.clock()
        try:
            ready = self._prepared(transaction)
        except FhirCaseError as error:
            return failed(transaction, error, final=isinstance(error, ServerError))
        if ready.refused:
            return not_sendable(ready)
        return self._deliver(ready, begin) if ready.sent else self._done(ready, "", ())

    def remove_duplicates(self) -> list[dict[str, Any]]:
        """Remove what the server stored of requests that had counted as not done; call it when all is sent."""
        return self._duplicates.remove(self.link.client)

    def beside(self, log: Log) -> Sender:
        """Return a sender to the same server that sends what is ready as it is, and notes it elsewhere."""
        return Sender(self.link, log=log, look_up=False, gzip=self._gzip)

    def _prepared(self, transaction: Transaction) -> Prepared:
        ready, location = Prepared(transaction), self._location
        if location is not None and not transaction.raw:
            ready = self.link.with_retries(
                lambda: prepared(transaction, self.link.client, location, look_up=self._look_up)
            )
        if ready.refused or not ready.sent:
            return ready
        sent = [entry for _, entry in ready.sent]
        before = self.link.with_retries(lambda: look_before(self.link, sent, versions=self._look_up))
        return replace(ready, before=before)

    def _deliver(self, ready: Prepared, begin: float) -> Outcome:
        transaction = ready.transaction
        sent = [entry for _, entry in ready.sent]
        body = None if transaction.raw else transaction.body(leave_out=ready.there, locations=self._location)
        content = transaction.raw or wire.dump(body)
        ready = replace(ready, unresolved=unresolved_in_sent(ready, body, content))
        open_requests: list[str] = []
        compressed = self._gzip and len(content) >= _WORTH_GZIP
        for attempt in count(1):
            request = f"{self._run}{next(self._numbers):08x}"
            if self.log:
                self.log.sending(request, sent, **ready.before.noted)
            start = self.link.clock()
            try:
                answer = self._post(content, request, compressed=compressed)
            except RejectedError as error:
                self.link.tally.answered(error.status, self.link.clock() - start, len(content))
                self._close(request, str(error))
                if compressed and error.status in (400, 415):
                    compressed = False
                elif not self._may_pass(sent, error, attempt, begin):
                    return self._ended(ready, refused(ready, body, error), open_requests, error)
            except ServerError as error:
                self.link.tally.answered(error.status, self.link.clock() - start, len(content))
                open_requests.append(request)
                outcome = self._after_failure(ready, error, open_requests, attempt, begin)
                if outcome is not None:
                    return outcome
            else:
                self.link.tally.answered(answer.status, self.link.clock() - start, len(content))
                if not compressed and len(content) >= _WORTH_GZIP:
                    self._gzip = False  # it was refused compressed, and is accepted plain
                return self._answered(ready, answer, [*open_requests, request])
        raise AssertionError("unreachable")

    def _may_pass(self, sent: Sequence[PlannedEntry], error: RejectedError, attempt: int, begin: float) -> bool:
        """Wait after a conflict with another writer, which is over when it has written, unless that made it one."""
        passing = error.status == 409 and not any("ifMatch" in entry.original.request for entry in sent)
        return passing and attempt < _TRIES_AT_A_CONFLICT and self.link.wait(error, attempt, begin)

    def _answered(self, ready: Prepared, answer: Answer, requests: list[str]) -> Outcome:
        """Return what a successful answer says, and what a look at the server adds to it."""
        sent = [entry for _, entry in ready.sent]
        entries = confirmed(sent, answer, before=ready.before.versions)
        taken = self._claim(new_places(sent, entries))
        if taken:
            entries = tuple(
                entry_unknown(one, f"the answer names {entry.stored_as}, as an earlier one did", status=entry.status)
                if entry.stored_as in taken and not one.by_id and entry.state == "created"
                else entry
                for one, entry in zip(sent, entries, strict=True)
            )
        whole = ready.transaction.type == "transaction"
        if is_incomplete(entries, whole=whole):
            named = [name for name in named_in(answer, sent) if name not in taken]
            attempt = Attempt(sent, requests, named, before=ready.before, whole=whole)
            known = set(new_places(sent, entries))
            entries = completed_by_lookup(self.link, attempt, entries, finished=answer.status != _ACCEPTED)
            self._claim(set(new_places(sent, entries)) - known)
        *earlier, request = requests
        self.link.request_ids.learn(self.link.client, entries, requests)
        if earlier and self.link.request_ids.usable:
            entries = reattributed(self.link, entries, requests)
            self._duplicates.add(earlier, sent, entries)
        if earlier and not self.link.request_ids.proven:
            entries = made_meanwhile(sent, entries, ready.before)
        self._close_earlier(earlier, sent)
        outcome = self._done(ready, request, entries, doubtful=bool(earlier))
        if any(entry.state != "unknown" for entry in entries):
            return outcome
        where, reason = f"POST {self.link.client.base_url}", why_unconfirmed(answer) or entries[0].reason
        return replace(outcome, doubt=ServerError(reason, where=where, status=answer.status))

    def _done(
        self, ready: Prepared, request: str, entries: Sequence[JournalEntry], *, doubtful: bool = False
    ) -> Outcome:
        planned = ready.transaction.entries
        full = self.doubts.marked(planned, completed(ready, entries))
        if doubtful or (self.doubtful and any(entry.key in self.doubtful for entry in planned)):
            full = marked_in_doubt(planned, full)
        if self.log:
            self.log.answered(request, full)
        return Outcome(full, unresolved=ready.unresolved)

    def _post(self, content: bytes, request: str, *, compressed: bool) -> Answer:
        headers = {"Prefer": "return=minimal", "X-Request-ID": request}
        if compressed:
            headers["Content-Encoding"] = "gzip"
            content = gzip.compress(content, compresslevel=_GZIP_LEVEL)
        return self.link.client.request("POST", body=content, headers=headers, exact=False)

    def _after_failure(
        self, ready: Prepared, error: ServerError, requests: list[str], attempt: int, begin: float
    ) -> Outcome | None:
        """Reconcile what may have been done, wait, and return the outcome unless it should be sent again."""
        if not error.perhaps_done:
            self._close(requests.pop(), str(error))
        if requests:
            try:
                delivery, entries = self._reconciled(ready, requests, error)
            except ServerError as unreachable:
                return unknown(ready, unreachable, final=True)
            if delivery == "done":
                return self._carried_out(ready, requests, entries)
            if delivery == "unknown" or (200 <= error.status < 300 and attempt >= _TRIES_AT_AN_ERROR):
                outcome = unknown(ready, error, final=False)
                if outcome.once:
                    self.doubts.add((entry.key for _, entry in ready.sent), ready.before)
                    self._close_earlier(requests[:-1], [entry for _, entry in ready.sent])
                    if self.log:
                        self.log.answered(requests[-1], outcome.entries)
                return outcome
        tried = attempt >= _TRIES_AT_AN_ERROR and perhaps_done(error.status)
        kind, divisible = ready.sent[0][1].original.type, bool(halves(ready.transaction))
        failing = tried and self.link.fails_at_content(error, kind, divisible=divisible)
        if not failing and self.link.wait(error, attempt, begin):
            return None
        if not tried and attempt > 1 and perhaps_done(error.status):  # there is no time for more
            failing = self.link.fails_at_content(error, kind, divisible=divisible)
        final = not failing and not (tried and self.link.is_available(kind))
        outcome = replace(failed(ready.transaction, error, final=final), at_content=failing)
        return self._ended(ready, outcome, requests, error)

    def _ended(
        self, ready: Prepared, outcome: Outcome, requests: list[str], error: ServerError | RejectedError
    ) -> Outcome:
        """Return the outcome of what is not sent again: unknown where an attempt may have stored it all the same."""
        sent = [entry for _, entry in ready.sent]
        if requests and all(entry.repeatable for entry in sent):
            delivery: Delivery = "unknown"
            entries: tuple[JournalEntry, ...] = ()
            with suppress(ServerError):
                delivery, entries = self._reconciled(ready, requests, error, last=True)
            if delivery == "done":
                return self._carried_out(ready, requests, entries)
            if delivery == "unknown":  # its requests stay open in the journal, so that a run that resumes looks them up
                doubt = unknown(ready, error, final=outcome.final)
                return replace(outcome, entries=doubt.entries)
        self._close_earlier(requests, sent)
        return outcome

    def _carried_out(self, ready: Prepared, requests: list[str], entries: Sequence[JournalEntry]) -> Outcome:
        """Return the outcome of what one of some requests without an answer has stored."""
        *earlier, request = requests
        self._close_earlier(earlier, [entry for _, entry in ready.sent])
        return self._done(ready, request, entries)

    def _reconciled(
        self, ready: Prepared, requests: list[str], error: ServerError | RejectedError, *, last: bool = False
    ) -> tuple[Delivery, tuple[JournalEntry, ...]]:
        finished = not perhaps_going_on(error.status)
        whole = ready.transaction.type == "transaction"
        sent = [entry for _, entry in ready.sent]
        return reconcile(self.link, sent, requests, finished=finished, as_a_whole=whole, before=ready.before, last=last)

    def _close(self, request: str, reason: str, *, types: Sequence[str] = ()) -> None:
        if self.log:
            self.log.not_done(request, reason, types=types)

    def _close_earlier(self, requests: Sequence[str], sent: Sequence[PlannedEntry]) -> None:
        """Note that some requests without an answer do not count: a later one does, or none of it is there."""
        for request in requests:
            self._close(request, "looked up: it does not count", types=self.creates(sent))

    def creates(self, entries: Sequence[PlannedEntry]) -> tuple[str, ...]:
        """Return the types of what these entries create, if the server keeps by which request that was."""
        return created_types(entries) if self.link.request_ids.usable else ()

"""The public class `Load`: prepare, resume where an earlier run ended, send."""

from __future__ import annotations

import time
from functools import cached_property
from threading import Event
from typing import TYPE_CHECKING

from fhir_case.errors import FhirCaseError, ServerError
from fhir_case.load.journal.reader import read_header
from fhir_case.load.journal.writer import JournalFile
from fhir_case.load.run.gaps import look_up_unnamed
from fhir_case.load.run.loader import Loader
from fhir_case.load.run.missing import forget_missing
from fhir_case.load.run.placeholders import Placeholders, look_for_placeholders, note_awaited
from fhir_case.load.run.resume import Earlier, read_earlier, reconcile_earlier
from fhir_case.load.send.duplicates import remove_earlier
from fhir_case.load.send.link import Link
from fhir_case.load.send.sender import Sender
from fhir_case.load.send.tally import Tally
from fhir_case.load.survey.options import Options
from fhir_case.load.survey.preparation import Preparation, refuse_other
from fhir_case.load.survey.result import CountedNames
from fhir_case.server.guard import is_loopback
from fhir_case.server.lookup import is_there
from fhir_case.server.statement import no_statement

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from fhir_case.load.journal.entry import JournalEntry
    from fhir_case.load.journal.opening import Fresh
    from fhir_case.load.run.concurrency import Concurrency
    from fhir_case.load.run.result import Result
    from fhir_case.load.survey.inputs import Inputs
    from fhir_case.load.survey.result import Survey
    from fhir_case.server.capabilities import Capabilities
    from fhir_case.server.client import Client

__all__ = ["Load", "Options"]


class Load(Preparation):
    """
    Load inputs into one server; a context manager.

    Args:
        clock: Returns seconds; only the difference of two readings counts. The other arguments, and what it raises, are
            those of `Preparation`.
    """

    def __init__(
        self,
        inputs: Inputs,
        client: Callable[[], Client],
        options: Options | None = None,
        *,
        capabilities: Capabilities | None = None,
        close_clients: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(inputs, client, options, capabilities=capabilities, close_clients=close_clients)
        self.stop = Event()
        self.tally = Tally()
        self.placeholders = Placeholders()
        self.concurrency: Concurrency | None = None
        self._clock = clock
        self._journal: JournalFile | None = None
        self._earlier = Earlier()
        self._unresolved: tuple[JournalEntry, ...] = ()

    def open_journal(self, path: Path, *, fresh: Fresh = "") -> int:
        """
        Open the journal; resume where it ends, and return how many resources were stored before.

        Args:
            fresh: When to begin a new journal, see `JournalFile`.

        Raises:
            FhirCaseError: It cannot be written, or belongs to another load.
            ServerError: The server was not reached.
        """
        self.check_server()
        header = self.header()
        self._journal = self._stack.enter_context(JournalFile(path, header, fresh=fresh))
        refuse_other(path, read_header(path), header)
        earlier = read_earlier(path, self.index)
        if self.options.resend_missing:
            earlier.stored -= forget_missing(path, self.index, self.client)
        elif earlier.last and not is_there(self.client, earlier.last):
            raise FhirCaseError(
                f"the server has no {earlier.last} any more, which this journal says is stored there",
                where=str(path),
                hint="--resend-missing sends again what is not there any more; --restart begins anew",
            )
        reconcile_earlier(earlier, self, self._sender, self._journal)
        if earlier.gap:
            look_up_unnamed(earlier, self, self._sender, self._journal)
            self.read().warn("lines are missing; what they may have said was sent was looked up", str(path))
        self._earlier = earlier
        self._unresolved = earlier.unresolved.complete(self._sender, self._journal)
        return earlier.stored

    def check_server(self) -> None:
        """
        Refuse to send anything where no FHIR server is.

        Raises:
            RejectedError: It has no CapabilityStatement.
        """
        if not self.has_statement:
            raise no_statement(self.client)

    @cached_property
    def _sender(self) -> Sender:
        options = self.options
        link = Link(
            self._new_client,
            known=self.known,
            policy=options.policy,
            tally=self.tally,
            stop=self.stop,
            clock=self._clock,
        )
        return Sender(
            link,
            log=self._journal,
            location=self.index.location,
            claim=self.index.claim,
            look_up=not options.as_is,
            gzip=options.gzip and not is_loopback(self.base_url),
        )

    def run(self, on_entries: Callable[[Sequence[JournalEntry]], None] = lambda _: None) -> Result:
        """
        Send all that was read; what ended it early is in the result.

        Args:
            on_entries: Called with what became of resources, each time some are done.

        Raises:
            FhirCaseError: The journal cannot be written any more.
        """
        self.check_server()
        found = self.read()
        journal, unknown = self._journal, self._earlier.unknown
        loader = Loader(
            self,
            self._sender,
            note=(lambda entries: journal.answered("", entries)) if journal else (lambda _: None),
            on_entries=on_entries,
        )
        self.concurrency = loader.concurrency
        if journal and self.options.placeholders:
            note_awaited(self.index, journal)
        loader.result.note((*unknown, *self._unresolved))
        self.tally.stored(unknown)
        self.tally.open += len(self._unresolved)
        result = loader.run()
        result.earlier -= len(unknown)  # they need not be sent, but it is not known whether they are there
        settled = self.tally.states.total() + result.earlier
        if result.error is None and not self.stop.is_set() and settled != found.resources:
            result.error = FhirCaseError(
                f"of {found.resources} resources it is known of {settled} what became of them",
                where=str(journal.path) if journal else "",
                hint="compare what is stored with verify",
            )
        self._remove_duplicates(found)
        if self._sender.link.request_ids.proven is False and self.tally.states["unknown"]:
            found.warn("the header X-Request-ID does not arrive as it was sent, so that only identifiers tell what a "
                       "request without a response has stored", self.base_url)  # fmt: skip
        wrong = self.tally.states["failed"] or self.tally.states["unknown"] or self.tally.open
        complete = not (wrong or result.error or self.stop.is_set())
        if journal and self.options.placeholders:
            complete = self._look_for_placeholders(journal, found, complete=complete) and complete
        if journal and complete:
            journal.finished(self.tally.to_dict())
        return result

    def _remove_duplicates(self, found: Survey) -> None:
        duplicates = self._sender.remove_duplicates()
        if self._journal and self._earlier.not_done:
            duplicates += remove_earlier(self._earlier.not_done, self._journal.path, self.client)
        if self._journal and duplicates:
            self._journal.duplicates(duplicates)
        left = (str(each["duplicate"]) for each in duplicates if each["state"] == "left")
        found.warn("perhaps stored twice, since the server could not be searched at the end", *left)

    def _look_for_placeholders(self, journal: JournalFile, found: Survey, *, complete: bool) -> bool:
        """Look which placeholders the server has made; return whether that is known."""
        try:
            self.placeholders = look_for_placeholders(self.index, self.client, journal)
        except ServerError as error:
            found.warn("placeholders could not be looked for at the end; the same command does it", str(error))
            return False
        if not complete:  # what was not sent made no placeholder
            self.placeholders.missing = CountedNames()
        elif self.placeholders.missing.count:
            found.warn("referred to, and the server made no placeholder", str(self.placeholders.missing))
        return True

"""Load files: read, plan, go on where an earlier run ended, send."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, Self

from fhir_case.documents import find_documents, read_documents
from fhir_case.documents.files import digest, find_files
from fhir_case.errors import BundleError, FhirCaseError, ServerError
from fhir_case.load.journal.reader import (
    Header,
    JournalFile,
    read_header,
    refuse_what_is_no_journal,
)
from fhir_case.load.plan.plan import check_server, some
from fhir_case.load.run.loader import Loader, Result
from fhir_case.load.run.placeholders import Placeholders, look_for_placeholders, note_awaited
from fhir_case.load.run.resume import read_earlier, settle_earlier
from fhir_case.load.send.duplicates import remove_earlier
from fhir_case.load.send.sender import Sender
from fhir_case.load.send.tally import Tally
from fhir_case.load.survey.dangling import check_leaving
from fhir_case.load.survey.index import Index
from fhir_case.load.survey.jobs import COMFORTABLE, jobs_of_wave
from fhir_case.load.survey.survey import Concern, Rules, Survey, survey
from fhir_case.server.guard import is_loopback
from fhir_case.server.lookup import found_by_id
from fhir_case.server.quirks import Caps, Quirks, quirks_of
from fhir_case.server.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import TracebackType

    from fhir_case.documents import Document
    from fhir_case.fhir.models import FhirVersion
    from fhir_case.load.journal.entry import JournalEntry
    from fhir_case.load.journal.reader import Record
    from fhir_case.load.plan.entry import Ids
    from fhir_case.load.run.concurrency import Gate
    from fhir_case.load.survey.jobs import Job
    from fhir_case.server.client import Client

__all__ = ["STANDARD_INPUT", "FileLoad", "Options"]

STANDARD_INPUT = "standard input"


@dataclass(frozen=True, slots=True)
class Options:
    """
    Say how files are loaded.

    Args:
        fhir: The release of FHIR in which they are written.
        ids: Whether ids that were given are kept, or the server gives its own to all that has an identifier.
        as_is: Whether each transaction and batch is sent exactly as it came.
        caps: Limits that count instead of those that are known of the server.
        merge: Up to which size small transactions are put together.
        concurrency: How many transactions are under way at once; 0 to find it.
        isolate: Whether to send the rest of a Bundle without the entries that the server refuses.
        keep_going: Whether to send the rest when some documents cannot be loaded.
        allow_dangling: Whether to send references to what is neither in the files nor on the server.
        placeholders: Whether the server makes placeholders for these.
        real_patient_data: Whether a server that is not this machine may have what is not labelled as test data.
        pack: Whether large bodies go packed (gzip) to a server that is not this machine.
        policy: How patient to be.
    """

    fhir: str = "R4"
    ids: Ids = "given"
    as_is: bool = False
    caps: Caps | None = None
    merge: Caps = COMFORTABLE
    concurrency: int = 0
    isolate: bool = False
    keep_going: bool = False
    allow_dangling: bool = False
    placeholders: bool = False
    real_patient_data: bool = False
    pack: bool = True
    policy: RetryPolicy = field(default_factory=RetryPolicy)

    def to_dict(self) -> dict[str, Any]:
        """Return what decides which requests are sent."""
        return {"ids": self.ids, "as_is": self.as_is, "merge": self.merge.entries, "caps": str(self.caps or "")}


class FileLoad:
    """
    Load files into one server; a context manager.

    Args:
        paths: Files and directories.
        client: Gives a client for the thread that asks.
        options: How to load them.
        piped: A file that holds what came on standard input; it is loaded after the paths.
        clock: Gives seconds; only the difference of two readings counts.

    Raises:
        FhirCaseError: A file cannot be read.
        ServerError: The server was not reached.
        RejectedError: The server cannot take what would be sent.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        client: Callable[[], Client],
        options: Options | None = None,
        *,
        piped: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.options = options or Options()
        self.stop = Event()
        self.tally = Tally()
        self.placeholders = Placeholders()
        self._make_client = client
        self._clock = clock
        self._piped = piped
        self._stack = ExitStack()
        self.client = self._new_client()
        self.base_url = self.client.base_url
        self._paths = list(dict.fromkeys(file for path in paths for file in find_files(path)))
        self.capabilities = self.client.capabilities()
        check_server(self.capabilities, self.options.fhir)
        self.known: Quirks = quirks_of(self.capabilities, self.options.caps)
        self._rules = Rules(
            capabilities=self.capabilities,
            caps=self.known.caps,
            ids=self.options.ids,
            as_is=self.options.as_is,
            server="" if is_loopback(self.base_url) else self.base_url,
            real_patient_data=self.options.real_patient_data,
            leaves_references=self.known.leaves_references,
        )
        self.index = self._stack.enter_context(Index())
        self._survey: Survey | None = None
        self._journal: JournalFile | None = None
        self._doubtful: tuple[JournalEntry, ...] = ()
        self._open: tuple[JournalEntry, ...] = ()
        self._not_done: list[Record] = []
        self.gate: Gate | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _new_client(self) -> Client:
        client = self._make_client()
        self._stack.callback(client.close)
        return client

    def header(self) -> Header:
        """
        Return what a journal of this load begins with; all files are read for it once.

        Raises:
            FhirCaseError: A file cannot be read.
        """
        inputs = [(str(path), size, sha256) for path, size, sha256 in digest(self._paths)]
        inputs += [(STANDARD_INPUT, size, sha256) for _, size, sha256 in digest([self._piped] if self._piped else [])]
        return Header(self.base_url, self.options.fhir, tuple(inputs), self.options.to_dict(), str(Path.cwd()))

    def read(self) -> Survey:
        """
        Read all files once and find what stands against loading them.

        Raises:
            BundleError: Something cannot be loaded, or refers to what is nowhere; not with the options that allow it.
            ServerError: The server was not reached.
        """
        if self._survey is not None:
            return self._survey
        found = survey(self._files(checked=False), self.index, self._rules)
        self._survey = found
        if found.problems and not self.options.keep_going:
            first = found.problems[0]
            count = len(found.left_out)
            more = f" ({count:,} documents cannot be loaded; this is the first)" if count > 1 else ""
            advice = "--keep-going loads the rest"
            raise BundleError(
                first.message + more, where=first.where, hint=f"{first.hint}; {advice}" if first.hint else advice
            )
        options = self.options
        check_leaving(
            found,
            self.index,
            self.client,
            keep_going=options.keep_going,
            allow_dangling=options.allow_dangling,
            placeholders=options.placeholders,
        )
        return found

    def jobs(self) -> Iterator[tuple[int, Job]]:
        """Return all transactions, each job with its wave; nothing is sent."""
        found = self.read()
        for wave in range(found.waves):
            for job in jobs_of_wave(
                wave, self._files(checked=True), found, self._rules, self.index, merge=self.options.merge
            ):
                yield wave, job

    def open_journal(self, path: Path) -> int:
        """
        Open the journal; go on where it ends, and give how many resources were stored before.

        Raises:
            FhirCaseError: It cannot be written, or belongs to another load.
            ServerError: The server was not reached.
        """
        header = self.header()
        refuse_what_is_no_journal(path)
        self._journal = self._stack.enter_context(JournalFile(path, header))
        _refuse_other(path, read_header(path), header)
        earlier = read_earlier(path, self.index)
        if earlier.last and earlier.last not in found_by_id(self.client, [earlier.last], elements="id").resources:
            raise FhirCaseError(
                f"the server has no {earlier.last} any more, which this journal says is stored there",
                where=str(path),
                hint="begin anew with --restart",
            )
        settle_earlier(
            earlier,
            self._files(checked=True),
            self._rules,
            index=self.index,
            sender=self._sender,
            journal=self._journal,
        )
        self._doubtful = earlier.unknown
        self._not_done = earlier.not_done
        self._open = earlier.unfilled.complete(self._sender, self._journal)
        return earlier.stored

    def check_inputs(self, journal: Path) -> None:
        """
        Refuse a journal of other files, or of files that have changed.

        Raises:
            FhirCaseError: It is, or it cannot be read.
        """
        written, ours = read_header(journal), self.header()
        _refuse_other(journal, Header(written.server, written.fhir, written.inputs, ours.options), ours)

    @cached_property
    def _sender(self) -> Sender:
        return Sender(
            self._new_client,
            known=self.known,
            log=self._journal,
            tally=self.tally,
            place=self.index.place,
            policy=self.options.policy,
            look_up=not self.options.as_is,
            pack=self.options.pack and not is_loopback(self.base_url),
            versions=not self.options.as_is,
            stop=self.stop,
            clock=self._clock,
        )

    def run(self, on_progress: Callable[[], None] = lambda: None) -> Result:
        """
        Send all that was read; what ended it before its end is in the result.

        Raises:
            FhirCaseError: The journal cannot be written any more.
        """
        found = self.read()
        journal = self._journal
        loader = Loader(
            lambda: self._files(checked=True),
            found,
            self._rules,
            self.index,
            self._sender,
            note=(lambda entries: journal.answered("", entries)) if journal else (lambda _: None),
            merge=self.options.merge,
            concurrency=self.options.concurrency,
            isolate=self.options.isolate,
            stop=self.stop,
            on_progress=on_progress,
            clock=self._clock,
        )
        self.gate = loader.gate
        if journal and self.options.placeholders:
            note_awaited(self.index, journal)
        loader.result.failures += (*self._doubtful, *self._open)
        self.tally.stored(self._doubtful)
        self.tally.open += len(self._open)
        result = loader.run()
        result.earlier -= len(self._doubtful)  # they need not be sent, but nobody knows whether they are there
        strays = self._sender.remove_strays()
        if journal and self._not_done:
            strays += remove_earlier(self._not_done, journal.path, self.client)
        if journal and strays:
            journal.note(strays)
        left = (str(each["stray"]) for each in strays if each["state"] == "left")
        found.concern("perhaps stored twice, since the server could not be asked at the end", *left)
        wrong = self.tally.states["failed"] or self.tally.states["unknown"] or self.tally.open
        complete = not (wrong or result.error or self.stop.is_set())
        if journal and self.options.placeholders:
            complete = self._look_for_placeholders(journal, found, complete=complete) and complete
        if journal and complete:
            journal.finished(self.tally.to_dict())
        return result

    def _look_for_placeholders(self, journal: JournalFile, found: Survey, *, complete: bool) -> bool:
        """Look what the server has made of references to what is nowhere; tell whether that is known."""
        try:
            self.placeholders = look_for_placeholders(self.index, self.client, journal)
        except ServerError as error:
            found.concern("placeholders could not be looked for at the end; the same command does it", str(error))
            return False
        if not complete:  # what was not sent made no placeholder
            self.placeholders.missing = Concern()
        elif self.placeholders.missing.count:
            found.concern("referred to, and the server made no placeholder", str(self.placeholders.missing))
        return True

    def _files(self, *, checked: bool) -> Iterator[tuple[str, Iterable[Document]]]:
        fhir: FhirVersion = "R5" if self.options.fhir == "R5" else "R4"
        for path in self._paths:
            yield str(path), find_documents(path, keep_raw=True, checked=checked, fhir=fhir)
        if self._piped is not None:
            yield STANDARD_INPUT, _of_standard_input(self._piped, checked=checked)


def _of_standard_input(piped: Path, *, checked: bool) -> Iterator[Document]:
    with piped.open("rb") as stream:
        yield from read_documents(stream, STANDARD_INPUT, keep_raw=True, checked=checked)


def _refuse_other(path: Path, written: Header, ours: Header) -> None:
    if written == ours:
        return
    if written.inputs != ours.inputs:
        before, now = set(written.inputs), set(ours.inputs)
        changed = sorted({name for name, *_ in before ^ now})
        what = f"the input has changed since this journal was begun: {some(changed)}"
    elif written.server != ours.server or written.fhir != ours.fhir:
        what = f"this journal is about {written.server} and FHIR {written.fhir}"
    else:
        what = "this journal was begun with other options"
    raise FhirCaseError(
        what, where=str(path), hint="give the same again to go on, or begin anew with --restart or another --journal"
    )

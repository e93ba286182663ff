"""Prepare a load: read its inputs and what the server can do, and plan its transactions; nothing is sent."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Self

from fhir_case.errors import BundleError, FhirCaseError
from fhir_case.load.journal.reader import read_header
from fhir_case.load.journal.record import Header
from fhir_case.load.plan.plan import Rules, abbreviated, check_server, entries_of
from fhir_case.load.survey.dangling import check_dangling
from fhir_case.load.survey.index import Index
from fhir_case.load.survey.jobs import jobs_of_level
from fhir_case.load.survey.options import Options
from fhir_case.load.survey.survey import place_of, survey
from fhir_case.readers.table.options import options_in_use
from fhir_case.server.capabilities import UNKNOWN
from fhir_case.server.guard import is_loopback
from fhir_case.server.quirks import quirks_of
from fhir_case.server.statement import capabilities_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

    from fhir_case.documents import Document
    from fhir_case.fhir.models import FhirVersion
    from fhir_case.load.plan.bundle import BundleEntry
    from fhir_case.load.survey.inputs import Inputs
    from fhir_case.load.survey.jobs import Job
    from fhir_case.load.survey.result import Survey
    from fhir_case.server.capabilities import Capabilities
    from fhir_case.server.client import Client

__all__ = ["Preparation", "refuse_other"]

_DECISIVE = {"ids": "given", "as_is": False, "as_resource": False}
"""The options that decide what an entry of a journal means, with their defaults."""


class Preparation:
    """
    The inputs of a load and the server they are for; a context manager.

    Args:
        inputs: What is loaded.
        client: Returns a client for the thread that asks.
        options: How it is loaded.
        capabilities: What the server can do; None to ask it.
        close_clients: Whether to close the clients at the end.

    Raises:
        FhirCaseError: A file cannot be read.
        ServerError: The server was not reached.
        RejectedError: The server cannot take what would be sent.
    """

    def __init__(
        self,
        inputs: Inputs,
        client: Callable[[], Client],
        options: Options | None = None,
        *,
        capabilities: Capabilities | None = None,
        close_clients: bool = True,
    ) -> None:
        self.options = options or Options()
        self._inputs = inputs
        self._make_client = client
        self._close_clients = close_clients
        self._stack = ExitStack()
        self.client = self._new_client()
        self.base_url = self.client.base_url
        self.has_statement = True  # whoever gives capabilities knows the server
        if capabilities is None:
            capabilities = capabilities_of(self.client)
            self.has_statement = capabilities is not UNKNOWN
        check_server(capabilities, self.options.fhir)
        self.known = quirks_of(capabilities, self.options.caps)
        self.rules = Rules(
            capabilities=capabilities,
            caps=self.known.caps,
            ids=self.options.ids,
            as_is=self.options.as_is,
            as_resource=self.options.as_resource,
            whole=self.options.whole,
            base_url=self.base_url,
            server="" if is_loopback(self.base_url) else self.base_url,
            real_patient_data=self.options.real_patient_data,
            leaves_references=self.known.leaves_references,
            release="" if self.options.other_release else capabilities.release,
        )
        self.index = self._stack.enter_context(Index())
        self._survey: Survey | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _new_client(self) -> Client:
        client = self._make_client()
        if self._close_clients:
            self._stack.callback(client.close)
        return client

    def header(self) -> Header:
        """
        Return the header of a journal of this load; all files are read for it once.

        Raises:
            FhirCaseError: A file cannot be read.
        """
        options = self.options
        inputs, led_to = tuple(self._inputs.digests()), self._inputs.led_to()
        data = options_in_use().data if led_to else None
        folder, tables = str(Path.cwd()), str(data) if data else ""
        return Header(self.base_url, options.fhir, inputs, options.to_dict(), folder, led_to, tables)

    def read(self) -> Survey:
        """
        Read all inputs once and find what prevents loading them.

        Raises:
            BundleError: Something cannot be loaded, or has unresolved references; not with the options that allow it.
            ServerError: The server was not reached.
        """
        if self._survey is None:
            self._survey = survey(self.documents(checked=False), self.index, self.rules)
            for reason, names in self._inputs.passed_over.items():
                self._survey.named[f"passed over ({reason})"] = names
            if self._survey.problems and not self.options.keep_going:
                raise self._cannot_be_loaded(self._survey)
            check_dangling(self._survey, self.index, self.client, self.options, place=self._place_of)
        return self._survey

    def _place_of(self, reference: str) -> str:
        """Return the document and entry that has a reference; its file is read again where its plan was not kept."""
        found, number = self.read(), self.index.needed_by(reference)
        if found.plans and number in found.plans:
            kept = found.plans[number]
            return place_of(reference, (entry.original for entry in kept.plan.entries), kept.name)
        for name, documents in self.documents(checked=True):
            first, end = found.files.get(name, (0, 0))
            if first <= number < end:
                document = next(islice(documents, number - first, None), None)
                return place_of(reference, entries_of(document, self.rules)[0], document.name) if document else name
        return ""

    def _cannot_be_loaded(self, found: Survey) -> BundleError:
        first, count = found.problems[0], len(found.left_out)
        if not self._inputs.several:
            return BundleError(first.message, where=first.where, hint=first.hint)
        more = f" ({count:,} documents cannot be loaded; this is the first)" if count > 1 else ""
        advice = "--keep-going loads the rest"
        return BundleError(
            first.message + more, where=first.where, hint=f"{first.hint}; {advice}" if first.hint else advice
        )

    def jobs(self) -> Iterator[tuple[int, Job]]:
        """Return all transactions, each job with its level."""
        found = self.read()
        for level in range(found.levels):
            yield from ((level, job) for job in self.jobs_of_level(level))

    def jobs_of_level(self, level: int, on_earlier: Callable[[int], None] = lambda _: None) -> Iterator[Job]:
        """
        Return the transactions of one level.

        Args:
            on_earlier: Called with how many resources of a document are left out, since an earlier run stored them.
        """
        files = self.documents(checked=True)
        merge = self.options.merge
        return jobs_of_level(level, files, self.read(), self.rules, self.index, merge=merge, on_earlier=on_earlier)

    def originals(self) -> Iterator[BundleEntry]:
        """
        Return the entries of all that is loaded, in the order of the files, which are read again for it.

        Raises:
            FhirCaseError: A file has changed, or cannot be read.
        """
        found = self.read()
        for name, documents in self.documents(checked=True):
            for number, document in enumerate(documents, found.files.get(name, (0, 0))[0]):
                if number not in found.left_out:
                    yield from entries_of(document, self.rules)[0]

    def documents(self, *, checked: bool) -> Iterator[tuple[str, Iterable[Document]]]:
        """Return the name of each file, and its documents; see `FileInputs.documents`."""
        fhir: FhirVersion = "R5" if self.options.fhir == "R5" else "R4"
        return self._inputs.documents(fhir, checked=checked)

    def check_inputs(self, journal: Path) -> None:
        """
        Refuse a journal of other files, or of files that have changed.

        Raises:
            FhirCaseError: It is, or it cannot be read.
        """
        written, ours = read_header(journal), self.header()
        refuse_other(journal, Header(written.server, written.fhir, written.inputs, ours.options), ours)


def refuse_other(path: Path, written: Header, ours: Header) -> None:
    """
    Refuse the journal of another load; how much is sent at once, and how much in parallel, may differ.

    Raises:
        FhirCaseError: Server, release, inputs or options differ.
    """
    others = [name for name, usual in _DECISIVE.items() if _option(written, name, usual) != _option(ours, name, usual)]
    hint = "repeat the same call to resume, or start again with --restart or another --journal"
    if written.inputs != ours.inputs:
        before, now = set(written.inputs), set(ours.inputs)
        changed = sorted({name for name, *_ in before ^ now})
        words = abbreviated(changed) or "its files come in another order"
        what = f"the input has changed since this journal was begun: {words}"
    elif written.server != ours.server or written.fhir != ours.fhir:
        what = f"this journal is about {written.server} and FHIR {written.fhir}"
    elif others:
        begun = ", ".join(_in_words(name, _option(written, name, _DECISIVE[name])) for name in others)
        what = f"this journal was begun {begun}, which decides where each resource is stored and what is sent again"
        hint = (
            f"resume {begun}; or take back what is stored (fhir-case undo {quote(str(path))}), then repeat this "
            "command with --restart"
        )
    else:
        return
    raise FhirCaseError(what, where=str(path), hint=hint)


def _in_words(name: str, value: object) -> str:
    option = f"--{name.replace('_', '-')}"
    return f"with {option} {value}" if isinstance(value, str) else f"{'with' if value else 'without'} {option}"


def _option(header: Header, name: str, usual: object) -> object:
    return header.options.get(name, usual)

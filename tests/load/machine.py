"""A load before a small server on which things go wrong, and what has to hold all the time."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter, deque
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self
from unittest.mock import patch

from fhir_case.errors import FhirCaseError
from fhir_case.load.journal.reader import read_requests
from fhir_case.load.run.load import Load, Options
from fhir_case.load.survey.inputs import FileInputs
from fhir_case.load.undo.undo import Undone, undo
from fhir_case.server.client import Client
from fhir_case.server.quirks import Caps
from load.forms import documents, key_of, keys_of
from load.process import Clock, KilledError, Process, killable
from smallserver import Reply, SmallServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from fhir_case.fhir.wire import Resource
    from fhir_case.load.journal.entry import JournalEntry
    from smallserver import Request

__all__ = ["FAULTS", "World"]

FAULTS = {
    "": "nothing goes wrong",
    "503": "not carried out, 503",
    "500": "not carried out, 500",
    "403": "not carried out, 403",
    "before": "not carried out, the connection is reset",
    "after": "carried out, then the connection is reset",
    "late": "the connection is reset, and it is carried out after the next request",
    "500 after": "carried out, then 500",
    "504 late": "504, and it is carried out after the next request",
    "202": "carried out, and 202 without content",
    "202 late": "202 without content, and it is carried out after the next request",
    "202 before": "202 without content, and it is never carried out",
    "outcome": "carried out, and 200 with an OperationOutcome",
    "304": "carried out, and 304",
    "refused": "carried out, and each entry of the answer is refused",
    "killed before": "the process is killed, nothing is carried out",
    "killed after": "carried out, and the process is killed",
    "killed late": "the process is killed, and it is carried out after the next request",
}
"""What goes wrong with a transaction, each with what that means."""

_STATUSES = (
    {"503": 503, "500": 500, "403": 403, "500 after": 500, "504 late": 504}
    | dict.fromkeys(("202", "202 late", "202 before"), 202)
    | {"304": 304}
)
_OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "information", "code": "informational"}]}


class World:
    """
    A server, somebody else who uses it, and a load with its journal; a context manager.

    Args:
        software: What the server is, or behaves like.
        forms: The forms of the documents that are loaded.
        gateway: ``replaces`` or ``strips`` where something before the server does so to the header X-Request-ID.
        merged: Whether documents may go together.
    """

    def __init__(self, software: str, forms: Sequence[str], *, gateway: str = "", merged: bool = True) -> None:
        self.server = SmallServer.like(software)
        self.documents = documents("r", forms)
        self.keys = keys_of(self.documents)
        self.gateway = gateway
        self.options = Options(concurrency=1, merge=Caps(entries=200 if merged else 1), check_references=False)
        self.faults: deque[str] = deque()
        self.process = Process()
        self.foreign: dict[str, str] = {}  # the version of each resource that somebody stored, or changed
        self.touched: set[str] = set()  # what is ours, and somebody changed or deleted it since
        self.ours: set[str] = set()
        self.written: Counter[str] = Counter()  # how many versions of each resource are of the load
        self.changes: Counter[str] = Counter()  # how many are of somebody else
        self.deleted: set[str] = set()
        self._late: list[Callable[[], Reply]] = []
        self._stack = ExitStack()
        self._numbers = 0

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp())
        self._stack.callback(shutil.rmtree, self.folder)
        for number, document in enumerate(self.documents):
            (self.folder / f"{number}.json").write_text(json.dumps(document))
        self._stack.enter_context(self.server)
        self.server.hook = self._respond
        self._stack.enter_context(patch("fhir_case.server.retry._pause_s", lambda _state: 0.0))
        self.renew()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def renew(self) -> None:
        """Begin another journal."""
        self._numbers += 1
        self.journal = self.folder / f"journal-{self._numbers}.jsonl"
        self.touched.clear()
        self.written.clear()
        self.changes.clear()
        self.deleted.clear()

    def _respond(self, request: Request, _answer: object) -> Reply | None:
        headers = dict(request.headers)
        if self.gateway and "X-Request-ID" in request.headers:
            headers = {name: value for name, value in headers.items() if name.lower() != "x-request-id"}
            headers |= (
                {"x-request-id": f"of-the-gateway-{len(self.server.requests)}"} if self.gateway == "replaces" else {}
            )
            request = replace(request, headers=headers)
        late, self._late = self._late, []
        reply = self._transaction(request) if request.is_transaction else self.server.answer(request)
        for each in late:
            each()
        return reply

    def _transaction(self, request: Request) -> Reply | None:
        if self.process.killed:
            return None
        fault = self.faults.popleft() if self.faults else ""
        reply: Reply | None = None
        if fault.startswith("killed"):
            self.process.killed = True
        if fault.endswith("late"):
            self._late.append(lambda: self._carried_out(request))
        elif not fault.endswith("before") and fault not in ("503", "500", "403"):
            reply = self._carried_out(request)
            if fault == "" or reply.status >= 300:
                return reply
        if fault == "outcome":
            return Reply(200, _OUTCOME)
        if fault == "refused" and reply is not None:
            return Reply(200, {**reply.body, "entry": [{"response": {"status": "422"}}] * len(reply.body["entry"])})
        return Reply(_STATUSES[fault]) if fault in _STATUSES else None

    def _carried_out(self, request: Request) -> Reply:
        before = self.server.versions()
        reply = self.server.answer(request)
        after = self.server.versions()
        self.ours = (self.ours | (after.keys() - before.keys())) & after.keys()
        for name, version in after.items():
            if version != before.get(name):
                self.written[name] += 1
                self.touched.discard(name)
        return reply

    def upload(self, faults: Iterable[str] = (), process: Process | None = None) -> str:
        """Load, or resume; return ``done``, ``killed``, or what was said when it ended early."""
        self.faults = deque(faults)
        self.process = process or Process()
        clock = Clock()
        try:
            with (
                killable(self.process),
                Load(
                    FileInputs([self.folder / f"{n}.json" for n in range(len(self.documents))]),
                    self._client,
                    self.options,
                    clock=clock,
                ) as load,
            ):
                load.stop = clock
                load.read()
                load.open_journal(self.journal)
                result = load.run()
                if self.process.killed:
                    return "killed"
                return f"ended: {result.error}" if result.error else "done"
        except KilledError:
            return "killed"
        except FhirCaseError as error:
            return "killed" if self.process.killed else f"ended: {error}"
        finally:
            self._end()

    def undo(self, faults: Iterable[str] = (), process: Process | None = None) -> tuple[str, list[Undone]]:
        """Undo, and return what `upload` does, and what was left."""
        self.faults = deque(faults)
        self.process = process or Process()
        left: list[Undone] = []
        try:
            with killable(self.process), self._client() as client:
                undo(self.journal, client, lambda found: left.extend(each for each in found if each.state == "left"))
                return "killed" if self.process.killed else "done", left
        except KilledError:
            return "killed", left
        except FhirCaseError as error:
            return "killed" if self.process.killed else f"ended: {error}", left
        finally:
            self._end()

    def _end(self) -> None:
        if not self.process.killed:  # what is late comes at last; of a process that is killed, when another one asks
            late, self._late = self._late, []
            for each in late:
                each()
        self.faults.clear()

    def _client(self) -> Client:
        return Client(self.server.url, timeout_s=(5, 30))

    # what somebody else does

    def somebody_stores(self, resource: Resource) -> None:
        """Store a resource of somebody else."""
        self.server.put(resource)
        name = f"{resource['resourceType']}/{resource['id']}"
        self.foreign[name] = self.server.resources[name]["meta"]["versionId"]

    def somebody_changes(self, name: str) -> None:
        """Change what is there."""
        resource = self.server.resources[name]
        mark = {"url": "urn:somebody", "valueInteger": len(self.server.requests)}
        self.server.put({**resource, "extension": [mark]})
        self.touched.add(name)
        self.changes[name] += 1
        if name in self.foreign:
            self.foreign[name] = self.server.resources[name]["meta"]["versionId"]

    def somebody_deletes(self, name: str) -> None:
        """Delete what is there."""
        del self.server.resources[name]
        self.deleted.add(name)
        self.changes[name] += 1  # an update without an answer is sent again, and puts it there again
        self.ours.discard(name)
        self.foreign.pop(name, None)

    # what is found

    def said(self) -> dict[str, JournalEntry]:
        """Return for each key what the journal says last of it, the best for what several documents share."""
        if not self.journal.exists() or b"\n" not in self.journal.read_bytes():
            return {}
        names = {str(self.folder / f"{number}.json"): number for number in range(len(self.documents))}
        last: dict[tuple[int, int], JournalEntry] = {}
        for record in read_requests(self.journal):
            for entry in record.entries:
                last[names[entry.source], entry.position] = entry
        said = {}
        for key, places in self.keys.items():
            found = [last[place] for place in places if place in last]
            if found:
                said[key] = min(found, key=lambda entry: not entry.confirmed)
        return said

    def stored(self) -> dict[str, list[str]]:
        """Return for each key where we have stored it."""
        found: dict[str, list[str]] = {}
        for name, resource in self.server.resources.items():
            if name in self.ours and (key := key_of(resource)):
                found.setdefault(key, []).append(name)
        return found

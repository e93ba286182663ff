"""
Check many documents, in several processes where that is worth it; the results come in the order of the documents.

Documents go to the processes as bytes, a few at a time, and are read there, since reading takes half as long as
checking. A process that dies takes nothing along: what it was checking is checked again, one by one in a new process,
and what ends that one too is named as not checked.
"""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Self

from fhir_case.documents import Text, unread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fhir_case.documents import Document
    from fhir_case.issues import ValidationResult
    from fhir_case.validation.workers.process import Process

    Check = Callable[[Document | Text], ValidationResult]
    Checked = tuple[Document | Text, ValidationResult]

__all__ = ["MOST_PROCESSES", "Checking", "usable_cores"]

MOST_PROCESSES = 60
"""Windows waits for no more pipes at once."""

_MOST_BY_ITSELF = 8
_WORTH_S = 1.0  # a process takes about as long until it is of use
_SLOW_S = 0.2
_CHUNK_BYTES = 256 * 2**10
_CHUNK_DOCUMENTS = 64
_CHUNKS_A_PROCESS = 4
_BYTES_UNDER_WAY = 64 * 2**20


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(eq=False)
class _Chunk:
    """A few documents, and their results when they are there."""

    documents: list[Document | Text] = field(default_factory=list)
    size: int = 0
    results: list[ValidationResult | None] | None = None

    def add(self, document: Document | Text) -> None:
        self.documents.append(document)
        self.size += _size(document)

    @property
    def full(self) -> bool:
        return self.size >= _CHUNK_BYTES or len(self.documents) >= _CHUNK_DOCUMENTS


class Checking:
    """
    Check documents in this process and in others, which end with the ``with`` block.

    Args:
        check: Checks one document; a function of a module, or a `functools.partial` of one.
        jobs: How many processes check. When absent, one for each usable core, at most eight, and they are started
            only after a second of checks in this process. With 1 there is no other process.
    """

    def __init__(self, check: Check, *, jobs: int | None = None) -> None:
        self._check = check
        self._jobs = min(usable_cores(), _MOST_BY_ITSELF) if jobs is None else jobs
        self._worth_s = _WORTH_S if jobs is None else 0.0
        self._processes: list[Process] = []
        self._busy: dict[Process, _Chunk] = {}
        self._chunks: deque[_Chunk] = deque()  # those whose results were not given yet
        self._waiting: deque[_Chunk] = deque()  # those of them that no process has
        self._no_more_processes = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.end()
        self._processes.clear()

    def results(self, documents: Iterable[Document | Text]) -> Iterator[Checked]:
        """
        Return each document with its result, without keeping either.

        Where documents come more slowly than they are checked, as typed by a person, each is checked here as it comes.
        """
        chunk = _Chunk()
        here_s = 0.0
        for document, waited_s in _timed(documents):
            if self._jobs > 1 and waited_s > _SLOW_S and _is_short(document):
                yield from self._finish(chunk)
                chunk, here_s, self._worth_s = _Chunk(), 0.0, _WORTH_S
            if self._jobs == 1 or here_s < self._worth_s:
                begin = perf_counter()
                result = self._check(document)
                here_s += perf_counter() - begin
                yield document, result
                continue
            chunk.add(document)
            if chunk.full:
                yield from self._hand_on(chunk)
                chunk = _Chunk()
        yield from self._finish(chunk)

    def _finish(self, chunk: _Chunk) -> Iterator[Checked]:
        if chunk.documents:
            yield from self._hand_on(chunk)
        while self._chunks:
            self._step(None)
            yield from self._done()

    def _hand_on(self, chunk: _Chunk) -> Iterator[Checked]:
        """Add a chunk to those under way, and wait for answers until these are few enough."""
        self._chunks.append(chunk)
        self._waiting.append(chunk)
        self._step(0)
        yield from self._done()
        while self._is_too_much():
            self._step(None)
            yield from self._done()

    def _is_too_much(self) -> bool:
        chunks = len(self._chunks)
        size = sum(chunk.size for chunk in self._chunks)
        return chunks > _CHUNKS_A_PROCESS * self._jobs or (chunks > 1 and size > _BYTES_UNDER_WAY)

    def _done(self) -> Iterator[Checked]:
        while self._chunks and self._chunks[0].results is not None:
            chunk = self._chunks.popleft()
            for document, result in zip(chunk.documents, chunk.results or (), strict=True):
                # A check that broke off breaks off here as it would have without other processes.
                yield document, self._check(document) if result is None else result

    def _step(self, timeout_s: float | None) -> None:
        """Hand out what waits, take the answers that are there, wait for one if there is none, and give out again."""
        from multiprocessing.connection import wait

        self._give_out()
        of_connection = {process.connection: process for process in self._processes}
        if of_connection and (timeout_s is not None or self._busy or self._waiting):
            for connection in wait(list(of_connection), timeout_s):
                self._take(of_connection[connection])  # type: ignore[index]
            self._give_out()

    def _give_out(self) -> None:
        while self._waiting:
            process = self._idle()
            if process is not None:
                chunk = self._busy[process] = self._waiting.popleft()
                try:
                    process.send(chunk.documents)
                except OSError:
                    self._lose(process)
            elif self._processes:
                return
            else:
                chunk = self._waiting.popleft()
                chunk.results = [self._check(document) for document in chunk.documents]

    def _idle(self) -> Process | None:
        """Return a process that is ready for work; have one started when there are too few."""
        for process in self._processes:
            if process.ready and process not in self._busy:
                return process
        while len(self._processes) < min(self._jobs, len(self._waiting) + len(self._busy)):
            if self._started() is None:
                break
        return None

    def _started(self) -> Process | None:
        """Start a process; give nothing when the system or the installation does not let us."""
        from fhir_case.validation.workers.process import Process

        if self._no_more_processes:
            return None
        try:
            process = Process(self._check)
        except OSError:
            self._no_more_processes = True
            return None
        self._processes.append(process)
        return process

    def _take(self, process: Process) -> None:
        try:
            answer = process.receive()
        except (EOFError, OSError):
            self._lose(process)
            return
        chunk = self._busy.pop(process, None)
        if chunk is not None:
            chunk.results = answer

    def _lose(self, process: Process) -> None:
        """Go on without a process that has died, and check again what it had."""
        self._processes.remove(process)
        process.end()
        if not process.ready:
            self._no_more_processes = True  # none would come further
        chunk = self._busy.pop(process, None)
        if chunk is not None:
            chunk.results = self._one_by_one(chunk.documents)

    def _one_by_one(self, documents: list[Document | Text]) -> list[ValidationResult | None]:
        """Check documents one at a time in a new process; what ends that one too is said to be not checked."""
        results: list[ValidationResult | None] = []
        process: Process | None = None
        for document in documents:
            process = process or self._ready()
            try:
                results.append(_asked(process, document) if process else self._check(document))
            except (EOFError, OSError):
                results.append(self._check(_not_checked(document)))
                if process:
                    self._lose(process)
                process = None
        return results

    def _ready(self) -> Process | None:
        process = self._started()
        if process is not None:
            try:
                process.receive()
            except (EOFError, OSError):
                self._lose(process)
                return None
        return process


def _asked(process: Process, document: Document | Text) -> ValidationResult | None:
    process.send([document])
    (result,) = process.receive()
    return result


def _not_checked(document: Document | Text) -> Document:
    return unread(
        document.source,
        "this was not checked: the process that checked it ended, twice; it may take more memory than there is",
        document.line,
    )


def _timed(documents: Iterable[Document | Text]) -> Iterator[tuple[Document | Text, float]]:
    """Return each document with the seconds that it was waited for."""
    begin = perf_counter()
    for document in documents:
        yield document, perf_counter() - begin
        begin = perf_counter()


def _size(document: Document | Text) -> int:
    return len(document.content) if isinstance(document, Text) else 0


def _is_short(document: Document | Text) -> bool:
    """Return what takes no time to read or to unpack, unless it has to be waited for."""
    return isinstance(document, Text) and len(document.content) < _CHUNK_BYTES

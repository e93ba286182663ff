"""
Check many documents, in several processes where that is worth it; the results come in the order of the documents.

Documents go to the processes as bytes, a few at a time, and are read there, since reading takes half as long as
checking. When a process dies, the documents it had are checked again, one by one in a new process, and the document
that ends that one too is named as not checked.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Self

from fhir_case.documents import Text, unread
from fhir_case.validation.workers.process import Process, block_interrupts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fhir_case.documents import Document
    from fhir_case.issues import ValidationResult
    from fhir_case.validation.workers.process import Check, Results

    Checked = tuple[Document | Text, ValidationResult]

__all__ = ["MAXIMUM_PROCESSES", "Checking", "usable_cores"]

MAXIMUM_PROCESSES = 60
"""Windows waits for no more pipes at once."""

_DEFAULT_MAXIMUM = 8
_WORTH_S = 1.0  # a process takes about as long until it is of use
_MAX_STARTS = 3
_CHUNK_BYTES = 256 * 2**10
_CHUNK_DOCUMENTS = 64
_CHUNKS_PER_PROCESS = 4
_BYTES_IN_FLIGHT = 64 * 2**20


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
    results: Future[Results] = field(default_factory=Future)

    def add(self, document: Document | Text) -> None:
        self.documents.append(document)
        self.size += len(document.content) if isinstance(document, Text) else 0

    @property
    def full(self) -> bool:
        return self.size >= _CHUNK_BYTES or len(self.documents) >= _CHUNK_DOCUMENTS


class Checking:
    """
    A pool of processes that check documents, each led by a thread; all end with the ``with`` block.

    Args:
        check: Checks one document; a function of a module, or a `functools.partial` of one.
        jobs: How many processes check. When absent, one for each usable core, at most eight, and they are started
            only after a second of checks in this process. With 1 there is no other process.
    """

    def __init__(self, check: Check, *, jobs: int | None = None) -> None:
        self._check = check
        self._jobs = min(usable_cores(), _DEFAULT_MAXIMUM) if jobs is None else jobs
        self._worth_s = _WORTH_S if jobs is None else 0.0
        self._chunks: deque[_Chunk] = deque()  # those whose results were not yielded yet
        self._threads = ThreadPoolExecutor(self._jobs, initializer=block_interrupts)
        self._own = threading.local()  # the process of each thread
        self._lock = threading.Lock()
        self._processes: set[Process] = set()
        self._no_more_processes = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._no_more_processes = True
            for process in self._processes:
                process.kill()
        self._threads.shutdown(cancel_futures=True)
        with self._lock:  # a thread that Ctrl-C kept from the pool's list may still lose its process
            for process in self._processes:
                process.close()
            self._processes.clear()

    def results(self, documents: Iterable[Document | Text]) -> Iterator[Checked]:
        """Yield each document with its result, without keeping either."""
        chunk = _Chunk()
        here_s = 0.0
        for document in documents:
            if self._jobs == 1 or here_s < self._worth_s:
                begin = perf_counter()
                result = self._check(document)
                here_s += perf_counter() - begin
                yield document, result
                continue
            chunk.add(document)
            if chunk.full:
                yield from self._submit(chunk)
                chunk = _Chunk()
        if chunk.documents:
            yield from self._submit(chunk)
        while self._chunks:
            yield from self._next()

    def _submit(self, chunk: _Chunk) -> Iterator[Checked]:
        """Add a chunk to those in flight, and yield results until these are few enough."""
        chunk.results = self._threads.submit(self._in_a_process, chunk.documents)
        self._chunks.append(chunk)
        while self._chunks and (self._chunks[0].results.done() or self._is_too_much()):
            yield from self._next()

    def _is_too_much(self) -> bool:
        size = sum(chunk.size for chunk in self._chunks)
        return len(self._chunks) > _CHUNKS_PER_PROCESS * self._jobs or (
            len(self._chunks) > 1 and size > _BYTES_IN_FLIGHT
        )

    def _next(self) -> Iterator[Checked]:
        chunk = self._chunks.popleft()
        for document, result in zip(chunk.documents, chunk.results.result(), strict=True):
            # An exception in a check is raised here, where it would have been without other processes.
            yield document, self._check(document) if result is None else result

    def _in_a_process(self, documents: list[Document | Text]) -> Results:
        """Return the results from the process of this thread; after its death, each from a new process."""
        try:
            return self._ask(documents)
        except (EOFError, OSError):
            return [self._alone(document) for document in documents]

    def _alone(self, document: Document | Text) -> ValidationResult | None:
        try:
            return self._ask([document])[0]
        except (EOFError, OSError):
            return self._check(_not_checked(document))

    def _ask(self, documents: list[Document | Text]) -> Results:
        """
        Return what the process of this thread answers; without one, None for each document.

        Raises:
            EOFError, OSError: It died while it checked.
        """
        process = getattr(self._own, "process", None) or self._start()
        if process is None:
            return [None] * len(documents)
        try:
            return process.check(documents)
        except (EOFError, OSError):
            self._lose(process)
            raise

    def _start(self) -> Process | None:
        """Start a process for this thread; return None when the system or the installation does not allow it."""
        for _ in range(_MAX_STARTS):
            with self._lock:  # one at a time: multiprocessing keeps a list of all
                if self._no_more_processes:
                    return None
                try:
                    process = Process(self._check)
                except OSError:
                    break
                self._processes.add(process)
            try:
                process.wait_until_ready()
            except (EOFError, OSError):
                self._lose(process)
                continue
            self._own.process = process
            return process
        self._no_more_processes = True
        return None

    def _lose(self, process: Process) -> None:
        self._own.process = None
        with self._lock:
            self._processes.discard(process)
            process.close()


def _not_checked(document: Document | Text) -> Document:
    return unread(
        document.source,
        "this was not checked: the process that checked it ended, twice; it may take more memory than there is",
        document.line,
    )

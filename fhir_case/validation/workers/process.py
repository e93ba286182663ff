"""
One process that checks the documents it is sent and answers with what it found.

Each process has a pipe of its own. In a `concurrent.futures.ProcessPoolExecutor` all answer through one pipe, and its
reader waits for ever when a process is killed while it writes there.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
from multiprocessing import get_context, parent_process, resource_tracker
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.connection import Connection

    from fhir_case.documents import Document, Text
    from fhir_case.issues import ValidationResult

    Check = Callable[[Document | Text], ValidationResult]

__all__ = ["Process"]


class Process:
    """
    Start a process that checks, and talk with it. It ends with `end`, or when the process that started it ends.

    Args:
        check: Checks one document; a function of a module, or a `functools.partial` of one.

    Raises:
        OSError: The system starts no further process.
    """

    def __init__(self, check: Check) -> None:
        # New processes on every system: a copy of a process that has threads may hang.
        context = get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.ready = False
        self._process = context.Process(target=_serve, args=(theirs, check, gc.get_threshold()), daemon=True)
        try:
            with _without_interrupts():
                self._process.start()
        except OSError:
            self.connection.close()
            raise
        finally:
            theirs.close()

    def send(self, documents: Sequence[Document | Text]) -> None:
        """
        Hand on documents. It must have answered those before.

        Raises:
            OSError: It has ended.
        """
        self.connection.send(documents)

    def receive(self) -> list[ValidationResult | None]:
        """
        Wait for its answer: first nothing, when it is ready; then a result for each document.

        There is none for a document whose check broke off with an exception.

        Raises:
            EOFError, OSError: It has ended.
        """
        answer: list[ValidationResult | None] = self.connection.recv()
        self.ready = True
        return answer

    def end(self) -> None:
        """End it at once, whatever it does."""
        self._process.kill()
        self._process.join()
        self.connection.close()


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Have a process start with Ctrl-C blocked, so that it never writes where it was; here it comes a little later."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # which would lift the block
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(connection: Connection, check: Check, collections: tuple[int, int, int]) -> None:
    """Answer until the other end of the pipe is closed. What goes wrong here is for the other end to tell."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.set_threshold(*collections)
    Thread(target=_end_with_parent, daemon=True).start()
    with contextlib.suppress(Exception):
        connection.send([])
        while True:
            connection.send([_checked(check, document) for document in connection.recv()])


def _checked(check: Check, document: Document | Text) -> ValidationResult | None:
    try:
        return check(document)
    except Exception:  # the check is made once more where this can be told
        return None


def _end_with_parent() -> None:
    """End in the middle of a check too, when the process that started this one was killed."""
    parent = parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)

"""
One process that checks the documents it is sent and answers with the results, over a pipe of its own.

In the pools of concurrent.futures and loky all processes answer through one pipe, and its reader waits for ever when
one of them is killed while it writes there; pebble stops its whole pool when an idle process is killed.
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
    from collections.abc import Callable, Sequence
    from multiprocessing.connection import Connection

    from fhir_case.documents import Document, Text
    from fhir_case.issues import ValidationResult

    Check = Callable[[Document | Text], ValidationResult]
    Results = list[ValidationResult | None]
    """One for each document; None for a document whose check raised an exception, or that was not checked."""

__all__ = ["Process", "block_interrupts"]


class Process:
    """
    A process that checks. It ends with `kill`, or when the process that started it ends.

    Args:
        check: Checks one document; a function of a module, or a `functools.partial` of one.

    Raises:
        OSError: The system starts no further process.
    """

    def __init__(self, check: Check) -> None:
        # Not forked: a copy of a process that has threads may hang.
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, check, gc.get_threshold()), daemon=True)
        try:
            self._process.start()
        except OSError:
            self._connection.close()
            raise
        finally:
            theirs.close()

    def wait_until_ready(self) -> None:
        """
        Wait for the first answer, which has no results.

        Raises:
            EOFError, OSError: It has ended.
        """
        self._connection.recv()

    def check(self, documents: Sequence[Document | Text]) -> Results:
        """
        Return the results of some documents.

        Raises:
            EOFError, OSError: It has ended.
        """
        self._connection.send(documents)
        results: Results = self._connection.recv()
        return results

    def kill(self) -> None:
        """End it at once, whatever it does."""
        self._process.kill()

    def close(self) -> None:
        """End it, wait until it has ended, and close the pipe."""
        self._process.kill()
        self._process.join()
        self._connection.close()


def block_interrupts() -> None:
    """Block Ctrl-C in this thread and in the processes it starts, so that none prints a traceback while it starts."""
    if hasattr(signal, "pthread_sigmask"):
        resource_tracker.ensure_running()  # its start would lift the block
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _serve(connection: Connection, check: Check, collections: tuple[int, int, int]) -> None:
    """Answer until the other end of the pipe is closed. An exception in a check is raised at the other end."""
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
    except Exception:  # the check is repeated at the other end, which reports it
        return None


def _end_with_parent() -> None:
    """End in the middle of a check too, when the process that started this one was killed."""
    parent = parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)

"""A process that can be killed at each write of its journal, whose disk may be full, and that waits in no time."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from fhir_case.load.journal import writer

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Clock", "KilledError", "Process", "killable"]


class KilledError(BaseException):
    """The process is no more."""


class Process:
    """
    What writes journals, in place of the module `os`; nothing is written once it is killed.

    Args:
        writes: After so many writes it is killed; None for never.
        kept: The share of the last one of them that reaches the disk.
        full: Whether the disk is full then instead.
    """

    def __init__(self, writes: int | None = None, *, kept: float = 0.0, full: bool = False) -> None:
        self._left = writes
        self._kept = kept
        self._full = full
        self.killed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def write(self, file: int, data: bytes) -> int:
        """Write to a file, as long as there is a process."""
        if self.killed:
            raise KilledError
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                return self._end(file, data)
        return os.write(file, data)

    def _end(self, file: int, data: bytes) -> int:
        kept = data[: int(len(data) * self._kept)]
        self._kept = 0.0  # what follows finds no room at all
        if not self._full:
            self.killed = True
            os.write(file, kept)
            raise KilledError
        if not kept:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return os.write(file, kept)


@contextmanager
def killable(process: Process) -> Iterator[Process]:
    """Let a process write the journals of this one."""
    with patch.object(writer, "os", process):
        yield process


class Clock(Event):
    """Time that passes when somebody waits, and only then; it is what stops a load, too."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def __call__(self) -> float:
        """Return the seconds since the begin."""
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        """Let the time pass at once."""
        self.now += timeout or 0.0
        return self.is_set()

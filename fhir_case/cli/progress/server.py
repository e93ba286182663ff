"""Progress of the start of a Java program, on standard error."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from fhir_case.cli.output import is_quiet, live_console, shown_line
from fhir_case.java.events import Event, Listener, silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

__all__ = ["lines", "listener"]

_LINES_INTERVAL_S = 30


@contextlib.contextmanager
def listener() -> Iterator[Listener]:
    """
    Return a listener for `HapiServer` and `Hl7Engine`; its output is removed when the context ends.

    On a terminal: a progress bar for the download, and one changing line for the rest. Elsewhere: one line a step.
    The step ``ready`` is reported by the command. With ``--quiet`` there is none.
    """
    if is_quiet():
        yield silent
        return
    console = live_console()
    if not console.is_terminal:
        yield lines(lambda line: console.print(line, soft_wrap=True, emoji=False))
        return
    terminal = _Terminal(console)
    try:
        yield terminal.show
    finally:
        terminal.clear()


def lines(write: Callable[[str], None]) -> Listener:
    """Return a listener that writes a line for each step, and every half a minute how long the start has taken."""
    return _Lines(write).show


class _Lines:
    """One line for each step."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._last = Event("stop")

    def show(self, event: Event) -> None:
        line, last = _line(event), self._last
        same = (event.step, event.text) == (last.step, last.text)
        waiting = event.step == "start" and same and event.done - last.done < _LINES_INTERVAL_S
        if line and line != _line(last) and not waiting:
            self._last = event
            self._write(line)


class _Terminal:
    """The current step on a terminal."""

    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

        bar = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        self._download = Progress(*bar, console=console, transient=True)
        self._status = console.status("")

    def show(self, event: Event) -> None:
        if event.step == "download":
            self._status.stop()
            if not self._download.tasks:
                self._download.add_task(_line(event), total=event.total)
                self._download.start()
            self._download.update(self._download.task_ids[0], completed=event.done)
            return
        self._download.stop()
        from rich.text import Text

        line = _line(event)
        if line:
            self._status.update(Text(line))
            self._status.start()
        else:
            self._status.stop()

    def clear(self) -> None:
        self._download.stop()
        self._status.stop()


def _line(event: Event) -> str:
    line = {
        "wait": f"Waiting: {event.text}",
        "download": f"Downloading {event.text}, only once ({event.total / 1e6:.0f} MB)",
        "compile": f"Compiling {event.text}, only once",
        "prepare": f"Preparing {event.text}",
        "start": f"Starting {event.text}" + (f", {event.done} s" if event.done else ""),
        "package": f"Installed package {event.done} of {event.total}: {event.text}",
        "ready": "",
        "stop": f"Stopping {event.text}",
    }[event.step]
    return shown_line(line)

"""One Java process of the embedded server: its command line, its life, what it tells."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import time
import weakref
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from fhir_case.errors import CheckerError
from fhir_case.server.hapi.events import Event, Listener
from fhir_case.server.hapi.program import MAIN_CLASS, class_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fhir_case.server.hapi.installation import Installation
    from fhir_case.server.hapi.options import Options

__all__ = ["ASKED_TO_END", "Ready", "end", "launch", "log_end", "wait_until_ready"]

# the exit codes of a Java whose lifeline or parent ended it, or that got SIGTERM (by system)
ASKED_TO_END = frozenset({0, 143, -15, 15})

_POLL_S = 0.05
_LAST_LINES = 15
_CAUSES = 3
_TOLD = re.compile(r"^(READY|PACKAGE|FAILED) (.+)$", re.MULTILINE)
_TERMINATED_S, _KILLED_S = 10, 10

# Start and short loads are what it is for: the second compiler and the parallel collector cost more than they bring.
_JVM = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Dfile.encoding=UTF-8")


@dataclass(frozen=True, slots=True)
class Ready:
    """
    Hold what a server tells when it is ready.

    Args:
        port: The port it listens on.
        seconds: From the start of the process to then.
    """

    port: int
    seconds: float


def launch(
    installed: Installation,
    options: Options,
    log: Path,
    *,
    extra: Sequence[str],
    environment: Mapping[str, str],
    lifeline: bool,
) -> subprocess.Popen[bytes]:
    """
    Start the process and do not wait.

    It is the head of a session of its own, so that Ctrl-C in the terminal does not reach it before its owner has
    decided. With ``lifeline`` it ends when its standard input does: also when its owner is killed.

    Raises:
        CheckerError: The process could not be started.
    """
    arguments = installed.folder / f"{installed.program}.arguments"
    # relative to the folder: short, and no character in it needs care
    text = f"-cp\n{os.pathsep.join((installed.program, class_path(installed.jars)))}\n"
    if not arguments.exists() or arguments.read_text("ascii") != text:
        arguments.write_text(text, "ascii")
    command = [str(installed.java.executable), f"-Xmx{options.heap}", *_JVM, *extra, *options.properties()]
    if lifeline:
        command.append("-Dfhircase.lifeline=stdin")
    command += [f"@{arguments.name}", MAIN_CLASS]
    try:
        with log.open("ab") as out:
            process = subprocess.Popen(
                command,
                cwd=installed.folder,
                env=dict(environment),
                stdin=subprocess.PIPE if lifeline else subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        if process.stdin and hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=partial(_let_go, weakref.ref(process)))
    except OSError as error:
        raise CheckerError(f"Java could not be started: {error}", where=str(installed.java.executable)) from error
    return process


def _let_go(process: weakref.ref[subprocess.Popen[bytes]]) -> None:
    """Close the lifeline in a forked child of its owner: held there, it would outlive the owner."""
    held = process()
    if held and held.stdin:
        with contextlib.suppress(OSError):
            held.stdin.close()


def wait_until_ready(
    process: subprocess.Popen[bytes], options: Options, log: Path, *, timeout_s: float, listener: Listener
) -> Ready:
    """
    Read the log until the server is ready.

    Raises:
        CheckerError: It ended, or was not ready in time; with the end of its log.
    """
    start = time.monotonic()
    told = 0
    while True:
        ended = process.poll() is not None  # before reading, so that the last words are read
        lines = _TOLD.findall(log.read_text("utf-8", "replace"))
        for word, rest in lines[told:]:
            if word == "READY":
                return Ready(int(rest.split()[0]), time.monotonic() - start)
            if word == "FAILED":
                raise _failed(rest, options, log)
            told += 1
            listener(Event("package", told, len(options.packages), rest.split()[0]))
        if ended:
            raise _failed("other", options, log)
        if time.monotonic() - start > timeout_s:
            raise CheckerError(
                f"the embedded server was not ready within {timeout_s:.0f} seconds\n{log_end(log)}",
                where=str(log),
            )
        time.sleep(_POLL_S)


def end(process: subprocess.Popen[bytes], *, patience_s: float) -> None:
    """End the process: by its lifeline, else by a request, else by force, with so many seconds for the first."""
    if process.stdin:
        with contextlib.suppress(OSError):
            process.stdin.close()
        if _ended(process, patience_s):
            return
    process.terminate()
    if not _ended(process, _TERMINATED_S):
        process.kill()
        _ended(process, _KILLED_S)


def _ended(process: subprocess.Popen[bytes], patience_s: float) -> bool:
    try:
        process.wait(patience_s)
    except subprocess.TimeoutExpired:
        return False
    return True


def log_end(log: Path, lines: int = _LAST_LINES) -> str:
    """Give the last lines of a log, without those that only say where in the code it was."""
    try:
        text = log.read_text("utf-8", "replace")
    except OSError:
        return ""
    telling = [line for line in text.splitlines() if not line.startswith(("\tat ", "\t... ", "FAILED "))]
    return "\n".join(line[:400] for line in telling[-lines:])


def _failed(reason: str, options: Options, log: Path) -> CheckerError:
    if reason == "port":
        return CheckerError(
            f"port {options.port} of {options.host} is taken", hint="choose another port; 0 takes a free one"
        )
    if reason == "in-use":
        hint = "stop that server, or choose another folder"
        return CheckerError("another process uses this database", where=str(options.data), hint=hint)
    if reason == "database":
        told = log_end(log, _CAUSES)
        return CheckerError(
            f"the database cannot be opened (whole log: {log}):\n{told}\n",
            where=str(options.data),
            hint="choose another folder, or put a good copy of the database there",
        )
    if reason == "memory":
        hint = f"give it more memory than {options.heap}"
        return CheckerError("the embedded server ran out of memory", where=str(log), hint=hint)
    return CheckerError(f"the embedded server ended before it was ready:\n{log_end(log)}", where=str(log))

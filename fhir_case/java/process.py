"""One Java process: its command line, its status lines, its log, its end."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import tempfile
import time
import weakref
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fhir_case.errors import CheckerError
from fhir_case.java.program import class_path

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from fhir_case.java.installation import Installation
    from fhir_case.java.patience import Patience

__all__ = ["ASKED_TO_END", "end", "launch", "let_live", "log_end", "new_log", "status_lines"]

# the exit codes of a Java whose lifeline or parent ended it, or that got SIGTERM (by system)
ASKED_TO_END = frozenset({0, 143, -15, 15})

_POLL_S = 0.05
_LAST_LINES = 15
_LOGS_KEPT = 20
_STATUS = re.compile(r"^(READY|PACKAGE|PHASE|FAILED) (.+)$", re.MULTILINE)
_END_S = 15.0
_LIVE = b"L"  # what Lifeline.java reads as permission to live on

# Start and short loads are what it is for: the second compiler and the parallel collector cost more than they bring.
_JVM = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Dfile.encoding=UTF-8")


def launch(
    installed: Installation,
    log: Path,
    *,
    heap: str,
    options: Sequence[str],
    environment: Mapping[str, str],
    lifeline: int | None,
    held: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """
    Start the process and do not wait.

    It is the head of a session of its own, so that Ctrl-C in the terminal does not reach it before its owner has
    decided.

    Args:
        lifeline: Its standard input, with whose end it ends: ``subprocess.PIPE``, which also ends when this process is
            killed, or a file descriptor; None: it has none, and outlives this process.
        held: File descriptors that it holds open until it ends.

    Raises:
        CheckerError: The process could not be started.
    """
    arguments = installed.folder / f"{installed.classes}.arguments"
    # relative to the folder: short, and no character in it needs care
    text = f"-cp\n{os.pathsep.join((installed.classes, class_path(installed.program, installed.jars)))}\n"
    if not arguments.exists() or arguments.read_text("ascii") != text:
        arguments.write_text(text, "ascii")
    command = [str(installed.java.executable), f"-Xmx{heap}", *_JVM, *options]
    if lifeline is not None:
        command.append("-Dfhircase.lifeline=stdin")
    command += [f"@{arguments.name}", installed.program.main_class]
    try:
        with log.open("ab") as out:
            process = subprocess.Popen(
                command,
                cwd=installed.folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL if lifeline is None else lifeline,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=held,
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


def let_live(process: subprocess.Popen[bytes]) -> None:
    """
    Let a process outlive this one, though it was started with a lifeline.

    Raises:
        CheckerError: It has just ended.
    """
    assert process.stdin  # noqa: S101 - its lifeline
    try:
        process.stdin.write(_LIVE)
        process.stdin.close()
    except OSError as error:
        raise CheckerError("the program ended as soon as it was ready") from error


def status_lines(
    process: subprocess.Popen[bytes],
    log: Path,
    *,
    patience: Patience,
    title: str,
    hint: str = "",
    on_second: Callable[[int], None] = lambda _: None,
) -> Iterator[tuple[str, str]]:
    """
    Return the status lines that a starting process prints, each a word and the rest, and ``FAILED other`` when it ends.

    Args:
        patience: How long it may take.
        hint: What to do where it takes too long.
        on_second: Called about each second, with how many have passed.

    Raises:
        CheckerError: It takes too long; with the end of its log.
    """
    start = time.monotonic()
    seen = seconds = 0
    while True:
        ended = process.poll() is not None  # before reading, so that its last lines are read
        lines = _STATUS.findall(log.read_text("utf-8", "replace"))
        yield from lines[seen:]
        seen = len(lines)
        if ended:
            yield "FAILED", "other"
            return
        passed_s = time.monotonic() - start
        if int(passed_s) > seconds:
            seconds = int(passed_s)
            on_second(seconds)
            if patience.is_over(passed_s, _processor_s(process.pid)):
                message = f"{title} was not ready {patience}\n{log_end(log)}\n"
                raise CheckerError(message, where=str(log), hint=hint)
        time.sleep(_POLL_S)


def _processor_s(pid: int) -> float:
    """Return the processor time that a process has used; 0 where the system does not say."""
    import psutil

    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def end(process: subprocess.Popen[bytes], *, patience_s: float = _END_S) -> None:
    """End a process: by the end of its input, else by a request, else by force, with so many seconds for each."""
    if process.stdin:
        with contextlib.suppress(OSError):
            process.stdin.close()
    else:
        process.terminate()
    for ask in (process.terminate, process.kill, None):
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            if ask:
                ask()
        else:
            return


def log_end(log: Path, lines: int = _LAST_LINES) -> str:
    """Return the last lines of a log, without those that only say where in the code it was."""
    try:
        text = log.read_text("utf-8", "replace")
    except OSError:
        return ""
    kept = [line for line in text.splitlines() if not line.startswith(("\tat ", "\t... ", "FAILED "))]
    return "\n".join(line[:400] for line in kept[-lines:])


def new_log(folder: Path, name: str, *, in_use: Collection[str] = ()) -> Path:
    """Return a new empty log file NAME-….log, and remove the oldest ones that are not in use."""
    folder.mkdir(parents=True, exist_ok=True)
    logs = sorted(folder.glob(f"{name}-*.log"), key=lambda file: file.stat().st_mtime)
    for file in logs[:-_LOGS_KEPT]:
        if str(file) not in in_use:
            file.unlink(missing_ok=True)
    handle, path = tempfile.mkstemp(".log", f"{name}-", folder)
    os.close(handle)
    return Path(path)

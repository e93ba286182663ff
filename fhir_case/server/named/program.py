"""Run a program that serves FHIR on this machine, as long as it is needed; it prints its base URL first."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from fhir_case.errors import CheckerError, ServerError
from fhir_case.java.process import end, log_end
from fhir_case.server.guard import checked_base_url
from fhir_case.server.outcome import page_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import psutil

__all__ = ["program"]

_LOOK_S = 0.05
_END_S = 5.0
_LAST_LINES = 10
_LONGEST_LINE = 10_000


@contextlib.contextmanager
def program(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], *, where: str, timeout_s: float
) -> Iterator[str]:
    """
    Return the base URL of a program that runs as long as this context.

    It ends when its standard input does, which also happens when this process is killed; where it does not, it gets
    SIGTERM, and what it has started as well.

    Args:
        command: The program and its arguments; a path counts from ``folder``, a mere name is looked for in PATH.
        folder: Where it runs.
        environment: All variables that it gets.
        where: The entry that names it, for an error.
        timeout_s: How long it may take until it prints its base URL, the first line of its output.

    Raises:
        CheckerError: It could not be started, ended, or printed no base URL in time; with the end of its error output.
    """
    with TemporaryDirectory(prefix="fhir-case-", ignore_cleanup_errors=True) as scratch:
        output, errors = Path(scratch) / "output", Path(scratch) / "errors"
        with output.open("wb") as out, errors.open("wb") as err:
            process = _launch(command, folder, environment, (out.fileno(), err.fileno()), where)
        try:
            yield _base_url(process, output, errors, where=where, timeout_s=timeout_s)
        finally:
            _end(process)


def _launch(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], out: tuple[int, int], where: str
) -> subprocess.Popen[bytes]:
    name = command[0]
    is_path = "/" in name or os.sep in name
    try:
        return subprocess.Popen(
            [str(folder / name) if is_path else name, *command[1:]],  # not all systems look for it in cwd
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=out[0],
            stderr=out[1],
            start_new_session=True,  # Ctrl-C in the terminal is not for it: it is ended regularly
        )
    except OSError as error:
        hint = f"a path counts from {folder}" if is_path else "install it, or write its path"
        raise CheckerError(f"'{name}' cannot be run: {error.strerror or error}", where=where, hint=hint) from None


def _base_url(process: subprocess.Popen[bytes], output: Path, errors: Path, *, where: str, timeout_s: float) -> str:
    """Wait for the first line of output."""
    start = time.monotonic()
    while True:
        ended = process.poll() is not None  # before reading, so that its last lines are read
        with output.open("rb") as printed:
            line, complete, _ = printed.read(_LONGEST_LINE).partition(b"\n")
        text = line.decode(errors="replace").strip()
        if complete:
            try:
                return checked_base_url(text)
            except ServerError as error:
                raise CheckerError(
                    f"the first line of its output is not its base URL: '{page_text(text)}'",
                    where=where,
                    hint=error.hint,
                ) from None
        if ended:
            raise CheckerError(
                f"it ended with exit code {process.returncode} before it printed its base URL{_last_lines(errors)}",
                where=where,
            )
        if time.monotonic() - start > timeout_s:
            raise CheckerError(
                f"it did not print its base URL within {timeout_s:g} s{_last_lines(errors)}",
                where=where,
                hint="it has to be the first line of its output; start_timeout_s allows more time",
            )
        time.sleep(_LOOK_S)


def _last_lines(errors: Path) -> str:
    lines = log_end(errors, _LAST_LINES)
    return f"; its error output:\n{lines}\n" if lines else ""


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program, and then what it has started."""
    import psutil

    children: list[psutil.Process] = []
    with contextlib.suppress(psutil.Error):
        children = psutil.Process(process.pid).children(recursive=True)
    end(process, patience_s=_END_S)
    for ask in (psutil.Process.terminate, psutil.Process.kill):
        children = [child for child in children if child.is_running()]
        for child in children:
            with contextlib.suppress(psutil.Error):
                ask(child)
        psutil.wait_procs(children, timeout=_END_S)

"""What the scenarios share: a row, a command in a process of its own, sums of counts."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .running import TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from .counting import Counts, Data

__all__ = ["MIXED", "ONCE", "Scenario", "added", "started", "upload_command"]

MIXED = ("create by condition", "across", "update", "across", "create", "across", "update by condition", "across")
ONCE = ("create by condition", "update", "update by condition", "update", "create by condition", "update by condition")
"""Documents that are stored once, however often and by whomever they are loaded."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """
    One row of the table of scenarios.

    Args:
        words: What happens.
        run: Does it on the server of a base URL, in an empty folder, from a seed.
    """

    words: str
    run: Callable[[str, Path, int], Counts]


def upload_command(data: Data, url: str, journal: Path) -> list[str]:
    """Return the arguments of the command that loads some data."""
    timeouts = ["--timeout", str(TIMEOUT_S[1]), "--retry-for", "40", "--settle-for", "2"]
    files = [str(file) for file in data.files]
    return ["upload", *files, "--server", url, "--journal", str(journal), "--merge", "6", "--quiet", *timeouts]


def started(arguments: Iterable[str], *, code: str = "", **options: Any) -> subprocess.Popen[str]:
    """
    Start a command of fhir-case in a process of its own.

    Args:
        code: What this process does before.
    """
    if not code:
        command = [sys.executable, "-m", "fhir_case", *arguments]
    else:
        last = "import sys; from fhir_case.cli import main; main(sys.argv[1:])"
        command = [sys.executable, "-c", f"{code}\n{last}", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)


def added(total: Counts, more: Counts) -> None:
    """Add the counts of one more load."""
    for name in ("resources", "lost", "doubled", "unknown", "failed", "hits", "runs"):
        setattr(total, name, getattr(total, name) + getattr(more, name))
    total.details += more.details

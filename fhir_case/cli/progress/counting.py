"""Progress of what is counted, on standard error: a changing line on a terminal, a line every ten seconds elsewhere."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from fhir_case.cli.output import echo_notice, echo_progress, is_quiet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["counting"]

_TERMINAL_INTERVAL_S = 0.2
_LINES_INTERVAL_S = 10.0


@contextmanager
def counting(total: int, what: str) -> Iterator[Callable[[int], None]]:
    """
    Return the function to call with how many are done, from time to time.

    Args:
        total: How many there will be.
        what: What they are, for example ``patients``.
    """
    if is_quiet():
        yield lambda _: None
        return
    terminal = sys.stderr.isatty()
    every = _TERMINAL_INTERVAL_S if terminal else _LINES_INTERVAL_S
    begin = last = time.monotonic()
    first: int | None = None
    shown = False

    def show(done: int) -> None:
        nonlocal last, first, shown
        now = time.monotonic()
        first = done if first is None else first
        if now - last < every or done == first:
            return
        last, shown = now, True
        rate = (done - first) / (now - begin) if now > begin else 0.0
        left = f", {timedelta(seconds=round((total - done) / rate))} to go" if rate and done < total else ""
        echo_progress(f"{done:,} of {total:,} {what}, {rate:,.1f} per second{left}", live=terminal)

    try:
        yield show
    finally:
        if terminal and shown:
            echo_notice("")

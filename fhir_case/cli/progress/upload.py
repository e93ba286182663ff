"""Progress of an upload, on standard error: a changing line on a terminal, a line every ten seconds elsewhere."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from fhir_case.cli.output import echo_notice, echo_progress, is_quiet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from fhir_case.load.run.load import Load

__all__ = ["progress"]

_TERMINAL_INTERVAL_S = 0.2
_LINES_INTERVAL_S = 10.0


@contextmanager
def progress(load: Load) -> Iterator[Callable[[Any], None]]:
    """Return the function to call each time resources are done."""
    if is_quiet():
        yield lambda _: None
        return
    terminal = sys.stderr.isatty()
    begin = last = time.monotonic()
    every = _TERMINAL_INTERVAL_S if terminal else _LINES_INTERVAL_S
    total = load.read().resources

    def show(_: Any = (), *, end: bool = False) -> None:
        nonlocal last
        now = time.monotonic()
        if not end and now - last < every:
            return
        last = now
        line = _line(load, total, now - begin)
        echo_progress(line, live=terminal)

    try:
        yield show
    finally:
        if terminal:
            show(end=True)
            echo_notice("")


def _line(load: Load, total: int, seconds: float) -> str:
    done = load.tally.states.total()
    rate = done / seconds if seconds > 0 else 0.0
    parts = [f"{done:,} of {total:,} resources", f"{rate:,.0f} per second", f"{load.tally.retries.total():,} retries"]
    if load.concurrency is not None:
        parts.append(f"{load.concurrency.limit} in parallel")
    if rate and done < total:
        parts.append(f"{timedelta(seconds=round((total - done) / rate))} to go")
    return ", ".join(parts)

"""Time actions side by side, and print what came out."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["interleaved", "show"]


def interleaved(runs: int, *actions: Callable[[], None], processor_time: bool = False) -> list[list[float]]:
    """
    Time each action in turn, again and again, so that a slower moment of the machine meets all of them.

    Args:
        runs: How often each is timed.
        actions: What is timed.
        processor_time: Whether the time of this process counts, which others on the machine change less.
    """
    clock = time.process_time if processor_time else time.perf_counter
    seconds: list[list[float]] = [[] for _ in actions]
    for run in range(runs + 1):
        for times, action in zip(seconds, actions, strict=True):
            begin = clock()
            action()
            if run:  # the first warms up
                times.append(clock() - begin)
    return seconds


def show(name: str, seconds: Sequence[float], *, unit: str = "ms", factor: float = 1000) -> None:
    """Print minimum, median and maximum."""
    low, middle, high = (factor * value for value in (min(seconds), statistics.median(seconds), max(seconds)))
    print(f"{name:<28} min {low:8.1f}  median {middle:8.1f}  max {high:8.1f} {unit}  ({len(seconds)} runs)")

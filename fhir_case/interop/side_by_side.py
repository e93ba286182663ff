"""Test several servers side by side; the results are in the order of the servers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["side_by_side"]

_One = TypeVar("_One")
_MOST = 8


def side_by_side(tests: Sequence[Callable[[Callable[[], bool]], _One]]) -> list[_One]:
    """
    Run tests in threads, and return their results in the order of the tests.

    A single one has a thread, too: else Ctrl-C would end a request that the server carries out after the clearing up.

    Args:
        tests: Each gets a function that returns whether it is to stop: then it clears up, and raises.

    Raises:
        BaseException: What a test raised, or Ctrl-C, after all have stopped.
    """
    stop = Event()
    with ThreadPoolExecutor(max(1, min(_MOST, len(tests))), thread_name_prefix="interop") as pool:
        futures = [pool.submit(each, stop.is_set) for each in tests]
        try:
            return [each.result() for each in futures]
        except BaseException:
            stop.set()
            for each in futures:
                each.cancel()
            raise

"""Limit how many transactions are in flight at once, and keep two apart that concern the same resource."""

from __future__ import annotations

from threading import Condition

__all__ = ["DEFAULT", "Concurrency"]

DEFAULT = 4
"""How many at once; BENCHMARKS.md says why."""

_CALM = 20  # how many transactions without trouble it takes to allow one more after an overload


class Concurrency:
    """
    The transactions in flight.

    Args:
        limit: How many there are at once; 0 for the default, which is halved each time the server is overloaded.
    """

    def __init__(self, limit: int = 0) -> None:
        self.most = self.limit = limit or DEFAULT
        self._adapts = not limit
        self._condition = Condition()
        self._in_flight = 0
        self._keys: set[str] = set()
        self._calm = 0

    def enter(self, keys: frozenset[str]) -> None:
        """Wait until one more may be in flight, and none of these identities is."""
        with self._condition:
            self._condition.wait_for(lambda: self._in_flight < self.limit and self._keys.isdisjoint(keys))
            self._in_flight += 1
            self._keys |= keys

    def leave(self, keys: frozenset[str], *, overloaded: bool = False) -> None:
        """Note that a transaction is done, and whether the server was overloaded."""
        with self._condition:
            self._in_flight -= 1
            self._keys -= keys
            if self._adapts:
                self._adapt(overloaded)
            self._condition.notify_all()

    def wait_until_empty(self) -> None:
        """Wait until nothing is in flight."""
        with self._condition:
            self._condition.wait_for(lambda: not self._in_flight)

    def _adapt(self, overloaded: bool) -> None:
        self._calm = 0 if overloaded else self._calm + 1
        if overloaded:
            self.limit = max(1, self.limit // 2)
        elif self._calm >= _CALM and self.limit < self.most:
            self.limit += 1
            self._calm = 0

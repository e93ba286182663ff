"""Let so many transactions be under way at once as the server takes well."""

from __future__ import annotations

from threading import Condition

__all__ = ["Gate"]

_MOST = 16
_START = 2
_WORTH_IT = 1.05  # one more at a time has to bring a twentieth more resources a second
_HOLD = 20  # how often the speed is measured before another limit is tried


class Gate:
    """
    Limit how many transactions are under way, and keep two that concern the same resource apart.

    Without a fixed limit it grows as long as that makes the whole faster, shrinks where fewer are as fast, and is
    halved when the server is overloaded.

    Args:
        limit: The fixed limit; 0 to find it.
    """

    def __init__(self, limit: int = 0) -> None:
        self._fixed = bool(limit)
        self.limit = limit or _START
        self._condition = Condition()
        self._under_way = 0
        self._keys: set[str] = set()
        self._window: list[tuple[float, int]] = []
        self._rate = 0.0  # resources a second at the limit before the one that is tried
        self._tried = 0  # how far the limit that is tried is from it: 1 or -1, 0 when none is tried
        self._direction = 1
        self._hold = 0

    @property
    def most(self) -> int:
        """Return how many may be under way at any time."""
        return self.limit if self._fixed else _MOST

    def enter(self, keys: frozenset[str]) -> None:
        """Wait until one more may be under way, and none of these identities is."""
        with self._condition:
            self._condition.wait_for(lambda: self._under_way < self.limit and self._keys.isdisjoint(keys))
            self._under_way += 1
            self._keys |= keys

    def leave(self, keys: frozenset[str], *, now_s: float, resources: int, overloaded: bool) -> None:
        """Say that a transaction is done, when, how many resources it had, and whether the server had trouble."""
        with self._condition:
            self._under_way -= 1
            self._keys -= keys
            if not self._fixed:
                self._adapt(now_s, resources, overloaded)
            self._condition.notify_all()

    def wait_until_empty(self) -> None:
        """Wait until nothing is under way."""
        with self._condition:
            self._condition.wait_for(lambda: not self._under_way)

    def _adapt(self, now_s: float, resources: int, overloaded: bool) -> None:
        if overloaded:
            self.limit = max(1, self.limit // 2)
            self._window, self._tried, self._direction, self._hold = [], 0, 1, _HOLD
            return
        self._window.append((now_s, resources))
        if len(self._window) <= max(8, 3 * self.limit):
            return
        seconds = self._window[-1][0] - self._window[0][0]
        rate = sum(number for _, number in self._window[1:]) / max(seconds, 1e-6)
        self._window = []
        if self._hold:
            self._hold -= 1
        elif not self._tried:
            self._try(self._direction, rate)
        elif rate > self._rate * _WORTH_IT if self._tried > 0 else rate * _WORTH_IT > self._rate:
            self._try(self._tried, rate)
        else:
            self.limit -= self._tried
            self._turn()

    def _try(self, step: int, rate: float) -> None:
        if 1 <= self.limit + step <= _MOST:
            self.limit += step
            self._tried, self._rate = step, rate
        else:
            self._turn()

    def _turn(self) -> None:
        self._tried, self._direction, self._hold = 0, -self._direction, _HOLD

"""Choose which requests are hit, and by which fault."""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from contextlib import suppress
from hashlib import sha256
from random import Random
from threading import Lock
from typing import TYPE_CHECKING

from .faults import FAULTS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

__all__ = ["Chooser"]


class Chooser:
    """
    Choose a fault for each request: in the order of a schedule where there is one, else by chance.

    Chance depends on the seed, the request and how often that came before, not on the order in which connections
    bring their requests: the same requests meet the same faults in every run.

    Raises:
        ValueError: A fault has no such name, or a number makes no sense.
    """

    def __init__(
        self,
        faults: Sequence[str],
        *,
        rate: float,
        seed: int,
        methods: Collection[str],
        most_in_a_row: int,
        schedule: Iterable[str | None] | None,
        burst_s: float,
    ) -> None:
        planned = None if schedule is None else tuple(schedule)
        unknown = {*faults, *(name for name in planned or () if name is not None)} - FAULTS.keys()
        if unknown:
            raise ValueError(f"no fault is named {', '.join(sorted(unknown))}; there are {', '.join(FAULTS)}")
        if not 0 <= rate <= 1 or most_in_a_row < 1:
            raise ValueError("the rate is from 0 to 1, and at least one hit in a row is allowed")
        self._faults = tuple(faults)
        self._rate = rate
        self._seed = seed
        self._methods = frozenset(methods)
        self._most_in_a_row = most_in_a_row
        self._schedule = None if planned is None else iter(planned)
        self._burst_s = burst_s
        self._burst_until = float("-inf")
        self._times: Counter[str] = Counter()
        self._in_a_row: Counter[str] = Counter()
        self._lock = Lock()

    def choose(self, method: str, path: str, body: bytes, *, compressed: bool, now: float) -> str:
        """
        Return the name of the fault that hits this request, empty for none.

        Args:
            now: The time in seconds on any clock that only goes forward.
        """
        key = _key(method, path, body, compressed=compressed)
        with self._lock:
            name = self._next(method, key, now)
            if name and FAULTS[name].gzip_only and not compressed:
                name = ""
            # A schedule is exact: it may hit the same request as often as it says.
            if self._schedule is None and self._in_a_row[key] >= self._most_in_a_row:
                name = ""
            self._in_a_row[key] = self._in_a_row[key] + 1 if name else 0
            if name == "503-burst" and now >= self._burst_until:
                self._burst_until = now + self._burst_s
        return name

    def _next(self, method: str, key: str, now: float) -> str:
        if now < self._burst_until:
            return "503-burst"
        if method not in self._methods:
            return ""
        if self._schedule is not None:
            return next(self._schedule, None) or ""
        self._times[key] += 1
        chance = Random(f"{self._seed} {key} {self._times[key]}")  # noqa: S311 (to be repeated, not to be secret)
        hit = chance.random() < self._rate
        return chance.choice(self._faults) if hit and self._faults else ""


def _key(method: str, path: str, body: bytes, *, compressed: bool) -> str:
    """Return what tells one request from another: by its content, which compression does not change, or by its URL."""
    if compressed:
        with suppress(OSError, EOFError, zlib.error):  # what is not gzip is compared as it is
            body = gzip.decompress(body)
    return sha256(body).hexdigest() if body else f"{method} {path}"

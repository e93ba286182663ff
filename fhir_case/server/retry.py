"""Decide whether, and after how long, a request is sent again."""

from __future__ import annotations

import random
from dataclasses import dataclass

__all__ = ["RetryPolicy"]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """
    Say how patient a run is.

    Args:
        request_s: The seconds within which one request is tried again and again.
        run: How many times in all requests are sent again in one run.
        first_pause_s: The longest first pause; each further one may be twice as long.
        longest_pause_s: The longest pause, unless the server asks for a longer one.
        settle_s: How long to look for what a request may have stored before it counts as not done: the server may
            still be working on it.

    Source: https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/ (full jitter)
    """

    request_s: float = 300
    run: int = 10_000
    first_pause_s: float = 0.5
    longest_pause_s: float = 20
    settle_s: float = 10

    def pause_s(self, attempt: int, *, stated_s: float = 0) -> float:
        """
        Return the seconds to wait: by chance between none and a limit that doubles with each attempt.

        Args:
            attempt: The number of the attempt that failed, from 1.
            stated_s: What the server asked for; at least that long is waited.
        """
        limit = min(self.longest_pause_s, self.first_pause_s * 2.0 ** min(attempt - 1, 30))
        return stated_s + random.uniform(0, limit)  # noqa: S311  # no secret depends on it

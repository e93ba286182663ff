"""Decide whether, and after how long, a request is sent again."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fhir_case.server.failures import broke_off, retry_after_s, was_refused

if TYPE_CHECKING:
    from tenacity import RetryCallState, Retrying

__all__ = ["RetryPolicy", "retrying"]

_TRIES = 3
_LONGEST_PAUSE_S = 30


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """
    When the requests of a run are sent again.

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


def retrying(again: frozenset[int], *, repeatable: bool) -> Retrying:
    """
    Return what calls a function that sends one request, three times at most.

    Args:
        again: The statuses after which to try again, unless the server asks for a long pause.
        repeatable: Whether to send it twice does no harm: then it is sent again also when the connection breaks off.
    """
    from tenacity import Retrying, retry_if_exception, retry_if_result, stop_after_attempt

    return Retrying(
        stop=stop_after_attempt(_TRIES),
        wait=_pause_s,
        retry=retry_if_exception(broke_off if repeatable else was_refused)
        | retry_if_result(lambda it: it.status_code in again and retry_after_s(it) <= _LONGEST_PAUSE_S),
        retry_error_callback=_last_outcome,
    )


def _pause_s(state: RetryCallState) -> float:
    outcome = state.outcome
    stated = 0 if outcome is None or outcome.failed else retry_after_s(outcome.result())
    return float(max(stated, 0.25 * 2**state.attempt_number))


def _last_outcome(state: RetryCallState) -> Any:
    return state.outcome.result() if state.outcome else None

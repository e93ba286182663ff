"""Count what happens while something is loaded."""

from __future__ import annotations

from array import array
from collections import Counter
from threading import Lock
from typing import TYPE_CHECKING, Any

from fhir_case.errors import RejectedError, ServerError
from fhir_case.load.journal.entry import STATES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhir_case.errors import FhirCaseError
    from fhir_case.load.journal.entry import JournalEntry

__all__ = ["Tally"]

_PERCENTILES = (50, 95, 99)


class Tally:
    """Count resources, requests, retries, bytes and latencies; several threads may use it at once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._latencies_s = array("f")
        self.states: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.retries: Counter[str] = Counter()
        self.bytes = 0
        self.open = 0

    @property
    def longest_s(self) -> float:
        """Return the seconds that the slowest answer took."""
        with self._lock:
            return max(self._latencies_s, default=0.0)

    def answered(self, status: int, seconds: float, size: int) -> None:
        """Count one request: its status, 0 when there was no answer, how long it took, and the bytes sent."""
        with self._lock:
            self.statuses[status] += 1
            self.bytes += size
            if status:
                self._latencies_s.append(seconds)

    def retry(self, error: FhirCaseError, most: int) -> bool:
        """Count one retry by its cause; False, and not counted, when there were most already."""
        with self._lock:
            if self.retries.total() >= most:
                return False
            self.retries[_cause(error)] += 1
            return True

    def stored(self, entries: Iterable[JournalEntry]) -> None:
        """Count what became of resources, and in how many of them references are still open."""
        listed = list(entries)
        with self._lock:
            self.states.update(entry.state for entry in listed)
            self.open += sum(entry.references == "open" for entry in listed)

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as JSON; latencies in seconds."""
        with self._lock:
            latencies = sorted(self._latencies_s)
            return {
                "resources": {state: self.states[state] for state in STATES},
                "resources_with_open_references": self.open,
                "requests": {str(status or "no answer"): number for status, number in sorted(self.statuses.items())},
                "retries": dict(sorted(self.retries.items())),
                "bytes_sent": self.bytes,
                "latency_s": {
                    **{f"p{percent}": _percentile(latencies, percent) for percent in _PERCENTILES},
                    "max": round(latencies[-1], 4) if latencies else None,
                },
            }


def _percentile(latencies: list[float], percent: int) -> float | None:
    """Return the lowest latency that is not below this percentage of all (nearest rank)."""
    if not latencies:
        return None
    rank = -(-percent * len(latencies) // 100)
    return round(latencies[max(rank, 1) - 1], 4)


def _cause(error: FhirCaseError) -> str:
    if isinstance(error, ServerError) and error.cause:
        return error.cause
    return f"HTTP {error.status}" if isinstance(error, ServerError | RejectedError) and error.status else "no answer"

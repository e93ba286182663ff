"""How long the start of a program may take: on a busy machine longer, as long as the program gets on."""

from __future__ import annotations

__all__ = ["Patience"]

_STUCK_S = 30.0
_PROGRESS_S = 0.2  # of processor time; Java that waits for ever uses less in half a minute
_MOST = 10


class Patience:
    """
    The time that a start may take.

    Args:
        timeout_s: What the user says: so long, and no longer. None: `usual_s`, and longer as long as the program uses
            the processor, at most ten times.
        usual_s: How long a start takes at most on a machine that is not busy.
    """

    def __init__(self, timeout_s: float | None, usual_s: float) -> None:
        self.timeout_s = timeout_s
        self._usual_s = usual_s
        self._processor_s = 0.0
        self._last_progress_s = 0.0

    def is_over(self, passed_s: float, processor_s: float) -> bool:
        """
        Whether it has taken too long.

        Args:
            passed_s: The seconds since the start.
            processor_s: The processor time that the program has used by now.
        """
        if processor_s - self._processor_s >= _PROGRESS_S:
            self._processor_s, self._last_progress_s = processor_s, passed_s
        if self.timeout_s is not None:
            return passed_s > self.timeout_s
        stuck = passed_s - self._last_progress_s > _STUCK_S
        return passed_s > self._usual_s and (stuck or passed_s > _MOST * self._usual_s)

    def __str__(self) -> str:
        if self.timeout_s is not None:
            return f"within {self.timeout_s:.0f} seconds"
        return f"within {self._usual_s:.0f} seconds, and does not get on"

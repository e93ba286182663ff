"""The faults of TCP by name: at which moment of a request they set in, and what they do to its bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from random import Random

__all__ = ["MOMENTS", "TOXICS", "Moment", "Toxic"]

Moment = Literal["before sending", "in the request", "after the commit", "in the answer"]
MOMENTS: tuple[Moment, ...] = ("before sending", "in the request", "after the commit", "in the answer")
"""When a fault sets in; *after the commit* is when the server has begun to answer, and the client has seen nothing."""

_Action = Literal["delay", "rate", "slices", "end", "reset", "silence", "hold"]


@dataclass(frozen=True, slots=True)
class Toxic:
    """
    What happens to the bytes of a request, or of the answer to it.

    Args:
        description: One line for people.
        moment: When it sets in.
        action: ``delay`` passes the bytes on later, ``rate`` slowly, ``slices`` in small pieces; ``end`` closes the
            connection, ``reset`` resets it, ``silence`` keeps it and passes nothing on any more; ``hold`` passes all
            on, and closes late.
    """

    description: str
    moment: Moment
    action: _Action

    @property
    def harmless(self) -> bool:
        """Whether all bytes arrive in the end."""
        return self.action in ("delay", "rate", "slices", "hold")

    @property
    def of_answer(self) -> bool:
        """Whether it is the answer that it touches, so that the server has carried the request out."""
        return self.moment in ("after the commit", "in the answer")

    def passes(self, size: int, chance: Random) -> int:
        """Return how many bytes of so many pass before it sets in."""
        return chance.randrange(1, size) if self.moment.startswith("in ") and size > 1 else 0


TOXICS = {
    "latency-request": Toxic("the request arrives late, at random", "before sending", "delay"),
    "latency-answer": Toxic("the answer arrives late, at random", "after the commit", "delay"),
    "bandwidth-request": Toxic("the request passes slowly", "in the request", "rate"),
    "bandwidth-answer": Toxic("the answer passes slowly", "in the answer", "rate"),
    "slices-request": Toxic("the request passes in small pieces", "in the request", "slices"),
    "slices-answer": Toxic("the answer passes in small pieces", "in the answer", "slices"),
    "limit-connect": Toxic("the connection is closed before a byte has passed", "before sending", "end"),
    "limit-request": Toxic("the connection is closed within the request", "in the request", "end"),
    "limit-commit": Toxic("the connection is closed before the answer", "after the commit", "end"),
    "limit-answer": Toxic("the connection is closed within the answer", "in the answer", "end"),
    "slow-close": Toxic("the answer arrives, and the connection is closed late", "in the answer", "hold"),
    "rst-connect": Toxic("the connection is reset before a byte has passed", "before sending", "reset"),
    "rst-request": Toxic("the connection is reset within the request", "in the request", "reset"),
    "rst-commit": Toxic("the connection is reset before the answer", "after the commit", "reset"),
    "rst-answer": Toxic("the connection is reset within the answer", "in the answer", "reset"),
    "hole-connect": Toxic("nothing passes, and nothing is said", "before sending", "silence"),
    "hole-request": Toxic("nothing passes any more within the request", "in the request", "silence"),
    "hole-commit": Toxic("the answer does not pass", "after the commit", "silence"),
    "hole-answer": Toxic("nothing passes any more within the answer", "in the answer", "silence"),
}
"""Each fault of TCP by its name."""

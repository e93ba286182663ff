"""Choose by chance, but always the same, which resources of a large load are compared in full."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

__all__ = ["Sample"]


@dataclass(frozen=True, slots=True)
class Sample:
    """
    How many resources are compared in full, and what chooses them.

    Args:
        size: How many; all where there are fewer.
        seed: The same seed chooses the same ones of the same inputs.
    """

    size: int
    seed: int = 1

    def positions(self, total: int) -> frozenset[int]:
        """Return which are chosen of so many, counted from 0 in the order of sending."""
        return frozenset(Random(self.seed).sample(range(total), min(self.size, total)))  # noqa: S311 - no secret

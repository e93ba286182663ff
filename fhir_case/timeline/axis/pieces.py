"""The pieces of the axis, each of one scale, and between them the times that are drawn shorter than they were."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Piece", "broken_times", "pieces_of", "place_on"]

Piece = tuple[float, float, float, float]
"""The first day of a piece, its last, its first place and its last."""

_BREAK_WIDTH = 56.0
_MUCH_LONGER = 3.0  # than all the rest: a time that is drawn shorter


def broken_times(days: Sequence[float]) -> list[tuple[float, float]]:
    """Return the times that are drawn shorter: each three times as long as all the rest of the axis."""
    found: list[tuple[float, float]] = []
    steps = sorted(pairwise(days), key=lambda step: step[0] - step[1])
    rest = days[-1] - days[0]
    for first, last in steps:
        rest -= last - first
        if len(steps) < 4 or rest <= 0 or last - first <= _MUCH_LONGER * rest or last - first < 1:
            break
        found.append((first, last))
    return sorted(found)


def pieces_of(
    days: Sequence[float], broken: Sequence[tuple[float, float]], left: float, right: float
) -> tuple[Piece, ...]:
    """Return the pieces of one scale, with the broken ones between them."""
    firsts, lasts = [days[0], *(last for _, last in broken)], [*(first for first, _ in broken), days[-1]]
    ends = list(zip(firsts, lasts, strict=True))
    total = sum(last - first for first, last in ends)
    scale = (right - left - _BREAK_WIDTH * len(broken)) / total if total else 0.0
    pieces, x = [], left if total else (left + right) / 2
    for number, (first, last) in enumerate(ends):
        pieces.append((first, last, x, x + (last - first) * scale))
        x += (last - first) * scale
        if number < len(broken):
            pieces.append((*broken[number], x, x + _BREAK_WIDTH))
            x += _BREAK_WIDTH
    return tuple(pieces)


def place_on(pieces: Sequence[Piece], day: float) -> float:
    """Return the place of a day; one beyond the axis is at its end."""
    for first, last, x0, x1 in pieces:
        if day <= last:
            return x0 if day <= first else x0 + (day - first) / (last - first) * (x1 - x0)
    return pieces[-1][3]

"""
The time axis: from days to places on the page, with a mark for each so many months from an anchor, or for dates.

A long time in which nothing begins or ends is drawn shorter than it was, which the picture says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING

from fhir_case.timeline.axis.pieces import broken_times, pieces_of, place_on
from fhir_case.timeline.axis.ticks import Tick, counted, ticks_of, unit_of
from fhir_case.timeline.moment import day_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fhir_case.timeline.axis.pieces import Piece
    from fhir_case.timeline.event import Event

__all__ = ["Axis", "Gap", "Tick", "axis_of", "duration_words"]

_VAGUE = 100.0  # days: the bounds of what is known to the year would stretch the axis
_LONG = 0.12  # of the axis: a time without an event that is said


@dataclass(frozen=True, slots=True)
class Gap:
    """
    A time in which nothing begins or ends.

    Args:
        first: The day of the last event before it.
        last: The day of the first event after it.
        x0: The place of its first day.
        x1: The place of its last.
        broken: Whether it is drawn shorter than it was.
        drawn: Whether it is about the events that are drawn, and there are others.
    """

    first: float
    last: float
    x0: float
    x1: float
    broken: bool
    drawn: bool = False

    @property
    def words(self) -> str:
        """Return how long it is, and what that means."""
        length = duration_words(self.last - self.first)
        if self.broken:
            return f"{length}, not to scale"
        return f"{length} without {'a drawn ' if self.drawn else ''}event"


@dataclass(frozen=True, slots=True)
class Axis:
    """
    A time axis.

    Args:
        title: What it counts, ``months from the operation``.
        left: Its first place.
        right: Its last.
        pieces: Its pieces of one scale: first day, last day, first place, last place.
        ticks: Its marks.
        gaps: The long times without an event.
        anchor: The day that it counts from; None where it has dates.
        unit: What it counts.
    """

    title: str
    left: float
    right: float
    pieces: tuple[Piece, ...]
    ticks: tuple[Tick, ...]
    gaps: tuple[Gap, ...]
    anchor: float | None
    unit: str

    def x(self, day: float) -> float:
        """Return the place of a day."""
        return place_on(self.pieces, day)

    def words(self, day: float) -> str:
        """Return a day as the axis counts: ``month +3``, or as a date."""
        if self.anchor is None:
            return day_of(day).isoformat()
        number = counted(self.anchor, day, self.unit)
        return f"{self.unit[:-1]} {number:+g}" if number else f"{self.unit[:-1]} 0"


def axis_of(
    events: Sequence[Event],
    left: float,
    right: float,
    *,
    anchor: float | None = None,
    anchor_name: str = "",
    more: bool = False,
) -> Axis:
    """
    Return the axis on which all events have a place.

    Args:
        events: The events that it has to hold; those without a time are not looked at.
        left: The first place of the page for it.
        right: The last.
        anchor: The day to count from; None: dates.
        anchor_name: What that is.
        more: Whether there are events that are not drawn.
    """
    days = sorted({bound for event in events for bound in _bounds(event)} | ({anchor} if anchor is not None else set()))
    days = days or [date(2000, 1, 1).toordinal() * 1.0]
    broken = broken_times(days)
    pieces = pieces_of(days, broken, left, right)
    shown = sum(last - first for first, last, _, _ in pieces) - sum(last - first for first, last in broken)
    unit = unit_of(shown, anchor)
    ticks = tuple(ticks_of(pieces, broken, unit, anchor))
    gaps = tuple(replace(gap, drawn=more) for gap in _gaps(days, broken, pieces))
    title = (
        f"{unit[:1].upper()}{unit[1:]} from {anchor_name or day_of(anchor).isoformat()}"
        if anchor is not None
        else "Date"
    )
    return Axis(title, left, right, pieces, ticks, gaps, anchor, unit)


def _bounds(event: Event) -> Iterator[float]:
    for moment in filter(None, (event.start, event.end)):
        yield moment.at
        if moment.earliest is not None and moment.latest is not None and moment.latest - moment.earliest < _VAGUE:
            yield from (moment.earliest, moment.latest)


def _gaps(days: Sequence[float], broken: Sequence[tuple[float, float]], pieces: Sequence[Piece]) -> Iterator[Gap]:
    width = pieces[-1][3] - pieces[0][2]
    for first, last in pairwise(days):
        x0, x1 = place_on(pieces, first), place_on(pieces, last)
        if (first, last) in broken or x1 - x0 > _LONG * width > 0:
            yield Gap(first, last, x0, x1, (first, last) in broken)


def duration_words(days: float) -> str:
    """Return how long a time is, in the unit that fits it."""
    for unit, length, least in (("year", 365.25, 730), ("month", 30.4375, 61), ("week", 7.0, 21), ("day", 1.0, 2)):
        if days >= least:
            return f"{_rounded(days / length)} {unit}s"
    return f"{_rounded(days * 24)} hours"


def _rounded(number: float) -> str:
    return f"{number:.0f}" if number >= 10 or abs(number - round(number)) < 0.06 else f"{number:.1f}"

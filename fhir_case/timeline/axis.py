"""
The time axis: from days to places on the page, with a mark for each so many months from an anchor, or for dates.

A long time in which nothing begins or ends is drawn shorter than it was, which the picture says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING

from dateutil.relativedelta import relativedelta

from fhir_case.timeline.moment import day_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fhir_case.timeline.event import Event

__all__ = ["Axis", "Gap", "Tick", "axis_of", "duration_words"]

_BREAK_WIDTH = 56.0
_TICK_DISTANCE = 54.0
_STEPS: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("hours", (1, 2, 3, 6, 12)),
    ("days", (1, 2, 5, 7, 14)),
    ("months", (1, 2, 3, 6)),
    ("years", (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)),
)
_DAYS = {"hours": 1 / 24, "days": 1.0, "months": 30.4375, "years": 365.25}
# Up to how many days the axis counts in a unit, where it counts from an anchor.
_UP_TO = {"hours": 3.0, "days": 92.0, "months": 365.25 * 12, "years": 1e9}
_VAGUE = 100.0  # days: the bounds of what is known to the year would stretch the axis
_LONG = 0.12  # of the axis: a time without an event that is said


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of the axis with its label."""

    x: float
    label: str


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
    pieces: tuple[tuple[float, float, float, float], ...]
    ticks: tuple[Tick, ...]
    gaps: tuple[Gap, ...]
    anchor: float | None
    unit: str

    def x(self, day: float) -> float:
        """Return the place of a day."""
        return _place(self.pieces, day)

    def words(self, day: float) -> str:
        """Return a day as the axis counts: ``month +3``, or as a date."""
        if self.anchor is None:
            return day_of(day).isoformat()
        number = _counted(self.anchor, day, self.unit)
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
    broken = _broken(days)
    pieces = _pieces(days, broken, left, right)
    shown = sum(last - first for first, last, _, _ in pieces) - sum(last - first for first, last in broken)
    unit = _unit(shown, anchor)
    ticks = tuple(_ticks(pieces, broken, unit, anchor))
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


def _broken(days: Sequence[float]) -> list[tuple[float, float]]:
    """Return the times that are drawn shorter: each longer than all the rest of the axis."""
    found: list[tuple[float, float]] = []
    steps = sorted(pairwise(days), key=lambda step: step[0] - step[1])
    rest = days[-1] - days[0]
    for first, last in steps:
        rest -= last - first
        if len(steps) < 4 or rest <= 0 or last - first <= 1.2 * rest or last - first < 1:
            break
        found.append((first, last))
    return sorted(found)


def _pieces(
    days: Sequence[float], broken: Sequence[tuple[float, float]], left: float, right: float
) -> tuple[tuple[float, float, float, float], ...]:
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


def _place(pieces: Sequence[tuple[float, float, float, float]], day: float) -> float:
    for first, last, x0, x1 in pieces:
        if day <= last:
            return x0 if day <= first else x0 + (day - first) / (last - first) * (x1 - x0)
    return pieces[-1][3]


def _unit(shown: float, anchor: float | None) -> str:
    limits = _UP_TO if anchor is not None else {**_UP_TO, "days": 40.0}
    return next(unit for unit, days in limits.items() if shown <= days)


def _ticks(
    pieces: Sequence[tuple[float, float, float, float]],
    broken: Sequence[tuple[float, float]],
    unit: str,
    anchor: float | None,
) -> Iterator[Tick]:
    begin, reached = anchor, float("-inf")
    for first, last, x0, x1 in pieces:
        if (first, last) in broken:
            continue
        if last - first < _DAYS[unit] and broken:
            reached = x0
            yield Tick(x0, _label(first, unit, anchor))
            continue
        for day, label in _marks(first, last, x1 - x0, unit, begin):
            x = _place(pieces, day)
            if x - reached >= _TICK_DISTANCE * 0.8:
                yield Tick(x, label)
                reached = x


def _label(day: float, unit: str, anchor: float | None) -> str:
    return _date_label(day, unit) if anchor is None else f"{_counted(anchor, day, unit):+g}"


def _marks(first: float, last: float, width: float, unit: str, anchor: float | None) -> Iterator[tuple[float, str]]:
    """Yield the marks between two days: so many units from an anchor, or dates."""
    units = [name for name, _ in _STEPS]
    choices = [(name, step) for name, steps in _STEPS[units.index(unit) :] for step in steps]
    days = last - first
    name, step = next(
        (one for one in choices if days / (_DAYS[one[0]] * one[1]) * _TICK_DISTANCE <= max(width, 1.0)), choices[-1]
    )
    if anchor is not None:
        name, step = unit, step if name == unit else max(1, round(_DAYS[name] * step / _DAYS[unit]))
    for number, day in _steps(first, last, name, step, anchor):
        yield day, (f"{number:+d}" if number else "0") if anchor is not None else _date_label(day, name)


def _steps(first: float, last: float, unit: str, step: int, anchor: float | None) -> Iterator[tuple[int, float]]:
    length = _DAYS[unit]
    begin = anchor if anchor is not None else _round(first, unit, step)
    number = int((first - begin) / length / step) - 1
    while True:
        day = _moved(begin, number * step, unit)
        if day is None or day > last + 1e-6:
            if day is None and number < 0:
                number += 1
                continue
            return
        if day >= first - 1e-6:
            yield number * step, day
        number += 1


def _round(day: float, unit: str, step: int) -> float:
    """Return the beginning of the day, month or years that a day is in."""
    found = day_of(day)
    if unit == "years":
        return float(date(max(1, found.year - found.year % step), 1, 1).toordinal())
    if unit == "months":
        return float(date(found.year, 1, 1).toordinal())
    return float(found.toordinal())


def _moved(begin: float, number: int, unit: str) -> float | None:
    """Return the day so many units later; None where the calendar has no such day."""
    if unit in ("hours", "days"):
        return begin + number * _DAYS[unit]
    day = day_of(begin)
    try:
        moved = day + relativedelta(**{unit: number})  # type: ignore[arg-type]
    except (ValueError, OverflowError):
        return None
    return moved.toordinal() + begin % 1


def _date_label(day: float, unit: str) -> str:
    found = day_of(day)
    if unit == "hours":
        minutes = round(day % 1 * 1440)
        return f"{found:%m-%d} {minutes // 60:02}:{minutes % 60:02}"
    if unit == "days":
        return f"{found.month:02}-{found.day:02}" if found.day != 1 else f"{found.year:04}-{found.month:02}-01"
    return f"{found.year:04}-{found.month:02}" if unit == "months" else f"{found.year:04}"


def _gaps(
    days: Sequence[float], broken: Sequence[tuple[float, float]], pieces: Sequence[tuple[float, float, float, float]]
) -> Iterator[Gap]:
    width = pieces[-1][3] - pieces[0][2]
    for first, last in pairwise(days):
        x0, x1 = _place(pieces, first), _place(pieces, last)
        if (first, last) in broken or x1 - x0 > _LONG * width > 0:
            yield Gap(first, last, x0, x1, (first, last) in broken)


def _counted(anchor: float, day: float, unit: str) -> float:
    """Return how many units lie between two days, in halves."""
    if unit in ("hours", "days"):
        return round((day - anchor) / _DAYS[unit], 1)
    difference = relativedelta(day_of(day), day_of(anchor))
    months = difference.years * 12 + difference.months + difference.days / 30.4375
    return round(months if unit == "months" else months / 12, 1)


def duration_words(days: float) -> str:
    """Return how long a time is, in the unit that fits it."""
    for unit, length, least in (("year", 365.25, 730), ("month", 30.4375, 61), ("week", 7.0, 21), ("day", 1.0, 2)):
        if days >= least:
            return f"{_rounded(days / length)} {unit}s"
    return f"{_rounded(days * 24)} hours"


def _rounded(number: float) -> str:
    return f"{number:.0f}" if number >= 10 or abs(number - round(number)) < 0.06 else f"{number:.1f}"

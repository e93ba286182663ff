"""The marks of the axis: so many months from an anchor, or dates, as close as their labels allow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from dateutil.relativedelta import relativedelta

from fhir_case.timeline.axis.pieces import place_on
from fhir_case.timeline.moment import day_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fhir_case.timeline.axis.pieces import Piece

__all__ = ["Tick", "counted", "ticks_of", "unit_of"]

_TICK_DISTANCE = 54.0
_LETTER = 6.4  # the width of one in the label of a mark
_STEPS: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("hours", (1, 2, 3, 6, 12)),
    ("days", (1, 2, 5, 7, 14)),
    ("months", (1, 2, 3, 6)),
    ("years", (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)),
)
_DAYS = {"hours": 1 / 24, "days": 1.0, "months": 30.4375, "years": 365.25}
# Up to how many days the axis counts in a unit, where it counts from an anchor.
_UP_TO = {"hours": 3.0, "days": 92.0, "months": 365.25 * 12, "years": 1e9}


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of the axis with its label."""

    x: float
    label: str


def unit_of(shown: float, anchor: float | None) -> str:
    """Return what the axis counts in, for so many days."""
    limits = _UP_TO if anchor is not None else {**_UP_TO, "days": 40.0}
    return next(unit for unit, days in limits.items() if shown <= days)


def ticks_of(
    pieces: Sequence[Piece],
    broken: Sequence[tuple[float, float]],
    unit: str,
    anchor: float | None,
) -> Iterator[Tick]:
    """Yield the marks of all pieces, none so near to the one before that their labels would meet."""
    last_label, reached = "", float("-inf")
    for first, last, x0, x1 in pieces:
        if (first, last) in broken:
            continue
        if last - first < _DAYS[unit] and broken:
            reached, last_label = x0, _label(first, unit, anchor)
            yield Tick(x0, last_label)
            continue
        for day, mark in _marks(first, last, x1 - x0, unit, anchor):
            x = place_on(pieces, day)
            # The first date has its year, whatever the others need.
            label = mark if last_label or anchor is not None else _with_year(day, mark)
            if x - reached >= (len(last_label) + len(label)) / 2 * _LETTER + _LETTER:
                yield Tick(x, label)
                reached, last_label = x, label


def _with_year(day: float, label: str) -> str:
    year = f"{day_of(day).year:04}"
    return label if label.startswith(year) else f"{year}-{label}"


def _label(day: float, unit: str, anchor: float | None) -> str:
    if anchor is None:
        return _date_label(day, unit)
    count = counted(anchor, day, unit)
    return f"{count:+g}" if count else "0"


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
        minutes = min(round(day % 1 * 1440), 1439)
        return f"{found:%m-%d} {minutes // 60:02}:{minutes % 60:02}"
    if unit == "days":
        return f"{found.month:02}-{found.day:02}" if found.day != 1 else f"{found.year:04}-{found.month:02}-01"
    return f"{found.year:04}-{found.month:02}" if unit == "months" else f"{found.year:04}"


def counted(anchor: float, day: float, unit: str) -> float:
    """Return how many units lie between two days, in halves."""
    if unit in ("hours", "days"):
        return round((day - anchor) / _DAYS[unit], 1)
    difference = relativedelta(day_of(day), day_of(anchor))
    months = difference.years * 12 + difference.months + difference.days / 30.4375
    return round(months if unit == "months" else months / 12, 1)

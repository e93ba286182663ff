"""The row of a measured value: its line on a linear or logarithmic axis, with the reference range."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from fhir_case.timeline.layout.measure import text_width
from fhir_case.timeline.layout.picture import LINE, SIZES, Band, Box, Point, Row, Series, Text
from fhir_case.timeline.layout.room import Room
from fhir_case.timeline.layout.rows import name_texts, whiskers
from fhir_case.timeline.words import number_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fhir_case.timeline.axis import Axis
    from fhir_case.timeline.event import Event, Value

__all__ = ["Scale", "chart_row", "is_chart"]

Scale = Literal["auto", "log", "linear"]

_PLOT = 52.0
_MARGIN = 17.0
_TICKS_WIDTH = 78.0
_LOG_FROM = 50.0  # the largest value over the smallest
_HALF = 5.0


def is_chart(events: Sequence[Event]) -> bool:
    """Whether events of one name and unit have at least two numbers, at two times."""
    measured = [event for event in events if event.value is not None]
    return (
        len({(event.start or event.end, event.value) for event in measured}) > 1
        and len({event.start.at for event in measured if event.start}) > 1
    )


@dataclass(frozen=True, slots=True)
class _Values:
    """The axis of the values: the lowest, the highest, and whether it is logarithmic."""

    low: float
    high: float
    is_log: bool
    top: float

    def y(self, number: float) -> float:
        """Return the place of a number; one beyond the axis is at its end."""
        number = min(max(number, self.low), self.high)
        low, high = (math.log10(each) for each in (self.low, self.high)) if self.is_log else (self.low, self.high)
        at = math.log10(number) if self.is_log else number
        return self.top + _PLOT * (1 - (at - low) / (high - low))

    def ticks(self) -> Iterator[float]:
        """Yield the numbers that are marked."""
        if self.is_log:
            first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            step = max(1, math.ceil((last - first) / 3))
            yield from (10.0**power for power in range(first, last + 1, step))
            return
        distance = _step((self.high - self.low) / 3)
        count = math.ceil(self.low / distance - 1e-9)
        while count * distance <= self.high + distance * 1e-9:
            yield count * distance
            count += 1


def _step(length: float) -> float:
    power = 10.0 ** math.floor(math.log10(length))
    return next(each * power for each in (1, 2, 5, 10) if each * power >= length * 0.999)


def chart_row(
    name: str, events: Sequence[Event], axis: Axis, y: float, *, scale: Scale, width: float, right: float
) -> Row:
    """
    Return the chart of some events of one name and unit; those without a number stand on its lower edge.

    Args:
        y: Its upper edge.
        scale: How its values are drawn; ``auto`` is logarithmic where they are far apart.
        width: How wide its name is at most.
        right: The last place that a label may take.
    """
    values = [event.value for event in events if event.value]
    low, high = _reference_range(values)
    plot = _axis_of_values(values, low, high, scale, y + _MARGIN)
    points = [_point(event, axis, plot) for event in events]
    signs: list[Point | Series | Band] = list(_band(plot, axis, low, high, values[0].unit))
    measured = [point for point in points if point.event.value is not None]
    signs.append(Series(tuple((point.x, point.y) for point in measured)))
    spread = [each for point in points for each in whiskers(point.event, axis, point.y)]
    bounds = Box(axis.left - 4, y + 1, right, y + _MARGIN * 2 + _PLOT - 1)
    placed, unlabelled = _labels(points, bounds, [(point.x, point.y) for point in measured])
    unit = values[0].unit
    scale_words = f"{'logarithmic' if plot.is_log else 'linear'}, {len(events):,} values"
    labelled = f"{len(events) - len(unlabelled):,} of them labelled" if unlabelled else ""
    remark = ", ".join(filter(None, (unit, scale_words, labelled)))
    named = name_texts(name, width - _TICKS_WIDTH, y + 4, remark=remark)
    ticks = [
        Text(axis.left - 26, plot.y(each) - SIZES["tick"] * LINE / 2, (_tick_words(each),), "tick", "end")
        for each in _apart(plot)
    ]
    height = max(_PLOT + 2 * _MARGIN, sum(text.height for text in named) + 8)
    cut = tuple(events) if named[0].whole else tuple(unlabelled)
    return Row(
        y, height, name, (*named, *ticks, *placed), (*signs, *spread, *points), tuple(events), cut, is_chart=True
    )


def _reference_range(values: Sequence[Value]) -> tuple[float | None, float | None]:
    """Return the reference range that the latest value has: ranges may change with age and laboratory."""
    found = [(each.low, each.high) for each in values if each.low is not None or each.high is not None]
    return found[-1] if found else (None, None)


def _axis_of_values(
    values: Sequence[Value], low: float | None, high: float | None, scale: Scale, top: float
) -> _Values:
    numbers = [each.number for each in values]
    least, most = min(numbers), max(numbers)
    is_log = least > 0 and (scale == "log" or (scale == "auto" and most / least > _LOG_FROM))
    bounds = [each for each in (low, high) if each is not None and (each > 0 or not is_log)]
    least, most = min(least, *bounds, most), max(most, *bounds, least)
    if is_log:
        least, most = (least / 1.3, most * 1.3) if most / least > 1.001 else (least / 3, most * 3)
        return _Values(least, most, True, top)
    room = (most - least) * 0.06 or abs(most) * 0.1 or 1.0
    return _Values(max(least - room, 0.0) if least >= 0 else least - room, most + room, False, top)


def _point(event: Event, axis: Axis, plot: _Values) -> Point:
    moment = event.start or event.end
    x = axis.x(moment.at) if moment else axis.left
    if event.value is None:
        return Point(x, plot.top + _PLOT, "text", event, hollow=True)
    shape = {"<": "down", "<=": "down", ">": "up", ">=": "up"}.get(event.value.comparator, "dot")
    hollow = moment is not None and (moment.earliest is None or moment.latest is None)
    return Point(x, plot.y(event.value.number), shape, event, hollow=hollow)


def _band(plot: _Values, axis: Axis, low: float | None, high: float | None, unit: str) -> Iterator[Band]:
    if low is None and high is None:
        return
    top = plot.y(high) if high is not None else plot.top
    bottom = plot.y(low) if low is not None and (low > 0 or not plot.is_log) else plot.top + _PLOT
    bounds = [number_words(_whole(each)) for each in (low, high) if each is not None]
    words = "–".join(bounds) if len(bounds) == 2 else f"{'up to' if low is None else 'from'} {bounds[0]}"
    yield Band(axis.left, axis.right, top, bottom, f"reference range {words} {unit}".strip())


def _labels(
    points: Sequence[Point], bounds: Box, line: Sequence[tuple[float, float]]
) -> tuple[list[Text], list[Event]]:
    """Return labels that meet neither one another nor a point, nor the line where that can be."""
    room = Room()
    for x, y in sorted({(round(point.x), round(point.y)) for point in points}):  # values of every hour are one blot
        room.take(Box(x - _HALF - 0.5, y - _HALF - 0.5, x + _HALF + 0.5, y + _HALF + 0.5))
    texts: list[Text] = []
    unlabelled: list[Event] = []
    for point in _by_importance(points):
        free = [each for each in _candidates(point) if _fits(each.box, room, bounds)]
        text = next((each for each in free if not _crossed(each.box, line)), next(iter(free), None))
        if text is None:
            unlabelled.append(point.event)
            continue
        texts.append(text)
        room.take(text.box)
    return texts, unlabelled


def _crossed(box: Box, line: Sequence[tuple[float, float]]) -> bool:
    """Whether the line goes through a box."""
    for (x0, y0), (x1, y1) in pairwise(line):
        if x1 <= box.x0 or x0 >= box.x1:
            continue
        ends = [y0 + (min(max(x, x0), x1) - x0) / ((x1 - x0) or 1) * (y1 - y0) for x in (box.x0, box.x1)]
        if min(ends) < box.y1 and max(ends) > box.y0:
            return True
    return False


def _by_importance(points: Sequence[Point]) -> list[Point]:
    heights = sorted(range(len(points)), key=lambda number: points[number].y)
    first = [len(points) - 1, 0, heights[0], heights[-1]]
    return [points[number] for number in dict.fromkeys([*first, *range(len(points))])]


def _candidates(point: Point) -> Iterator[Text]:
    label = point.event.label
    if point.event.value and point.event.value.unit:
        label = label.removesuffix(point.event.value.unit).rstrip()
    height, width = SIZES["label"] * LINE, text_width(label, SIZES["label"])
    right, left = point.x + _HALF + 1.5, point.x - _HALF - 1.5 - width
    for x, y in (
        (right, point.y - height / 2),
        (point.x - width / 2, point.y - _HALF - 1.5 - height),
        (right, point.y - height),
        (right, point.y),
        (point.x - width / 2, point.y + _HALF + 1.5),
        (left, point.y - height / 2),
        (left, point.y - height),
        (left, point.y),
    ):
        yield Text(x, y, (label,), "label")


def _fits(box: Box, room: Room, bounds: Box) -> bool:
    inside = bounds.x0 <= box.x0 and box.x1 <= bounds.x1 and bounds.y0 <= box.y0 and box.y1 <= bounds.y1
    return inside and room.has(box)


def _apart(plot: _Values) -> Iterator[float]:
    """Yield the marks of the axis that are not too near to one another."""
    last = math.inf
    for each in plot.ticks():
        if last - plot.y(each) >= SIZES["tick"] * LINE:
            yield each
            last = plot.y(each)


def _tick_words(number: float) -> str:
    if number and (abs(number) >= 1e7 or abs(number) < 1e-3):
        return f"{number:.0e}".replace("e+0", "e").replace("e-0", "e-")
    return number_words(_whole(round(number, 10)))


def _whole(number: float) -> float | int:
    return int(number) if number == int(number) and abs(number) < 1e15 else number

"""Lay out a timeline: one row for each name, its label at the left, its marks on the time axis, notes below."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from fhir_case.timeline.axis import axis_of
from fhir_case.timeline.event import LANES
from fhir_case.timeline.layout.charts import chart_row, is_chart
from fhir_case.timeline.layout.labels import LABEL_WIDTH
from fhir_case.timeline.layout.measure import is_cut, wrapped
from fhir_case.timeline.layout.notes import legend_of, notes_of
from fhir_case.timeline.layout.picture import LINE, SIZES, LaneBox, Picture, Role, Row, Text
from fhir_case.timeline.layout.rows import mark_row
from fhir_case.timeline.words import clean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from fhir_case.timeline.axis import Axis
    from fhir_case.timeline.event import Event, Lane, Timeline
    from fhir_case.timeline.layout.charts import Scale

__all__ = ["WIDTH", "lay_out"]

WIDTH = 1120.0
"""The width of the picture, unless another one is asked for."""

_NAMES_WIDTH = 256.0
_EDGE = 14.0
_HEADING = 26.0
_AXIS_HEIGHT = 36.0


def lay_out(
    timeline: Timeline,
    *,
    lanes: Collection[Lane] = (),
    scale: Scale = "auto",
    counts_from: tuple[float, str] | None = None,
    width: float = WIDTH,
    title: str = "",
) -> Picture:
    """
    Return where everything is drawn.

    Args:
        timeline: What is drawn.
        lanes: Only these lanes; none means all. What is left out is said.
        scale: The axis of values: logarithmic, linear, or as they are far apart or not.
        counts_from: The day that the axis counts from, and what that is; None: the axis has dates.
        width: How wide the picture is.
        title: What stands above it; empty: the patient.
    """
    shown: list[Lane] = [lane for lane in LANES if not lanes or lane in lanes]
    events = [event for event in timeline.events if event.lane in shown]
    anchor, anchor_name = counts_from or (None, "")
    axis = axis_of(
        events,
        _EDGE + _NAMES_WIDTH + 12,
        width - LABEL_WIDTH - _EDGE - 26,
        anchor=anchor,
        anchor_name=_short(anchor_name),
        more=len(events) < len(timeline.events),
    )
    head, top = _head(timeline, title, axis, width)
    axis_y = top + _AXIS_HEIGHT
    boxes: list[LaneBox] = []
    y = axis_y + 6
    for lane in shown:
        of_lane = [event for event in events if event.lane == lane]
        if of_lane:
            boxes.append(_lane(lane, of_lane, axis, y, scale=scale, right=width - _EDGE))
            y += boxes[-1].height
    body = y
    feet = [Text(tick.x, body + 6, (tick.label,), "tick", "middle") for tick in axis.ticks]
    y += 6 + SIZES["tick"] * LINE + 12
    legend, y = legend_of(boxes, axis, _EDGE, y, width - _EDGE)
    notes, y = notes_of(timeline, shown, boxes, axis, left=_EDGE, y=y, right=width - _EDGE)
    name = clean(title) or _title(timeline)
    texts = (*head, *_axis_texts(axis, axis_y), *feet, *notes)
    return Picture(
        width, y + 8, name, _description(timeline, boxes, axis), axis, axis_y, body, tuple(boxes), texts, tuple(legend)
    )


def _short(name: str) -> str:
    return name if len(name) <= 80 else f"{name[:79]}…"


def _title(timeline: Timeline) -> str:
    return f"Course of {timeline.subject}" if timeline.subject else "Course"


def _head(timeline: Timeline, title: str, axis: Axis, width: float) -> tuple[list[Text], float]:
    """Return the title and what is below it, and the upper edge of the axis."""
    known = [timeline.patient, f"{len(timeline.events):,} events with a time"]
    known += [f"{len(timeline.untimed):,} without"] if timeline.untimed else []
    lines: list[tuple[str, Role]] = [
        (clean(title) or _title(timeline), "title"),
        (" · ".join(filter(None, known)), "subtitle"),
        (_axis_words(axis), "subtitle"),
    ]
    texts, y = [], _EDGE
    for words, role in lines:
        cut = wrapped(words, width - 2 * _EDGE, SIZES[role], most=3)
        texts.append(Text(_EDGE, y, cut, role, whole=words if is_cut(cut, words) else ""))
        y += texts[-1].height + 2
    return texts, y + 4


def _axis_words(axis: Axis) -> str:
    if axis.anchor is None:
        return "Time in dates"
    return f"Time in {axis.title[:1].lower()}{axis.title[1:]}"


def _axis_texts(axis: Axis, y: float) -> Iterator[Text]:
    """Yield the labels of the axis, and above them how long a time without an event is, where there is room."""
    for tick in axis.ticks:
        yield Text(tick.x, y - 5 - SIZES["tick"] * LINE, (tick.label,), "tick", "middle")
    reached = axis.left - _NAMES_WIDTH
    for gap in axis.gaps:
        text = Text((gap.x0 + gap.x1) / 2, y - _AXIS_HEIGHT + 3, (gap.words,), "small", "middle")
        if text.box.x0 > reached and (gap.broken or text.width < gap.x1 - gap.x0):
            yield text
            reached = text.box.x1 + 8


def _lane(lane: Lane, events: Sequence[Event], axis: Axis, y: float, *, scale: Scale, right: float) -> LaneBox:
    groups = _groups(events)
    names = list(dict.fromkeys(event.name for group in groups for event in group))
    rows: list[Row] = []
    top = _HEADING
    for group in groups:
        name = group[0].name
        if is_chart(group):
            rows.append(chart_row(name, group, axis, top, scale=scale, width=_NAMES_WIDTH - 14, right=right))
        else:
            rows.append(mark_row(name, group, axis, top, names=names, width=_NAMES_WIDTH - 14, right=right))
        top += rows[-1].height
    count = f"{LANES[lane]} ({len(events):,})"
    return LaneBox(lane, y, top + 6, Text(_EDGE, 5, (count,), "heading"), tuple(rows))


def _groups(events: Sequence[Event]) -> list[list[Event]]:
    """Return events by name; measured ones also by their unit, and those without a number with the first of them."""
    names: dict[str, dict[str, list[Event]]] = defaultdict(lambda: defaultdict(list))
    for event in events:
        names[event.name][event.value.unit if event.value else ""].append(event)
    groups: list[list[Event]] = []
    for units in names.values():
        measured = {unit: found for unit, found in units.items() if any(event.value for event in found)}
        largest = max(measured, key=lambda unit: len(measured[unit]), default="")
        words = [event for unit, found in units.items() for event in found if not event.value]
        for unit, found in (measured or {"": []}).items():
            group = [event for event in found if event.value] + (words if unit == largest else [])
            groups.append(sorted(group, key=_place_in_time))
    return sorted(groups, key=lambda group: (_place_in_time(group[0]), group[0].name))


def _place_in_time(event: Event) -> float:
    moment = event.start or event.end
    return moment.at if moment else 0.0


def _description(timeline: Timeline, boxes: Sequence[LaneBox], axis: Axis) -> str:
    """Return the picture in words: the lanes, how much is in each, and what the axis counts."""
    counts = [f"{LANES[box.lane]}: {sum(len(row.events) for row in box.rows):,}" for box in boxes]
    gaps = [gap.words for gap in axis.gaps]
    parts = [
        _axis_words(axis),
        f"Lanes with the number of their events: {'; '.join(counts)}" if counts else "No event has a time",
        f"Long times in between: {'; '.join(gaps)}" if gaps else "",
        f"Without a time: {len(timeline.untimed):,}" if timeline.untimed else "",
    ]
    return ". ".join(filter(None, parts)) + "."

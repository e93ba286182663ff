"""The row of one name: marks and bars on as many tracks as they need, with their labels."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Literal, NamedTuple

from fhir_case.timeline.layout.labels import Labelled, label_lines, place_labels
from fhir_case.timeline.layout.measure import is_cut, text_width, wrapped
from fhir_case.timeline.layout.picture import LINE, SIZES, Bar, Leader, Point, Row, Text, Whisker

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fhir_case.timeline.axis import Axis
    from fhir_case.timeline.event import Event
    from fhir_case.timeline.layout.picture import Openness

__all__ = ["MARK", "NAME_LEFT", "SHAPES", "mark_row", "name_texts", "shape_of", "whiskers"]

SHAPES = ("diamond", "square", "triangle", "star", "hexagon", "cross", "ring", "flag")
"""The shapes of procedures, one for each name."""

NAME_LEFT = 22.0
"""Where the names of rows begin."""

MARK = 16.0
"""The height of a mark."""

_KINDS = {
    "complete response": "circle",
    "remission": "circle",
    "partial response": "half",
    "improved": "half",
    "stable disease": "square",
    "progressive disease": "triangle",
    "worse": "triangle",
    "death": "cross",
    "MedicationRequest": "flag",
    "MedicationDispense": "square",
    "MedicationAdministration": "drop",
}
_LANES = {
    "adverse-events": "warning",
    "imaging": "frame",
    "encounters": "square",
    "conditions": "diamond",
    "other": "ring",
}
_OPEN = 26.0
_WHISKER = 20.0
_LEAST_BAR = 5.0
_EDGE = 10.0
_HALF = 7.0
_PADDING = 4.0


class _Placed(NamedTuple):
    """An event with the places that its mark takes, and where it is, or begins."""

    event: Event
    at: float
    x0: float
    x1: float
    is_bar: bool


def shape_of(event: Event, names: Sequence[str]) -> str:
    """
    Return the shape of the mark of an event.

    Args:
        names: The names of its lane, in their order: procedures have a shape each.
    """
    if event.lane == "procedures":
        return SHAPES[list(names).index(event.name) % len(SHAPES)]
    return _KINDS.get(event.kind) or _LANES.get(event.lane, "circle")


def name_texts(name: str, width: float, y: float, *, remark: str = "") -> tuple[Text, ...]:
    """Return the name of a row, and below it a remark in small letters."""
    lines = wrapped(name, width, SIZES["name"], most=8)
    text = Text(NAME_LEFT, y, lines, "name", whole=name if is_cut(lines, name) else "")
    if not remark:
        return (text,)
    return text, Text(NAME_LEFT, y + text.height, wrapped(remark, width, SIZES["small"]), "small")


def mark_row(
    name: str, events: Sequence[Event], axis: Axis, y: float, *, names: Sequence[str], width: float, right: float
) -> Row:
    """
    Return the row of some events of one name.

    Args:
        y: Its upper edge.
        names: The names of the lane.
        width: How wide its name is at most.
        right: The last place that a label may take.
    """
    most = _highest_dose(events)
    top = y + _PADDING
    texts: list[Text] = []
    signs: list[Point | Bar | Whisker | Leader] = []
    unlabelled: list[Event] = []
    for track in _tracks([_placed(event, axis) for event in events]):
        signs += [sign for one in track for sign in _signs(one, top, axis, names, most)]
        marks = [_labelled(one, most) for one in track]
        placed = place_labels(marks, top, MARK, right)
        texts += [*_inside(track, marks, top), *placed.texts]
        signs += placed.leaders
        unlabelled += placed.unplaced
        top += placed.height + 3
    remark = (
        f"{len(unlabelled):,} labels in the notes"
        if len(unlabelled) > 1
        else "1 label in the notes"
        if unlabelled
        else ""
    )
    named = name_texts(name, width, y + _PADDING, remark=remark)
    height = max(top - y, sum(text.height for text in named) + _PADDING) + _PADDING
    cut = tuple(events) if named[0].whole else tuple(unlabelled)
    return Row(y, height, name, (*named, *texts), tuple(signs), tuple(events), cut)


def _highest_dose(events: Sequence[Event]) -> float:
    """Return the highest dose of a day; 0 where they cannot be compared, or are all alike."""
    units = {event.dose.unit if event.dose else "" for event in events if event.lasts}
    amounts = {event.dose.amount for event in events if event.dose and event.lasts}
    return max(amounts) if len(units) == 1 and len(amounts) > 1 else 0.0


def _placed(event: Event, axis: Axis) -> _Placed:
    start = axis.x(event.start.at) if event.start else None
    end = axis.x(event.end.at) if event.end else None
    is_short = start is not None and end is not None and end - start < _LEAST_BAR
    if not event.lasts or (is_short and event.lane != "medications"):
        place = start if start is not None else end or 0.0
        spread = [one for whisker in whiskers(event, axis, 0) for one in (whisker.x0, whisker.x1)]
        return _Placed(
            event, place, min(place - _HALF, *spread, place), max(place + _HALF, *spread, place), is_bar=False
        )
    x0 = start if start is not None else (end or 0.0) - _OPEN
    if end is None:
        end = axis.right + _OPEN / 2 if event.ongoing else x0 + _OPEN
    return _Placed(
        event, x0, x0 - (_WHISKER if _is_open(event, "before") else 0), max(end, x0 + _LEAST_BAR), is_bar=True
    )


def _is_open(event: Event, side: Literal["before", "after"]) -> bool:
    start = event.start
    return start is not None and (start.earliest if side == "before" else start.latest) is None


def whiskers(event: Event, axis: Axis, y: float) -> Iterator[Whisker]:
    """Yield the times at which an event can have begun, where that is not one day."""
    start = event.start or event.end
    if start is None or start.is_exact:
        return
    place = axis.x(start.at)
    x0 = place - _WHISKER if start.earliest is None else axis.x(start.earliest)
    x1 = place + _WHISKER if start.latest is None else axis.x(start.latest)
    if (
        start.earliest is not None and start.latest is not None
    ):  # what lies beyond the axis is drawn as far as there is room
        x0 = min(x0, place - _EDGE) if start.earliest < axis.pieces[0][0] else x0
        x1 = max(x1, place + _EDGE) if start.latest > axis.pieces[-1][1] else x1
    if x1 - x0 > _LEAST_BAR:
        yield Whisker(x0, x1, y, start.earliest is None, start.latest is None)


def _tracks(placed: Sequence[_Placed]) -> list[list[_Placed]]:
    """Return the events on tracks, so that no bar is above another; marks of moments may be."""
    tracks: list[list[_Placed]] = []
    ends: list[tuple[float, int]] = []
    for one in sorted((each for each in placed if each.is_bar), key=lambda each: (each.x0, each.x1)):
        if ends and ends[0][0] <= one.x0 + 3:
            _, free = heappop(ends)
        else:
            free = len(tracks)
            tracks.append([])
        tracks[free].append(one)
        heappush(ends, (one.x1, free))
    points = [one for one in placed if not one.is_bar]
    return [*tracks, points] if points else tracks


def _signs(one: _Placed, y: float, axis: Axis, names: Sequence[str], most: float) -> Iterator[Point | Bar | Whisker]:
    event, middle = one.event, y + MARK / 2
    found = list(whiskers(event, axis, middle))
    if not one.is_bar:
        yield from found
        yield Point(
            one.at,
            middle,
            shape_of(event, names),
            event,
            hollow=any(each.open_left or each.open_right for each in found),
        )
        return
    height = _height(event, most)
    x0 = axis.x(event.start.at) if event.start else one.x0
    right: Openness = "" if event.end else "ongoing" if event.ongoing else "unknown"
    yield Bar(x0, one.x1, y + MARK - height, height, event, "" if event.start else "unknown", right)
    yield from (each for each in found if each.open_left or each.x1 - each.x0 > _LEAST_BAR)


def _height(event: Event, most: float) -> float:
    """Return the height of a bar, which is the dose where it can be compared."""
    if not most:
        return MARK - 2
    return 6 + (MARK - 6) * min(event.dose.amount / most if event.dose else 1.0, 1.0)


def _labelled(one: _Placed, most: float) -> Labelled:
    """Return the mark with its label, which is inside of a bar that has room for it."""
    label = one.event.label
    room = one.is_bar and _height(one.event, most) >= MARK - 2 and len(label_lines(label)) == 1
    fits = room and one.x1 - one.x0 > text_width(label, SIZES["label"]) + _WHISKER + 14
    return Labelled(one.x0, one.x1, one.at, (one.event,), label, inside=bool(label) and fits)


def _inside(track: Sequence[_Placed], marks: Sequence[Labelled], y: float) -> Iterator[Text]:
    for one, mark in zip(track, marks, strict=True):
        if mark.inside:
            start = max(one.x0 + (_WHISKER if _is_open(one.event, "before") else 0), one.x0) + 5
            yield Text(start, y + (MARK - SIZES["label"] * LINE) / 2, (mark.label,), "inside")

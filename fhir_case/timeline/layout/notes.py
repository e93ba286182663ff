"""What stands below the picture: the meaning of its signs, and all that it could not draw, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.timeline.event import LANES
from fhir_case.timeline.layout.measure import wrapped
from fhir_case.timeline.layout.picture import SIZES, Band, Bar, Text, Whisker
from fhir_case.timeline.words import clipped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fhir_case.timeline.axis import Axis
    from fhir_case.timeline.event import Event, Lane, Timeline
    from fhir_case.timeline.layout.picture import LaneBox, Role

__all__ = ["legend_of", "notes_of"]

_SIGN = 34.0
_LONGEST = 400
_MOST_NOTES = 1000
_MEANINGS = {
    "ongoing": "goes on at the end of the record",
    "unknown-end": "its end is not said",
    "unknown-start": "its beginning is not said",
    "dose": "the height of a bar is the dose of a day",
    "open": "at an unknown time on this side of the mark",
    "between": "at an unknown time between these bounds",
    "band": "reference range",
    "text": "a result in words, without a number",
    "break": "a long time without an event, not to scale",
}


def legend_of(
    boxes: Sequence[LaneBox], axis: Axis, left: float, y: float, right: float
) -> tuple[list[tuple[str, Text]], float]:
    """Return the signs that need a word, each with it, and the upper edge of what follows."""
    used = set(_used(boxes)) | ({"break"} if any(gap.broken for gap in axis.gaps) else set())
    legend: list[tuple[str, Text]] = []
    x = left
    for sign, words in _MEANINGS.items():
        if sign not in used:
            continue
        text = Text(x + _SIGN, y, (words,), "note")
        if text.box.x1 > right and x > left:
            x, y = left, y + 20
            text = Text(x + _SIGN, y, (words,), "note")
        legend.append((sign, text))
        x = text.box.x1 + 22
    return legend, y + 26 if legend else y


def _used(boxes: Sequence[LaneBox]) -> Iterator[str]:
    for row in (row for box in boxes for row in box.rows):
        bars = [sign for sign in row.signs if isinstance(sign, Bar)]
        if len({round(bar.height, 3) for bar in bars}) > 1:
            yield "dose"
        for bar in bars:
            yield "ongoing" if bar.right == "ongoing" else "unknown-end" if bar.right else ""
            yield "unknown-start" if bar.left else ""
        for sign in row.signs:
            if isinstance(sign, Whisker):
                yield "open" if sign.open_left or sign.open_right else "between"
            elif isinstance(sign, Band):
                yield "band"
        if row.is_chart and any(event.value is None for event in row.events):
            yield "text"


def notes_of(
    timeline: Timeline,
    shown: Sequence[Lane],
    boxes: Sequence[LaneBox],
    axis: Axis,
    *,
    left: float,
    y: float,
    right: float,
) -> tuple[list[Text], float]:
    """Return the notes, and their lower edge."""
    texts: list[Text] = []
    for heading, lines in _notes(timeline, shown, boxes, axis):
        kept = lines[:_MOST_NOTES]
        if len(lines) > len(kept):
            kept.append(f"and {len(lines) - len(kept):,} more, which their marks and the table of the page tell")
        parts: list[tuple[str, Role]] = [(heading, "note-heading"), *((line, "note") for line in kept)]
        for words, role in parts:
            indent = 0.0 if role == "note-heading" else 10.0
            text = Text(left + indent, y, wrapped(words, right - left - indent, SIZES[role], most=_MOST_NOTES), role)
            texts.append(text)
            y += text.height + (3 if role == "note-heading" else 1)
        y += 8
    return texts, y


def _notes(
    timeline: Timeline, shown: Sequence[Lane], boxes: Sequence[LaneBox], axis: Axis
) -> Iterator[tuple[str, list[str]]]:
    untimed = [event for event in timeline.untimed if event.lane in shown]
    if untimed:
        yield f"Without a time ({len(untimed):,})", [_line(event, event.untimed) for event in untimed]
    rows: list[tuple[Lane, tuple[Event, ...]]] = [
        (box.lane, row.unlabelled) for box in boxes for row in box.rows if row.unlabelled
    ]
    if rows:
        count = sum(len(events) for _, events in rows)
        yield (
            f"Drawn, but without room for the whole label ({count:,})",
            [_values(lane, each, axis) for lane, each in rows],
        )
    if axis.gaps:
        lines = [f"{axis.words(gap.first)} to {axis.words(gap.last)}: {gap.words}" for gap in axis.gaps]
        yield "Long times in which nothing begins or ends", lines
    hidden: dict[Lane, int] = {lane: 0 for lane in LANES if lane not in shown}
    for event in (*timeline.events, *timeline.untimed):
        if event.lane in hidden:
            hidden[event.lane] += 1
    if any(hidden.values()):
        counts = [f"{LANES[lane]} ({number:,})" for lane, number in hidden.items() if number]
        yield "Lanes that are not drawn", [", ".join(counts)]
    if timeline.others:
        yield (
            "Resources that are not drawn",
            [
                f"{reason}: {', '.join(f'{kind} ({number:,})' for kind, number in counts.items())}"
                for reason, counts in timeline.others.items()
            ],
        )


def _line(event: Event, when: str) -> str:
    return clipped(f"{LANES[event.lane]}: {event.words} – {when}", _LONGEST)


def _values(lane: Lane, events: Sequence[Event], axis: Axis) -> str:
    """Return the events of a row in one line: the name, and of each its label and its time."""
    shown = "; ".join(f"{clipped(event.label, _LONGEST)} ({_when(event, axis)})" for event in events[:_MOST_NOTES])
    more = len(events) - _MOST_NOTES
    rest = f"; and {more:,} more, which their marks and the table of the page tell" if more > 0 else ""
    return f"{LANES[lane]}: {clipped(events[0].name, _LONGEST)} – {shown}{rest}"


def _when(event: Event, axis: Axis) -> str:
    """Return the time of an event in a few words: as the axis counts, else its date."""
    moment = event.start or event.end
    if moment is None:
        return event.time_words
    return (moment.written[:10] or moment.words) if axis.anchor is None else axis.words(moment.at)

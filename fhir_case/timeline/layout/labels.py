"""Places for the labels of marks: to the right of the mark, else below it on the first line that is free."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from fhir_case.timeline.layout.measure import is_cut, wrapped
from fhir_case.timeline.layout.picture import LINE, SIZES, Box, Leader, Text
from fhir_case.timeline.layout.room import Room

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fhir_case.timeline.event import Event

__all__ = ["Labelled", "Placed", "label_lines", "place_labels"]

_SPACE = 6.0
_MOST_LINES = 16
LABEL_WIDTH = 190.0
"""How wide a line of a label is at most."""

_NEAR = 12.0


@dataclass(frozen=True, slots=True)
class Labelled:
    """
    A mark and the events that it stands for.

    Args:
        x0: The first place that it takes, with the times at which it can have been.
        x1: The last.
        at: Where the event is; its label begins there when it is below.
        events: The events.
        label: What is written at it; may be empty.
        inside: Whether that is written inside of it.
    """

    x0: float
    x1: float
    at: float
    events: tuple[Event, ...]
    label: str
    inside: bool = False


@dataclass
class Placed:
    """
    Labels that have a place.

    Attributes:
        texts: The labels.
        leaders: The lines that lead to them.
        height: The height of marks and labels.
        unplaced: The events whose label has none, or is cut.
    """

    texts: list[Text] = field(default_factory=list)
    leaders: list[Leader] = field(default_factory=list)
    height: float = 0.0
    unplaced: list[Event] = field(default_factory=list)


def label_lines(label: str) -> tuple[str, ...]:
    """Return a label in the lines in which it is drawn."""
    return wrapped(label, LABEL_WIDTH, SIZES["label"], most=8)


def place_labels(marks: Sequence[Labelled], y: float, mark_height: float, right: float) -> Placed:
    """
    Return the labels of marks that are side by side, so that none meets another, or a mark.

    They are placed from the right to the left: the line that leads to a label then meets no other label.

    Args:
        marks: The marks; those without a label only take room.
        y: The upper edge of the marks.
        mark_height: Their height.
        right: The last place that a label may take.
    """
    found = Placed(height=mark_height)
    line_height = SIZES["label"] * LINE
    room = Room()
    for x0, x1 in _united(marks):
        room.take(Box(x0, 0, x1, 1))
    for mark in sorted(_joined(marks), key=lambda one: -one.at):
        if not mark.label or mark.inside:
            continue
        lines = label_lines(mark.label)
        cut = is_cut(lines, mark.label)
        text = Text(0, 0, lines, "label", whole=mark.label if cut else "")
        place = _place(room, mark, text.width, len(lines), right)
        found.unplaced.extend(mark.events if cut and place else ())
        if place is None:
            found.unplaced.extend(mark.events)
            continue
        x, line = place
        top = y + (max(mark_height - line_height, 0) / 2 if line == 0 else mark_height + (line - 1) * line_height)
        found.texts.append(replace(text, x=x, y=top))
        room.take(Box(x, line, x + text.width + _SPACE, line + len(lines)))
        if line > 1:
            found.leaders.append(Leader(mark.at, y + mark_height, top))
        found.height = max(found.height, top - y + len(lines) * line_height)
    return found


def _joined(marks: Sequence[Labelled]) -> list[Labelled]:
    """Return marks, of which neighbours with the same label have it once, with their number."""
    joined: list[Labelled] = []
    for mark in sorted(marks, key=lambda one: (one.x0, one.x1, one.label)):
        last = joined[-1] if joined else None
        if last and last.label and last.label == mark.label and mark.x0 - last.x1 < _NEAR and not mark.inside:
            joined[-1] = Labelled(last.x0, max(last.x1, mark.x1), last.at, (*last.events, *mark.events), last.label)
        else:
            joined.append(mark)
    return [
        Labelled(one.x0, one.x1, one.at, one.events, f"{one.label} ×{len(one.events)}")
        if len(one.events) > 1 and one.label
        else one
        for one in joined
    ]


def _united(marks: Sequence[Labelled]) -> Iterator[tuple[float, float]]:
    """Yield the places that marks take, of which those that meet are one."""
    last: tuple[float, float] | None = None
    for mark in sorted(marks, key=lambda one: one.x0):
        if last and mark.x0 <= last[1]:
            last = (last[0], max(last[1], mark.x1))
            continue
        if last:
            yield last
        last = (mark.x0, mark.x1)
    if last:
        yield last


def _place(room: Room, mark: Labelled, width: float, count: int, right: float) -> tuple[float, int] | None:
    """Return the place and the line of a label; None where none is free. Lines are the rows of the room."""
    for line in range(_MOST_LINES):
        x = min(mark.at + 2, right - width) if line else mark.x1 + 4
        if x + width <= right and room.has(Box(x, line, x + width, line + count)):
            return x, line
    return None

"""The data of the picture as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fhir_case.timeline.event import LANES
from fhir_case.timeline.words import clipped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.timeline.axis import Axis
    from fhir_case.timeline.event import Event, Timeline

__all__ = ["TableRow", "table_of"]

_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class TableRow:
    """
    An event in words.

    Args:
        place: Its time as the axis counts; empty where it has none, or the axis has dates.
        time: Its time in words.
        lane: The heading of its lane.
        name: What it is.
        label: Its value, dose or grade.
        details: What else is said of it.
        resources: The resources that tell of it.
    """

    place: str
    time: str
    lane: str
    name: str
    label: str
    details: str
    resources: str


def table_of(timeline: Timeline, axis: Axis) -> Iterator[TableRow]:
    """Yield all events of a timeline in the order of time, and at the end those without one."""
    for event in (*timeline.events, *timeline.untimed):
        texts = (
            event.time_words,
            LANES[event.lane],
            event.name,
            event.label,
            "; ".join(event.details),
            ", ".join(event.resources),
        )
        yield TableRow(_place(event, axis), *(clipped(text, _LONGEST) for text in texts))


def _place(event: Event, axis: Axis) -> str:
    if axis.anchor is None:
        return ""
    moments = [moment for moment in (event.start, event.end) if moment]
    return " to ".join(axis.words(moment.at) for moment in moments)

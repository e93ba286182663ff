"""The parts of the picture, each with its place; distances are in pixels, those in a lane from its upper edge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from fhir_case.timeline.layout.measure import text_width

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.timeline.axis import Axis
    from fhir_case.timeline.event import Event, Lane

__all__ = [
    "LINE",
    "SIZES",
    "Band",
    "Bar",
    "Box",
    "LaneBox",
    "Leader",
    "Openness",
    "Picture",
    "Point",
    "Role",
    "Row",
    "Series",
    "Text",
    "Whisker",
]

Role = Literal["title", "subtitle", "heading", "name", "small", "label", "inside", "tick", "note", "note-heading"]
Openness = Literal["", "unknown", "ongoing"]

SIZES: dict[Role, float] = {
    "title": 17.0,
    "subtitle": 12.0,
    "heading": 13.0,
    "name": 12.0,
    "small": 10.0,
    "label": 11.0,
    "inside": 11.0,
    "tick": 10.0,
    "note": 11.0,
    "note-heading": 12.0,
}
"""The size of the letters of each kind of text."""

LINE = 1.25
"""The distance of lines, in sizes."""


class Box(NamedTuple):
    """The rectangle that something takes."""

    x0: float
    y0: float
    x1: float
    y1: float

    def meets(self, other: Box) -> bool:
        """Whether two have a point in common, other than their edges."""
        return self.x0 < other.x1 and other.x0 < self.x1 and self.y0 < other.y1 and other.y0 < self.y1

    def moved(self, down: float) -> Box:
        """Return it so much further down."""
        return Box(self.x0, self.y0 + down, self.x1, self.y1 + down)


@dataclass(frozen=True, slots=True)
class Text:
    """
    Some lines of text.

    Args:
        x: The place of their beginning, middle or end, as ``anchor`` says.
        y: The upper edge of the first.
        lines: The lines.
        role: What it is for, which decides its size and colour.
        anchor: Which part of a line is at ``x``.
        whole: The whole text, where the lines end before it does.
    """

    x: float
    y: float
    lines: tuple[str, ...]
    role: Role
    anchor: Literal["start", "middle", "end"] = "start"
    whole: str = ""

    @property
    def height(self) -> float:
        """Return the height of its lines."""
        return len(self.lines) * SIZES[self.role] * LINE

    @property
    def width(self) -> float:
        """Return the width of its longest line."""
        return max((text_width(line, SIZES[self.role]) for line in self.lines), default=0.0)

    @property
    def box(self) -> Box:
        """Return the rectangle that it takes."""
        left = self.x - {"start": 0.0, "middle": 0.5, "end": 1.0}[self.anchor] * self.width
        return Box(left, self.y, left + self.width, self.y + self.height)


@dataclass(frozen=True, slots=True)
class Point:
    """The mark of an event at its place; hollow where the place is only a bound of its time."""

    x: float
    y: float
    shape: str
    event: Event
    hollow: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """The mark of an event that lasts; ``left`` and ``right`` say why it is open there."""

    x0: float
    x1: float
    y: float
    height: float
    event: Event
    left: Openness = ""
    right: Openness = ""


@dataclass(frozen=True, slots=True)
class Whisker:
    """The times at which an event can have been; an arrow where the side is open."""

    x0: float
    x1: float
    y: float
    open_left: bool = False
    open_right: bool = False


@dataclass(frozen=True, slots=True)
class Leader:
    """The line from a mark to its label."""

    x: float
    y0: float
    y1: float


@dataclass(frozen=True, slots=True)
class Series:
    """The line through the values of a chart."""

    places: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Band:
    """The reference range of a chart."""

    x0: float
    x1: float
    y0: float
    y1: float
    words: str


@dataclass(frozen=True, slots=True)
class Row:
    """
    The events of one name.

    Args:
        y: Its upper edge.
        height: Its height.
        name: What it is, as it stands at the left.
        texts: All its texts.
        signs: All else that it has.
        events: Its events.
        unlabelled: Those of them whose label found no place; their values are in the notes and in the table.
        is_chart: Whether it has an axis of values.
    """

    y: float
    height: float
    name: str
    texts: tuple[Text, ...]
    signs: tuple[Point | Bar | Whisker | Leader | Series | Band, ...]
    events: tuple[Event, ...]
    unlabelled: tuple[Event, ...] = ()
    is_chart: bool = False


@dataclass(frozen=True, slots=True)
class LaneBox:
    """A lane with its heading and rows."""

    lane: Lane
    y: float
    height: float
    heading: Text
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """
    All that is drawn.

    Args:
        width: Its width.
        height: Its height.
        title: What it shows, in one line.
        description: The same in some sentences, for those who do not see it.
        axis: The time axis.
        axis_y: The lower edge of the axis at the top.
        body: The lower edge of the lanes.
        lanes: The lanes from the top down.
        texts: The texts that belong to no lane: head, ends of the axis, notes.
        signs: The signs that the legend has to explain.
    """

    width: float
    height: float
    title: str
    description: str
    axis: Axis
    axis_y: float
    body: float
    lanes: tuple[LaneBox, ...]
    texts: tuple[Text, ...]
    legend: tuple[tuple[str, Text], ...] = ()

    def all_texts(self) -> Iterator[tuple[Text, Box]]:
        """Yield every text with its rectangle on the page."""
        for text in (*self.texts, *(text for _, text in self.legend)):
            yield text, text.box
        for lane in self.lanes:
            for text in (lane.heading, *(text for row in lane.rows for text in row.texts)):
                yield text, text.box.moved(lane.y)

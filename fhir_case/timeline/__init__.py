"""
The course of a patient as a picture, read from FHIR of anyone: events, a time axis, a layout, and SVG, HTML or PNG.

::

    timeline = read_timeline(entries_of(bundle))
    svg = draw(timeline)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.timeline.event import LANES, Event, Lane, Timeline
from fhir_case.timeline.layout import WIDTH, lay_out
from fhir_case.timeline.reading import entries_of, read_timeline
from fhir_case.timeline.writing.svg import svg_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from fhir_case.timeline.layout.charts import Scale
    from fhir_case.timeline.writing.style import Theme

__all__ = ["LANES", "Event", "Lane", "Timeline", "counted_from", "draw", "entries_of", "read_timeline"]


def counted_from(timeline: Timeline, *, in_dates: bool = False) -> tuple[float, str] | None:
    """Return the day that the axis counts from, and what that is; None where it has dates."""
    if in_dates or timeline.anchor is None:
        return None
    return timeline.anchor.at, timeline.anchor_name


def draw(
    timeline: Timeline,
    *,
    lanes: Collection[Lane] = (),
    scale: Scale = "auto",
    in_dates: bool = False,
    theme: Theme = "auto",
    width: float = WIDTH,
    title: str = "",
    name: str = "timeline",
) -> str:
    """
    Return the picture of a timeline as SVG, as a document of its own or to stand inside of a page.

    Args:
        timeline: The events.
        lanes: Only these lanes; none means all.
        scale: The axis of values: ``log``, ``linear``, or ``auto``: logarithmic where they are far apart.
        in_dates: Whether the axis has dates, also where the source counts from an event.
        theme: Its colours; ``auto`` follows the reader's screen.
        width: How wide it is, in pixels.
        title: What stands above it; empty: the patient.
        name: With what its ids begin: pictures on one page need different ones.
    """
    picture = lay_out(
        timeline,
        lanes=lanes,
        scale=scale,
        counts_from=counted_from(timeline, in_dates=in_dates),
        width=width,
        title=title,
    )
    return svg_of(picture, theme=theme, name=name)

"""Write a picture as one web page: the picture, its data as a table, and a script without which both are whole."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from fhir_case.timeline.event import LANES
from fhir_case.timeline.writing.svg import svg_of
from fhir_case.timeline.writing.table import table_of

if TYPE_CHECKING:
    from fhir_case.timeline.event import Timeline
    from fhir_case.timeline.layout.picture import Picture
    from fhir_case.timeline.writing.style import Theme

__all__ = ["page_of"]


def page_of(timeline: Timeline, picture: Picture, *, theme: Theme = "auto") -> str:
    """
    Return the page, which loads nothing and sends nothing.

    Args:
        timeline: The events, for the table.
        picture: Where they are drawn.
        theme: The colours.
    """
    from base64 import b64encode
    from hashlib import sha256

    from jinja2 import Environment
    from markupsafe import Markup

    folder = files("fhir_case.timeline.writing")
    script = (folder / "timeline.js").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((folder / "timeline.html.jinja").read_text(encoding="utf-8"))
    return template.render(
        title=picture.title,
        theme=theme,
        picture=Markup(svg_of(picture, theme=theme)),  # noqa: S704 - it is written by us, and escaped there
        lanes=[(lane.lane, LANES[lane.lane]) for lane in picture.lanes],
        rows=list(table_of(timeline, picture.axis)),
        counts=picture.axis.anchor is not None,
        script=Markup(script),  # noqa: S704 - a file of ours
        allowed=b64encode(sha256(script.encode()).digest()).decode(),
    )

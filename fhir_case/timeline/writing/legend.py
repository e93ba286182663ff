"""The signs of the legend, each as it is drawn in the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement

from fhir_case.timeline.layout.picture import Whisker
from fhir_case.timeline.writing.shapes import number, path_of

if TYPE_CHECKING:
    from fhir_case.timeline.layout.picture import Text

__all__ = ["add_legend", "whisker_path"]


def whisker_path(sign: Whisker) -> str:
    """Return the line of a whisker: an arrow at an open side, a stroke at the others."""
    x0, x1, y = sign.x0, sign.x1, sign.y
    path = f"M{number(x0)} {number(y)}H{number(x1)}"
    for x, is_open, inward in ((x0, sign.open_left, 5), (x1, sign.open_right, -5)):
        if is_open:
            path += (
                f"M{number(x + inward)} {number(y - 4)}L{number(x)} {number(y)}L{number(x + inward)} {number(y + 4)}"
            )
        else:
            path += f"M{number(x)} {number(y - 4)}V{number(y + 4)}"
    return path


def add_legend(parent: Element, sign: str, text: Text) -> None:
    """Draw a sign of the legend to the left of its words."""
    x, y = text.x - 32, text.y + 7
    for kind, path in _paths(x, y)[sign]:
        SubElement(parent, "path", {"class": kind, "d": path})


def _paths(x: float, y: float) -> dict[str, list[tuple[str, str]]]:
    """Return the outlines of each sign with their classes, from a place to the right."""
    at = f"M{number(x)} "
    box = f"{at}{number(y - 5)}h26v10h-26Z"
    steps = (f"{at}{number(y - 6)}h13v12h-13Z", f"M{number(x + 13)} {number(y)}h13v6h-13Z")
    return {
        "ongoing": [("bar", f"{at}{number(y - 5)}h18v-3l8 8l-8 8v-3h-18Z")],
        "unknown-end": [("bar open", box)],
        "unknown-start": [("bar open", box)],
        "dose": [("bar", step) for step in steps],
        "open": [
            ("whisker", whisker_path(Whisker(x, x + 20, y, open_left=True))),
            ("mark hollow", path_of("circle", x + 20, y)),
        ],
        "between": [("whisker", whisker_path(Whisker(x, x + 26, y))), ("mark", path_of("circle", x + 13, y))],
        "band": [("band", box), ("band-edge", f"{at}{number(y - 5)}h26m0 10h-26")],
        "text": [("mark hollow", path_of("text", x + 13, y))],
        "break": [("break", f"M{number(x + 8)} {number(y - 7)}v14M{number(x + 18)} {number(y - 7)}v14")],
    }

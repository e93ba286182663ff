"""
Write a picture as SVG: no script, no font, nothing from elsewhere; text stays text, the same picture the same bytes.

Source: https://www.w3.org/TR/SVG2/ and https://www.w3.org/TR/svg-aam-1.0/ (names, roles)
"""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from fhir_case.timeline.event import LANES
from fhir_case.timeline.layout.picture import LINE, SIZES, Band, Bar, Leader, Point, Series, Whisker
from fhir_case.timeline.words import clipped
from fhir_case.timeline.writing.legend import add_legend, whisker_path
from fhir_case.timeline.writing.shapes import number, path_of
from fhir_case.timeline.writing.style import stylesheet

if TYPE_CHECKING:
    from fhir_case.timeline.event import Event
    from fhir_case.timeline.layout.picture import LaneBox, Picture, Row, Text
    from fhir_case.timeline.writing.style import Theme

__all__ = ["event_words", "svg_of"]

_LONGEST = 2000
_NAMESPACE = "http://www.w3.org/2000/svg"


def svg_of(picture: Picture, *, theme: Theme = "auto", name: str = "timeline") -> str:
    """
    Return a picture as SVG, as a document of its own or to stand inside of a page.

    Args:
        picture: What is drawn.
        theme: Its colours.
        name: With what its ids begin: pictures on one page need different ones.
    """
    width, height = number(picture.width), number(picture.height)
    root = Element(
        "svg",
        {
            "xmlns": _NAMESPACE,
            "class": "fhir-timeline",
            "width": width,
            "height": height,
            "viewBox": f"0 0 {width} {height}",
            "role": "graphics-document document",
            "aria-roledescription": "timeline",
            "aria-labelledby": f"{name}-title {name}-description",
            "lang": "en",
        },
    )
    SubElement(root, "title", {"id": f"{name}-title"}).text = clipped(picture.title, _LONGEST)
    SubElement(root, "desc", {"id": f"{name}-description"}).text = picture.description
    SubElement(root, "style").text = stylesheet(theme)
    SubElement(root, "rect", {"class": "paper", "width": width, "height": height})
    for text in picture.texts:
        _add_text(root, text)
    _axis(root, picture)
    for lane in picture.lanes:
        _lane(root, lane, picture, name)
    foot = SubElement(root, "g", {"class": "legend", "role": "list", "aria-label": "Signs"}) if picture.legend else root
    for sign, text in picture.legend:
        item = SubElement(foot, "g", {"role": "listitem"})
        add_legend(item, sign, text)
        _add_text(item, text)
    indent(root, " ")
    return tostring(root, encoding="unicode") + "\n"


def event_words(event: Event) -> str:
    """Return all that is said of an event, as its mark tells it to those who point at it, and to screen readers."""
    parts = (event.words, event.time_words, *event.details, ", ".join(event.resources))
    return clipped(". ".join(filter(None, parts)), _LONGEST)


def _axis(root: Element, picture: Picture) -> None:
    group = SubElement(root, "g", {"class": "axis", "aria-hidden": "true"})
    left, right = number(picture.axis.left - 6), number(picture.axis.right + 14)
    for y in (picture.axis_y, picture.body):
        path = "".join(f"M{number(tick.x)} {number(y - 2)}v5" for tick in picture.axis.ticks)
        SubElement(group, "path", {"class": "axis-line", "d": f"M{left} {number(y)}H{right}{path}"})


def _lane(root: Element, lane: LaneBox, picture: Picture, name: str) -> None:
    group = SubElement(
        root,
        "g",
        {
            "class": f"lane lane-{lane.lane}",
            "id": f"{name}-{lane.lane}",
            "role": "group",
            "aria-label": LANES[lane.lane],
            "transform": f"translate(0 {number(lane.y)})",
            "data-height": number(lane.height),
        },
    )
    _add_text(group, lane.heading)
    body = SubElement(group, "g", {"class": "rows", "role": "list"})
    for row in lane.rows[::2]:
        place = {"x": "8", "y": number(row.y), "width": number(picture.width - 16), "height": number(row.height)}
        SubElement(body, "rect", {"class": "stripe", **place})
    _grid(body, lane, picture)
    for row in lane.rows:
        _row(body, row)


def _grid(body: Element, lane: LaneBox, picture: Picture) -> None:
    top, bottom, axis = lane.rows[0].y, lane.height - 6, picture.axis
    lines = "".join(f"M{number(tick.x)} {number(top)}V{number(bottom)}" for tick in axis.ticks)
    SubElement(body, "path", {"class": "grid", "d": lines or "M0 0"})
    for gap in axis.gaps:
        if gap.broken:
            path = "".join(f"M{number(x)} {number(top)}V{number(bottom)}" for x in (gap.x0 + 4, gap.x1 - 4))
            SubElement(body, "path", {"class": "break", "d": path})
    if axis.anchor is not None:
        SubElement(
            body, "path", {"class": "anchor", "d": f"M{number(axis.x(axis.anchor))} {number(top)}V{number(bottom)}"}
        )


def _row(body: Element, row: Row) -> None:
    group = SubElement(body, "g", {"class": "row", "role": "listitem", "aria-label": clipped(row.name, 300)})
    for sign in row.signs:
        _add(sign, group)
    for text in row.texts:
        _add_text(group, text)


def _add_text(parent: Element, text: Text) -> None:
    size = SIZES[text.role]
    attributes = {"class": text.role, "x": number(text.x), "y": number(text.y + size)}
    if text.anchor != "start":
        attributes["text-anchor"] = text.anchor
    element = SubElement(parent, "text", attributes)
    if text.whole:
        SubElement(element, "title").text = clipped(text.whole, _LONGEST)
    if len(text.lines) == 1 and not text.whole:
        element.text = text.lines[0]
        return
    for count, line in enumerate(text.lines):
        SubElement(
            element, "tspan", {"x": number(text.x), "y": number(text.y + size + count * size * LINE)}
        ).text = line


def _event(group: Element, event: Event) -> Element:
    element = SubElement(group, "g", {"class": "event", "role": "graphics-symbol img"})
    SubElement(element, "title").text = event_words(event)
    return element


@singledispatch
def _add(sign: object, group: Element) -> None:
    raise TypeError(f"{type(sign).__name__} is no sign of {group.tag}")


@_add.register
def _(sign: Point, group: Element) -> None:
    hollow = " hollow" if sign.hollow or sign.shape in ("ring", "frame") else ""
    SubElement(_event(group, sign.event), "path", {"class": f"mark{hollow}", "d": path_of(sign.shape, sign.x, sign.y)})


@_add.register
def _(sign: Bar, group: Element) -> None:
    kind = "bar open" if sign.left == "unknown" or sign.right == "unknown" else "bar"
    x0, x1, y0, y1 = (number(each) for each in (sign.x0, sign.x1, sign.y, sign.y + sign.height))
    if sign.right == "ongoing":
        neck, middle = number(sign.x1 - 8), number(sign.y + sign.height / 2)
        barbs = number(sign.y - 3), number(sign.y + sign.height + 3)
        end = f"H{neck}V{barbs[0]}L{x1} {middle}L{neck} {barbs[1]}V{y1}"
    else:
        end = f"H{x1}V{y1}"
    SubElement(_event(group, sign.event), "path", {"class": kind, "d": f"M{x0} {y0}{end}H{x0}Z"})


@_add.register
def _(sign: Whisker, group: Element) -> None:
    SubElement(group, "path", {"class": "whisker", "d": whisker_path(sign)})


@_add.register
def _(sign: Leader, group: Element) -> None:
    SubElement(group, "path", {"class": "leader", "d": f"M{number(sign.x)} {number(sign.y0)}V{number(sign.y1 + 2)}"})


@_add.register
def _(sign: Series, group: Element) -> None:
    places = "L".join(f"{number(x)} {number(y)}" for x, y in sign.places)
    SubElement(group, "path", {"class": "series", "d": f"M{places}"})


@_add.register
def _(sign: Band, group: Element) -> None:
    x, width = number(sign.x0), number(sign.x1 - sign.x0)
    element = SubElement(
        group,
        "rect",
        {"class": "band", "x": x, "y": number(sign.y0), "width": width, "height": number(max(sign.y1 - sign.y0, 0.5))},
    )
    SubElement(element, "title").text = sign.words
    edges = "".join(f"M{x} {number(y)}h{width}" for y in (sign.y0, sign.y1))
    SubElement(group, "path", {"class": "band-edge", "d": edges})

"""The colours of the picture, light and dark; what they tell is told by shape, place and words as well."""

from __future__ import annotations

from typing import Literal

from fhir_case.timeline.event import LANES
from fhir_case.timeline.layout.picture import SIZES

__all__ = ["Theme", "stylesheet"]

Theme = Literal["auto", "light", "dark"]

_FONTS = "'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"
_LIGHT = {
    "paper": "#ffffff",
    "ink": "#1c1d21",
    "quiet": "#54565e",
    "line": "#dfe0e5",
    "stripe": "#f6f7f9",
    "band": "#9fb8a2",
}
_DARK = {
    "paper": "#17181b",
    "ink": "#ececef",
    "quiet": "#b0b2ba",
    "line": "#383a41",
    "stripe": "#1e2024",
    "band": "#5f7f66",
}
# Near the palette of Okabe and Ito, darker on light paper and lighter on dark, so that all stand out from it.
_COLOURS: dict[str, tuple[str, str]] = {
    "procedures": ("#0b4f93", "#7ec0ff"),
    "medications": ("#0072b2", "#6ab8ea"),
    "responses": ("#00694d", "#4fd1a8"),
    "adverse-events": ("#b23c00", "#ff9a5c"),
    "tumour-markers": ("#7a2f6f", "#e39ad4"),
    "conditions": ("#6b4d00", "#e8bd55"),
    "encounters": ("#4c5866", "#aebccb"),
    "imaging": ("#1f6073", "#7fcbe0"),
    "laboratory": ("#365f0f", "#a3d46a"),
    "vital-signs": ("#8a2433", "#f59aa8"),
    "findings": ("#48484f", "#c4c4cc"),
    "other": ("#48484f", "#c4c4cc"),
}
_WEIGHTS = {"title": 700, "heading": 700, "note-heading": 700}


def stylesheet(theme: Theme) -> str:
    """Return the style sheet; ``auto`` is dark where the reader's screen is, and light on paper."""
    rules = [*_plain(), *_coloured(_DARK if theme == "dark" else _LIGHT, 1 if theme == "dark" else 0)]
    text = "".join(rules)
    if theme == "auto":
        text += f"@media screen and (prefers-color-scheme:dark){{{''.join(_coloured(_DARK, 1))}}}"
    return text


def _plain() -> list[str]:
    sizes = [
        f".fhir-timeline .{role}{{font-size:{size:g}px;font-weight:{_WEIGHTS.get(role, 400)}}}"
        for role, size in SIZES.items()
    ]
    return [
        f".fhir-timeline text{{font-family:{_FONTS};stroke:none}}",
        *sizes,
        ".fhir-timeline .mark{fill-rule:evenodd;stroke-width:1.5;stroke-linejoin:round}",
        ".fhir-timeline .bar{stroke-width:1.2}",
        ".fhir-timeline .open{stroke-dasharray:4 2.5}",
        ".fhir-timeline .whisker{fill:none;stroke-width:1.4;stroke-dasharray:3 2.2}",
        ".fhir-timeline .series{fill:none;stroke-width:1.6;stroke-linejoin:round}",
        ".fhir-timeline .leader{fill:none;stroke-width:.8}",
        ".fhir-timeline .grid{fill:none;stroke-width:1}",
        ".fhir-timeline .anchor{fill:none;stroke-width:1.2;stroke-dasharray:6 3}",
        ".fhir-timeline .break{fill:none;stroke-width:1.2;stroke-dasharray:2 3}",
        ".fhir-timeline .band-edge{fill:none;stroke-width:1}",
        ".fhir-timeline .label{paint-order:stroke;stroke-width:2.5;stroke-linejoin:round}",
    ]


def _coloured(colours: dict[str, str], number: int) -> list[str]:
    paper, ink, quiet, line = (colours[name] for name in ("paper", "ink", "quiet", "line"))
    lanes = []
    for lane in LANES:
        colour = _COLOURS[lane][number]
        begin = f".fhir-timeline .lane-{lane}"
        lanes.append(
            f"{begin} .mark{{fill:{colour};stroke:{colour}}}{begin} .hollow{{fill:{paper}}}"
            f"{begin} .bar{{fill:{colour};fill-opacity:.22;stroke:{colour}}}"
            f"{begin} .series,{begin} .whisker{{stroke:{colour}}}"
        )
    return [
        f".fhir-timeline .paper{{fill:{paper}}}.fhir-timeline .stripe{{fill:{colours['stripe']}}}",
        f".fhir-timeline text{{fill:{ink}}}",
        f".fhir-timeline .small,.fhir-timeline .tick,.fhir-timeline .subtitle{{fill:{quiet}}}",
        f".fhir-timeline .label{{stroke:{paper}}}",
        f".fhir-timeline .grid{{stroke:{line}}}.fhir-timeline .leader{{stroke:{quiet}}}",
        f".fhir-timeline .anchor,.fhir-timeline .break,.fhir-timeline .axis-line{{stroke:{quiet};fill:none}}",
        f".fhir-timeline .band{{fill:{colours['band']};fill-opacity:.22}}",
        f".fhir-timeline .band-edge{{stroke:{colours['band']}}}",
        f".fhir-timeline .legend .bar{{fill:{quiet};fill-opacity:.22;stroke:{quiet}}}",
        f".fhir-timeline .legend .mark{{fill:{quiet};stroke:{quiet}}}.fhir-timeline .legend .hollow{{fill:{paper}}}",
        f".fhir-timeline .legend .whisker{{stroke:{quiet}}}",
        *lanes,
    ]

"""The outlines of marks, as data of SVG paths around their middle; they differ without their colours."""

from __future__ import annotations

import math

__all__ = ["number", "path_of"]

_R = 6.0


def number(value: float) -> str:
    """Return a place on the page: to a hundredth of a pixel, without zeros at the end."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def path_of(shape: str, x: float, y: float) -> str:
    """Return the outline of a shape, whose middle is at a place."""
    if shape in _ROUND:
        half = f"M{number(x)} {number(y - 4.4)}A4.4 4.4 0 0 1 {number(x)} {number(y + 4.4)}Z" if shape == "half" else ""
        return _circle(x, y, _ROUND[shape]) + half
    return _polygon([(x + dx * _R, y + dy * _R) for dx, dy in _POLYGONS[shape]])


_ROUND = {"circle": _R, "ring": _R - 0.5, "dot": 3.6, "half": _R}


def _circle(x: float, y: float, radius: float) -> str:
    r = number(radius)
    return (
        f"M{number(x - radius)} {number(y)}a{r} {r} 0 1 0 {number(2 * radius)} 0a{r} {r} 0 1 0 {number(-2 * radius)} 0Z"
    )


def _polygon(places: list[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{number(x)} {number(y)}" for x, y in places) + "Z"


def _star() -> tuple[tuple[float, float], ...]:
    points = []
    for corner in range(10):
        radius = 1.15 if corner % 2 == 0 else 0.5
        angle = math.pi * (corner / 5 - 0.5)
        points.append((radius * math.cos(angle), radius * math.sin(angle)))
    return tuple(points)


_POLYGONS: dict[str, tuple[tuple[float, float], ...]] = {
    "diamond": ((0, -1.15), (1.15, 0), (0, 1.15), (-1.15, 0)),
    "square": ((-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)),
    "triangle": ((0, -1.05), (1.1, 0.9), (-1.1, 0.9)),
    "star": _star(),
    "hexagon": ((-0.55, -0.95), (0.55, -0.95), (1.1, 0), (0.55, 0.95), (-0.55, 0.95), (-1.1, 0)),
    "cross": (
        (-0.35, -1), (0.35, -1), (0.35, -0.35), (1, -0.35), (1, 0.35), (0.35, 0.35),
        (0.35, 1), (-0.35, 1), (-0.35, 0.35), (-1, 0.35), (-1, -0.35), (-0.35, -0.35),
    ),
    "flag": ((-0.7, -1.1), (1, -0.55), (-0.4, 0), (-0.4, 1.1), (-0.7, 1.1)),
    "drop": ((0, -1.15), (0.75, 0.1), (0.5, 0.95), (-0.5, 0.95), (-0.75, 0.1)),
    "warning": ((0, 1.05), (1.1, -0.9), (-1.1, -0.9)),
    "frame": ((-1, -0.8), (1, -0.8), (1, 0.8), (-1, 0.8)),
    "text": ((0, -0.75), (0.75, 0), (0, 0.75), (-0.75, 0)),
    "down": ((0, 0.8), (0.8, -0.5), (-0.8, -0.5)),
    "up": ((0, -0.8), (0.8, 0.5), (-0.8, 0.5)),
}  # fmt: skip

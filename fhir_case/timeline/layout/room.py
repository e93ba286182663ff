"""What room is taken already, so that it is quickly known whether a label has some."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.timeline.layout.picture import Box

__all__ = ["Room"]

_CELL = 24.0


class Room:
    """Rectangles by the cells of a grid that they touch."""

    def __init__(self) -> None:
        self._cells: dict[tuple[int, int], list[Box]] = defaultdict(list)

    def take(self, box: Box) -> None:
        """Take the room of a rectangle."""
        for cell in _cells_of(box):
            self._cells[cell].append(box)

    def has(self, box: Box) -> bool:
        """Whether there is room for a rectangle."""
        return not any(box.meets(other) for cell in _cells_of(box) for other in self._cells.get(cell, ()))


def _cells_of(box: Box) -> Iterator[tuple[int, int]]:
    for column in range(int(box.x0 // _CELL), int(box.x1 // _CELL) + 1):
        for row in range(int(box.y0 // _CELL), int(box.y1 // _CELL) + 1):
            yield column, row

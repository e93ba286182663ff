"""The values of a case file with their places in it, and the problems that are found there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

__all__ = ["Loc", "LocatedDict", "Node", "Place", "Problem"]

Loc = tuple[str | int, ...]
"""The path from the top of the file to a value: keys and positions in lists."""


class Place(NamedTuple):
    """A place in a case file; lines and columns count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class LocatedDict(dict[str, Any]):
    """A mapping that carries its place from the reader to the entry that is made of it."""

    place: Place | None = None


@dataclass(slots=True, eq=False)
class Node:
    """
    One value of the file and where it is.

    Args:
        data: The plain value: `LocatedDict`, list, str, int, Decimal, bool or None.
        pairs: Of a mapping: by key, the place of the key and the value.
        items: Of a list: its values.
        spoiled: Whether a problem was already found here, so that what follows from it is not reported too.
        doubtful: Whether a problem was found in some part of it.
        size: How many values it holds with itself, aliases written out.
        height: How many levels lie below it.
    """

    place: Place
    data: Any = None
    pairs: dict[str, tuple[Place, Node]] = field(default_factory=dict)
    items: list[Node] = field(default_factory=list)
    spoiled: bool = False
    doubtful: bool = False
    size: int = 1
    height: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where, at which path, what it is and what to do."""

    place: Place
    loc: Loc
    what: str
    hint: str = ""

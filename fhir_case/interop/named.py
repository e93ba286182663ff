"""Distinguish what has the same name."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["by_name"]

_One = TypeVar("_One")


def by_name(items: Iterable[_One], name_of: Callable[[_One], str]) -> dict[str, _One]:
    """Return items by their names, in their order; the second of a name is ``name (2)``."""
    found: dict[str, _One] = {}
    following: dict[str, count[int]] = {}
    for item in items:
        name = name_of(item)
        if name in found:
            numbers = following.setdefault(name, count(2))
            name = next(other for number in numbers if (other := f"{name} ({number})") not in found)
        found[name] = item
    return found

"""Topological order and cycles: what is referred to comes first."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["cycles_in_order", "levels"]


class _Targets(Protocol):
    """Return for each number those that it refers to."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int, /) -> Iterable[int]: ...


def cycles_in_order(targets: _Targets) -> Iterator[list[int]]:
    """
    Return groups of the numbers 0 to n - 1: what a group refers to is in the same group or in an earlier one.

    A group has more than one member only where they refer to each other in a cycle. Members are in ascending order,
    and equal input gives equal order.

    Args:
        targets: For each number, the numbers that it refers to.

    Source: Tarjan, Depth-first search and linear graph algorithms, SIAM J. Comput. 1 (1972), without recursion.
    """
    search = _Search(targets)
    for root in range(len(targets)):
        if not search.has_met(root):
            yield from search.from_root(root)


class _Search:
    """Go along the references, and remember for each number when it was met and how far back one can go from it."""

    def __init__(self, targets: _Targets) -> None:
        self._targets = targets
        self._order = array("q", [-1]) * len(targets)  # the order in which it was met
        self._lowest = array("q", [0]) * len(targets)
        self._grouped = bytearray(len(targets))
        self._open: list[int] = []
        self._met = 0

    def has_met(self, number: int) -> bool:
        return self._order[number] >= 0

    def from_root(self, root: int) -> Iterator[list[int]]:
        path = [self._meet(root)]
        while path:
            number, following = path[-1]
            new = self._next(number, following)
            if new is not None:
                path.append(self._meet(new))
                continue
            path.pop()
            if path:
                parent = path[-1][0]
                self._lowest[parent] = min(self._lowest[parent], self._lowest[number])
            if self._lowest[number] == self._order[number]:
                yield self._group(number)

    def _meet(self, number: int) -> tuple[int, Iterator[int]]:
        self._order[number] = self._lowest[number] = self._met
        self._met += 1
        self._open.append(number)
        return number, iter(self._targets[number])

    def _next(self, number: int, following: Iterator[int]) -> int | None:
        for other in following:
            if self._order[other] < 0:
                return other
            if not self._grouped[other]:
                self._lowest[number] = min(self._lowest[number], self._order[other])
        return None

    def _group(self, number: int) -> list[int]:
        start = bisect_left(self._open, self._order[number], key=self._order.__getitem__)
        group = sorted(self._open[start:])
        del self._open[start:]
        for member in group:
            self._grouped[member] = 1
        return group


def levels(count: int, edges: Iterable[tuple[int, int]]) -> tuple[array[int], list[list[int]]]:
    """
    Return for each number 0 to n - 1 its level, and the cycles.

    What a number refers to comes at a lower level, or at the same one if both are in one cycle.

    Args:
        count: How many numbers there are.
        edges: Pairs of a number and one that it refers to; 8 bytes are kept for each.
    """
    start, end = array("I"), array("I")
    for number, other in edges:
        if number != other:
            start.append(number)
            end.append(other)
    level_of = array("I", bytes(4 * count))
    if not start:
        return level_of, []
    targets = _Grouped(count, start, end)
    cycles = []
    for group in cycles_in_order(targets):
        members = set(group)
        level = max(
            (level_of[other] + 1 for number in group for other in targets[number] if other not in members), default=0
        )
        for number in group:
            level_of[number] = level
        if len(group) > 1:
            cycles.append(group)
    return level_of, cycles


class _Grouped:
    """The targets of each number in two arrays; lists of lists would take ten times the memory."""

    def __init__(self, count: int, start: array[int], end: array[int]) -> None:
        self._first = array("I", bytes(4 * (count + 1)))
        for number in start:
            self._first[number + 1] += 1
        for number in range(count):
            self._first[number + 1] += self._first[number]
        self._targets = array("I", bytes(4 * len(end)))
        position = self._first[:]
        for number, other in zip(start, end, strict=True):
            self._targets[position[number]] = other
            position[number] += 1

    def __len__(self) -> int:
        return len(self._first) - 1

    def __getitem__(self, number: int) -> array[int]:
        return self._targets[self._first[number] : self._first[number + 1]]

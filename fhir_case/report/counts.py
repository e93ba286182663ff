"""Counts as text, for the reports of all commands: a number with its noun, and a small table."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["counted", "counts_table"]


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun: ``1 resource``, ``2 resources``."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def counts_table(groups: Mapping[str, Mapping[str, int | str]]) -> list[str]:
    """
    Return counts as lines of a group, a name and a number, aligned, and narrow enough for any terminal.

    Args:
        groups: The counts of each group by their names; a group without counts has no line.
    """
    rows = [
        ("" if position else group, name, f"{number:,}" if isinstance(number, int) else number)
        for group, counts in groups.items()
        for position, (name, number) in enumerate(counts.items())
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [f"{group:<{widths[0]}}  {name:<{widths[1]}}  {number:>{widths[2]}}" for group, name, number in rows]

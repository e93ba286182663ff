"""Write CSV that a spreadsheet opens as what it is: text."""

from __future__ import annotations

__all__ = ["cell"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell(text: object) -> str:
    """Return the text of a cell; a spreadsheet takes what begins like a formula for one."""
    written = str(text)
    return f"'{written}" if written.startswith(_FORMULA) else written

"""Name an error that nobody expected, and its place in the program, in a few words."""

from __future__ import annotations

from pathlib import Path
from traceback import extract_tb

__all__ = ["place_of"]


def place_of(error: BaseException) -> str:
    """Return the kind of an error and where it arose: what a server answers may find a gap of this program."""
    frames = extract_tb(error.__traceback__)
    where = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"

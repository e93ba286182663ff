"""The units of time as reports write them, their UCUM codes and their words."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic_core import PydanticCustomError

__all__ = ["TIME_UNITS", "TimeUnit", "counted", "time_unit"]

TimeUnit = Literal["min", "h", "d", "wk", "mo", "a"]

_WORDS: dict[TimeUnit, str] = {"min": "minute", "h": "hour", "d": "day", "wk": "week", "mo": "month", "a": "year"}
_SHORT: dict[str, TimeUnit] = {
    "mins": "min", "hr": "h", "hrs": "h", "w": "wk", "wks": "wk", "mos": "mo", "y": "a", "yr": "a", "yrs": "a"
}  # fmt: skip

TIME_UNITS: dict[str, TimeUnit] = {
    **{code: code for code in _WORDS},
    **{word: code for code, word in _WORDS.items()},
    **{f"{word}s": code for code, word in _WORDS.items()},
    **_SHORT,
}
"""UCUM codes by the units as printed."""


def time_unit(text: str) -> TimeUnit:
    """
    Return the UCUM code of a unit of time as printed.

    Raises:
        PydanticCustomError: It is none, or may be two.
    """
    code = TIME_UNITS.get(text) or TIME_UNITS.get(text.lower())
    if code is None:
        advice = "write min for minutes, mo for months" if text == "m" else "write min, h, d, wk, mo or a (year)"
        raise PydanticCustomError(
            "time_unit", "'{given}' is not a unit of time; {advice}", {"given": text[:20], "advice": advice}
        )
    return code


def counted(number: Decimal, unit: TimeUnit) -> str:
    """Return a span of time in words, for example ``6 months``."""
    return f"{number:f} {_WORDS[unit]}{'' if number == 1 else 's'}"

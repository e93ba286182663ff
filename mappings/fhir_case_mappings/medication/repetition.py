"""How often a drug is given, without days, meals and bounds: times in a period, and the Timing of FHIR."""

from __future__ import annotations

import re
from typing import Any

from fhir_case_mappings.medication.schedule import DAYS_OF

__all__ = ["COUNT", "SPAN", "UNIT", "UNITS", "UNIT_WORDS", "counted", "number", "repetition"]

_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_COUNTS = {"once": 1, "twice": 2, "thrice": 3} | {word: number for number, word in enumerate(_NUMBERS, 1)}
_ORDINALS = {"other": 2, "second": 2, "third": 3, "fourth": 4}
UNITS = {
    "min": "min", "minute": "min", "minutes": "min",
    "h": "h", "hr": "h", "hrs": "h", "hour": "h", "hours": "h",
    "d": "d", "day": "d", "days": "d",
    "w": "wk", "wk": "wk", "wks": "wk", "week": "wk", "weeks": "wk",
    "mo": "mo", "month": "mo", "months": "mo",
    "a": "a", "y": "a", "yr": "a", "year": "a", "years": "a",
}  # fmt: skip
UNIT_WORDS = {"min": "minute", "h": "hour", "d": "day", "wk": "week", "mo": "month", "a": "year"}
_LATIN = {
    "qd": (1, 1), "od": (1, 1), "bid": (2, 1), "bd": (2, 1), "tid": (3, 1), "tds": (3, 1), "qid": (4, 1), "qds": (4, 1),
    "qod": (1, 2),
}  # fmt: skip
_ADVERBS = {"hourly": "h", "daily": "d", "weekly": "wk", "monthly": "mo", "yearly": "a"}
UNIT = "|".join(sorted(UNITS, key=len, reverse=True))
COUNT = rf"(?:\d+|{'|'.join(_COUNTS)})"
SPAN = rf"(?P<n>{COUNT})(?: (?:-|to|or) (?P<m>{COUNT}))?"
_ZERO = re.compile(r"\b0+\b")
_ONCE = frozenset({
    "once", "once only", "single", "single dose", "a single dose", "one dose", "one time", "1 dose", "1 time", "stat",
    "1 x", "x 1",
})  # fmt: skip
_NIGHTLY = frozenset({"nightly", "every night", "qn"})
_CONTINUOUS = frozenset({"continuous", "continuously", "continuous infusion"})
_DOSES = re.compile(rf"^(?P<n>{COUNT}) (?:doses|times)$")
_PER = re.compile(rf"^{SPAN}(?: x)?(?: times?| doses?)? (?:/|per|an?|every|each) (?:(?P<k>\d+) )?(?P<unit>{UNIT})$")
# As in three-weekly docetaxel: once in so many weeks. Times a week are twice weekly, 2 x weekly, 2 times weekly.
_EVERY_SO_MANY = re.compile(rf"^(?P<n>\d+|{'|'.join(_NUMBERS)}) (?P<adverb>hourly|weekly|monthly)$")
_DAYS_IN = re.compile(
    rf"^(?P<n>{COUNT}) (?:days?|d) (?:/|per|an?|in|of|every|each) (?:(?P<k>\d+) )?(?P<unit>d|days?|wks?|weeks?)$"
)
_ADVERB = re.compile(rf"^(?:{SPAN} (?:x |times? )?)?(?P<adverb>{'|'.join(_ADVERBS)})$")
_EVERY = re.compile(rf"^(?:every|each|q) (?:(?P<ordinal>{'|'.join(_ORDINALS)}) |{SPAN} )?(?P<unit>{UNIT})$")


def repetition(rest: str) -> tuple[str, dict[str, Any]] | None:
    """Return the words and the repetition of what is left of a frequency; None where it is not understood."""
    if not rest or rest in _CONTINUOUS:
        return rest, {}
    if _ZERO.search(rest):  # every 0 h
        return None
    if rest in _ONCE:
        return "once", {"count": 1}
    if match := _DOSES.match(rest):
        return rest, {"count": number(match["n"])}
    if rest in _NIGHTLY:
        return "every night", {"frequency": 1, "period": 1, "periodUnit": "d", "when": ["NIGHT"]}
    return _periodic(rest)


def _periodic(rest: str) -> tuple[str, dict[str, Any]] | None:  # noqa: PLR0911 - one return for each form
    if rest in _LATIN:
        frequency, period = _LATIN[rest]
        return _repeated(frequency, 0, period, "d")
    if match := _PER.match(rest):
        return _repeated(number(match["n"]), number(match["m"]), int(match["k"] or 1), UNITS[match["unit"]])
    if match := _EVERY_SO_MANY.match(rest):
        return _repeated(1, 0, number(match["n"]), _ADVERBS[match["adverb"]])
    if match := _DAYS_IN.match(rest):
        return _on_some_days(number(match["n"]), int(match["k"] or 1) * int(DAYS_OF[UNITS[match["unit"]]]))
    if match := _ADVERB.match(rest):
        return _repeated(number(match["n"]) or 1, number(match["m"]), 1, _ADVERBS[match["adverb"]])
    if match := _EVERY.match(rest):
        period = _ORDINALS.get(match["ordinal"] or "") or number(match["n"]) or 1
        return _repeated(1, 0, period, UNITS[match["unit"]], number(match["m"]))
    return None


def _on_some_days(days: int, length: int) -> tuple[str, dict[str, Any]] | None:
    if not 0 < days <= length or length == 1:
        return None
    said = f"on {counted(days, 0, 'd')} in {counted(length, 0, 'd')}"
    return said, {"frequency": days, "period": length, "periodUnit": "d"}


def _repeated(
    frequency: int, at_most: int, period: int, unit: str, longest: int = 0
) -> tuple[str, dict[str, Any]] | None:
    if not frequency or not period or 0 < at_most <= frequency or 0 < longest <= period:
        return None
    times = {1: "once", 2: "twice"}.get(frequency, f"{frequency} times")
    if at_most:
        times = f"{frequency} to {at_most} times"
    if (frequency, at_most) == (1, 0) and (period, unit) != (1, "d"):
        words = (
            f"every {UNIT_WORDS[unit]}" if (period, longest) == (1, 0) else f"every {counted(period, longest, unit)}"
        )
    elif period == 1 and unit == "d":
        words = f"{times} daily"
    else:
        words = f"{times} a {UNIT_WORDS[unit]}" if period == 1 else f"{times} in {counted(period, longest, unit)}"
    repeat: dict[str, Any] = {"frequency": frequency}
    if at_most:
        repeat["frequencyMax"] = at_most
    repeat["period"] = period
    if longest:
        repeat["periodMax"] = longest
    return words, repeat | {"periodUnit": unit}


def number(text: str | None) -> int:
    """Return a number that is written in digits or as a word; 0 without one."""
    if not text:
        return 0
    return int(text) if text.isdigit() else _COUNTS.get(text, 0)


def counted(low: int, high: int, unit: str) -> str:
    """Return a number of units in words, for example ``3 to 5 days``; ``high`` is 0 where there is one number."""
    count = str(low) if high in {0, low} else f"{low} to {high}"
    return f"{count} {UNIT_WORDS[unit]}" + ("" if count == "1" else "s")

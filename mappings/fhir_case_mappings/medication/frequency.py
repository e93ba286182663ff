"""How often a drug is given: the words of a prescription, what is understood of them, and the Timing of FHIR."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case import Concept
from fhir_case.case.forms import KEY
from fhir_case_mappings.medication.schedule import (
    DAYS_OF,
    Schedule,
    cycle_of,
    day_words,
    most_in_a_day,
    of_days,
    times_on_a_day,
)

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaValue

__all__ = ["Frequency", "schedule_of"]

_HINT = "write 3/d, every 8 h, every 3 wk, days 1, 8, 15 of 28, once, weekly, as needed, or words as {text: …}"
_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_COUNTS = {"once": 1, "twice": 2, "thrice": 3} | {word: number for number, word in enumerate(_NUMBERS, 1)}
_ORDINALS = {"other": 2, "second": 2, "third": 3, "fourth": 4}
_UNITS = {
    "min": "min", "minute": "min", "minutes": "min",
    "h": "h", "hr": "h", "hrs": "h", "hour": "h", "hours": "h",
    "d": "d", "day": "d", "days": "d",
    "w": "wk", "wk": "wk", "wks": "wk", "week": "wk", "weeks": "wk",
    "mo": "mo", "month": "mo", "months": "mo",
    "a": "a", "y": "a", "yr": "a", "year": "a", "years": "a",
}  # fmt: skip
_UNIT_WORDS = {"min": "minute", "h": "hour", "d": "day", "wk": "week", "mo": "month", "a": "year"}
_LATIN = {
    "qd": (1, 1), "od": (1, 1), "bid": (2, 1), "bd": (2, 1), "tid": (3, 1), "tds": (3, 1), "qid": (4, 1), "qds": (4, 1),
    "qod": (1, 2),
}  # fmt: skip
_ADVERBS = {"hourly": "h", "daily": "d", "weekly": "wk", "monthly": "mo", "yearly": "a"}
# https://hl7.org/fhir/R4/valueset-event-timing.html
_WHEN = {
    "in the morning": "MORN", "in the afternoon": "AFT", "in the evening": "EVE", "at night": "NIGHT",
    "at bedtime": "HS", "with meals": "C", "before meals": "AC", "after meals": "PC",
}  # fmt: skip

# The patterns are for words, numbers and signs with one space between them, as `_plain` writes them.
_UNIT = "|".join(sorted(_UNITS, key=len, reverse=True))
_COUNT = rf"(?:\d+|{'|'.join(_COUNTS)})"
_N = rf"(?P<n>{_COUNT})(?: (?:-|to|or) (?P<m>{_COUNT}))?"
_LONGEST = 100  # no prescription has more letters
_MEALS = frozenset({"C", "AC", "PC"})
_ZERO = re.compile(r"\b0+\b")
_WRITTEN = re.compile(r"^[a-z0-9 /,+-]*$")
_ONCE = frozenset({
    "once", "once only", "single", "single dose", "a single dose", "one dose", "one time", "1 dose", "1 time", "stat",
    "1 x", "x 1",
})  # fmt: skip
_NIGHTLY = frozenset({"nightly", "every night", "qn"})
_CONTINUOUS = frozenset({"continuous", "continuously", "continuous infusion"})
_DOSES = re.compile(rf"^(?P<n>{_COUNT}) (?:doses|times)$")
_PER = re.compile(rf"^{_N}(?: x)?(?: times?| doses?)? (?:/|per|an?|every|each) (?:(?P<k>\d+) )?(?P<unit>{_UNIT})$")
_ADVERB = re.compile(rf"^(?:{_N} (?:x |times? )?)?(?P<adverb>{'|'.join(_ADVERBS)})$")
_EVERY = re.compile(rf"^(?:every|each|q) (?:(?P<ordinal>{'|'.join(_ORDINALS)}) |{_N} )?(?P<unit>{_UNIT})$")
_AS_NEEDED = re.compile(r"\b(?:as needed|if needed|when needed|on demand|prn)\b")
_FOR = re.compile(rf"\bfor {_N} (?P<unit>{_UNIT})\b")
_TIMES = re.compile(rf"\b(?:for|x) (?P<n>{_COUNT}) doses\b")
_LISTED = r"\d+(?: (?:-|to) \d+)?"
_DAYS = re.compile(
    rf"\b(?:on )?(?:days?|d) (?P<days>{_LISTED}(?: (?:, and|,|and|\+) {_LISTED})*)"
    rf"(?: (?:of|every|in|q)(?: an?)?(?: (?P<cycle>\d+)(?: (?P<unit>{_UNIT})\b)?| each| every)?(?: cycle)?)?"
    r"(?![\w/]| /)"
)


class Frequency(Concept):
    """
    How often a drug is given.

    The short form is a prescription, such as ``3/d``, ``every 8 h``, ``days 1, 8, 15 of 28``, ``once`` or ``weekly``,
    or a short name, such as ``twice-daily``. Words of the report that are no prescription are written {text: …}.
    """

    @classmethod
    def short_schema(cls) -> JsonSchemaValue:  # noqa: D102 - as inherited
        return {"type": "string", "description": "3/d, every 8 h, days 1, 8, 15 of 28, once, weekly, twice-daily"}

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, data: Any) -> Any:
        if not isinstance(data, str):
            return data
        text = data.strip()
        schedule_of(text)  # what contradicts itself is refused with its reason
        if KEY.match(text) and len(text) <= 40:
            return {"name": text}
        if schedule_of(text) is None:
            raise _not_understood(text)
        return {"text": text}

    @model_validator(mode="after")
    def _is_understood(self) -> Frequency:
        if self.name is not None and schedule_of(self.name) is None:
            raise _not_understood(self.name)
        return self

    @property
    def schedule(self) -> Schedule | None:
        """Return what is understood of it; None for words and codes that are no prescription."""
        try:
            return schedule_of(self.name or self.text or "")
        except PydanticCustomError:  # words of the report that can mean two things are kept as words
            return None


def _not_understood(text: str) -> PydanticCustomError:
    # Never with a suggestion: what is near in letters is another dose.
    return PydanticCustomError(
        "frequency", "'{given}' is not understood as a frequency; {hint}", {"given": text[:60], "hint": _HINT}
    )


def schedule_of(text: str) -> Schedule | None:
    """
    Return what is understood of a frequency; None where it is not.

    Raises:
        PydanticCustomError: It is ambiguous, or contradicts itself.
    """
    rest = _plain(text)
    if rest is None or re.search(r"\d{5}", rest):  # no prescription counts so far, nor does FHIR
        return None
    if re.search(r"\bbi ?(?:weekly|monthly)\b", rest):
        raise PydanticCustomError(
            "frequency", "'{given}' can mean two things; write 2/wk or every 2 wk", {"given": text[:60]}
        )
    rest, as_needed = _AS_NEEDED.subn("", rest)
    repeat: dict[str, Any] = {}
    rest, words = _bounds(rest, repeat, text)
    rest, days, cycle = _days(rest, text)
    for said, code in _WHEN.items():
        if said in rest:
            repeat["when"] = [code]
            rest, words = rest.replace(said, ""), [said, *words]
    rest = " ".join(rest.replace(",", " ").split())
    core = _core(rest)
    if core is None or not (rest or days or repeat or as_needed):
        return None
    said, every = core
    most, a_day = most_in_a_day(every), 1
    at_meals = not _MEALS.isdisjoint(repeat.get("when", ())) and not every  # how many meals a day is not said
    if days:
        said, every, cycle, a_day = _on_days(said, every, days, cycle)
        every, a_day = ({}, 0) if at_meals else (every, a_day)
        words = [day_words(days, cycle), *words]
        repeat = repeat if every else {name: value for name, value in repeat.items() if name != "when"}
    elif not every and not at_meals and "when" in repeat:
        every = {"frequency": 1, "period": 1, "periodUnit": "d"}
    if as_needed:
        words = [*words, "as needed"]
    said = ", ".join(filter(None, (said, *words)))
    return Schedule(said, every | repeat, bool(as_needed), days, cycle, a_day, most)


def _on_days(
    said: str, every: dict[str, Any], days: tuple[int, ...], cycle: int
) -> tuple[str, dict[str, Any], int, int]:
    """Return words, repetition, length of the cycle and times on a day of a drug that is given on some days only."""
    a_day = times_on_a_day(days, every)
    if not cycle and (cycle := cycle_of(every, days[-1])):
        said, a_day = "", 1
    once = every if every == {"count": 1} and len(days) == 1 else {}
    return said, of_days(days, cycle, a_day) or once, cycle, a_day


def _plain(text: str) -> str | None:
    """Return words, numbers and signs with one space between them; None where a text has others, or is too long."""
    lower = text.strip().lower().replace("×", "x").replace("–", "-").replace("_", " ")
    if len(lower) > _LONGEST or not _WRITTEN.match(lower):
        return None
    plain = " ".join(re.findall(r"\d+|[a-z]+|[/,+-]", lower))
    plain = re.sub(r"(?<=[a-z]) - | - (?=[a-z])", " ", plain)  # the hyphens of a short name
    return re.sub(r"(?:(?<=, )|(?<=and )|(?<=\+ ))d (?=\d)", "", plain)


def _bounds(rest: str, repeat: dict[str, Any], text: str) -> tuple[str, list[str]]:
    words: list[str] = []
    if match := _TIMES.search(rest):
        repeat["count"] = _number(match["n"])
        if not repeat["count"]:
            raise _contradiction(text, "has no dose")
        words.append(f"{repeat['count']} doses")
        rest = rest.replace(match[0], "")
    if match := _FOR.search(rest):
        low, high = _number(match["n"]), _number(match["m"] or match["n"])
        if not 0 < low <= high:
            raise _contradiction(text, "has a time that is nothing, or is not in order")
        unit = _UNITS[match["unit"]]
        ends = [
            {"value": each, "unit": _UNIT_WORDS[unit], "system": "http://unitsofmeasure.org", "code": unit}
            for each in (low, high)
        ]
        repeat |= {"boundsDuration": ends[0]} if low == high else {"boundsRange": {"low": ends[0], "high": ends[1]}}
        words.append(f"for {_counted(low, high, unit)}")
        rest = rest.replace(match[0], "")
    return rest, words


def _days(rest: str, text: str) -> tuple[str, tuple[int, ...], int]:
    match = _DAYS.search(rest)
    if match is None:
        return rest, (), 0
    days: list[int] = []
    for part in re.findall(_LISTED, match["days"]):
        first, *more = (int(each) for each in re.findall(r"\d+", part))
        last = more[0] if more else first
        if not (days[-1] if days else 0) < first <= last <= 366:
            raise _contradiction(text, "has days that are not in order, or are none of 1 to 366")
        days += range(first, last + 1)
    unit = _UNITS[match["unit"] or "d"]
    cycle = int(match["cycle"] or 0) * int(DAYS_OF[unit] if unit in {"d", "wk"} else 0)
    if match["cycle"] and cycle < days[-1]:
        raise _contradiction(text, f"has a day {days[-1]} that the cycle does not have")
    return rest.replace(match[0], " "), tuple(days), cycle


def _contradiction(text: str, wrong: str) -> PydanticCustomError:
    return PydanticCustomError("frequency", "'{given}' {wrong}", {"given": text[:60], "wrong": wrong})


def _core(rest: str) -> tuple[str, dict[str, Any]] | None:
    """Return the words and the repetition of what is left of a frequency; None where it is not understood."""
    if not rest or rest in _CONTINUOUS:
        return rest, {}
    if _ZERO.search(rest):  # every 0 h
        return None
    if rest in _ONCE:
        return "once", {"count": 1}
    if match := _DOSES.match(rest):
        return rest, {"count": _number(match["n"])}
    if rest in _NIGHTLY:
        return "every night", {"frequency": 1, "period": 1, "periodUnit": "d", "when": ["NIGHT"]}
    return _periodic(rest)


def _periodic(rest: str) -> tuple[str, dict[str, Any]] | None:
    if rest in _LATIN:
        frequency, period = _LATIN[rest]
        return _repeated(frequency, 0, period, "d")
    if match := _PER.match(rest):
        return _repeated(_number(match["n"]), _number(match["m"]), int(match["k"] or 1), _UNITS[match["unit"]])
    if match := _ADVERB.match(rest):
        return _repeated(_number(match["n"]) or 1, _number(match["m"]), 1, _ADVERBS[match["adverb"]])
    if match := _EVERY.match(rest):
        period = _ORDINALS.get(match["ordinal"] or "") or _number(match["n"]) or 1
        return _repeated(1, 0, period, _UNITS[match["unit"]], _number(match["m"]))
    return None


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
            f"every {_UNIT_WORDS[unit]}" if (period, longest) == (1, 0) else f"every {_counted(period, longest, unit)}"
        )
    elif period == 1 and unit == "d":
        words = f"{times} daily"
    else:
        words = f"{times} a {_UNIT_WORDS[unit]}" if period == 1 else f"{times} in {_counted(period, longest, unit)}"
    repeat: dict[str, Any] = {"frequency": frequency}
    if at_most:
        repeat["frequencyMax"] = at_most
    repeat["period"] = period
    if longest:
        repeat["periodMax"] = longest
    return words, repeat | {"periodUnit": unit}


def _number(text: str | None) -> int:
    if not text:
        return 0
    return int(text) if text.isdigit() else _COUNTS.get(text, 0)


def _counted(low: int, high: int, unit: str) -> str:
    count = str(low) if high in {0, low} else f"{low} to {high}"
    return f"{count} {_UNIT_WORDS[unit]}" + ("" if count == "1" else "s")

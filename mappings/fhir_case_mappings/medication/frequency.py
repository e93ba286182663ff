"""How often a drug is given: the words of a prescription, what is understood of them, and the Timing of FHIR."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case import Concept
from fhir_case.case.forms import KEY
from fhir_case_mappings.medication.repetition import COUNT, SPAN, UNIT, UNIT_WORDS, UNITS, counted, number, repetition
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
# https://hl7.org/fhir/R4/valueset-event-timing.html
_WHEN = {
    "in the morning": "MORN", "in the afternoon": "AFT", "in the evening": "EVE", "at night": "NIGHT",
    "at bedtime": "HS", "with meals": "C", "before meals": "AC", "after meals": "PC",
    "every morning": "MORN", "every afternoon": "AFT", "every evening": "EVE", "hs": "HS", "nocte": "NIGHT",
}  # fmt: skip

_LATIN_WHEN = {"hs": "at bedtime", "nocte": "at night"}

# The patterns are for words, numbers and signs with one space between them, as `_plain` writes them.
_LONGEST = 100  # no prescription has more letters
_MEALS = frozenset({"C", "AC", "PC"})
_WRITTEN = re.compile(r"^[a-z0-9 /,+-]*$")
_AS_NEEDED = re.compile(r"\b(?:as needed|if needed|when needed|on demand|prn)\b")
_FOR = re.compile(rf"\b(?:for|x) {SPAN} (?P<unit>{UNIT})\b")
_TIMES = re.compile(rf"\b(?:for|x) (?P<n>{COUNT}) (?:doses|times)\b|(?<=[a-z]) x (?P<last>{COUNT})$")
_CYCLES = re.compile(rf"\b(?:for|x) (?P<n>{COUNT}) (?:cycles|courses)\b")
_ON_AND_OFF = re.compile(
    rf"\b(?P<on>{COUNT}) (?P<unit>{UNIT}) on(?: ,| /|, and| and| then| followed by)? "
    rf"(?P<off>{COUNT}) (?P<other>{UNIT}) off\b"
)
_BEFORE_DAY_ONE = re.compile(r"\bdays? +[-−–]\d", re.IGNORECASE)
_LISTED = r"\d+(?: (?:-|to) \d+)?"
_DAYS = re.compile(
    rf"\b(?:on )?(?:days?|d) (?P<days>{_LISTED}(?: (?:, and|,|and|\+) {_LISTED})*)"
    rf"(?: (?:of|every|in|q)(?: an?)?(?: (?P<cycle>\d+)(?: (?P<unit>{UNIT})\b)?| each| every)?(?: cycle)?)?"
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
        named = schedule_of(self.name) if self.name is not None else None
        if self.name is not None and named is None:
            raise _not_understood(self.name)
        said = self.schedule_in_words if named and self.text else None
        if named and said and (said.repeat, said.days) != (named.repeat, named.days):
            raise PydanticCustomError(
                "frequency",
                "'{text}' says something else than '{name}'; write the one that is right alone, frequency: {text}",
                {"text": (self.text or "")[:60], "name": self.name},
            )
        return self

    @property
    def schedule_in_words(self) -> Schedule | None:
        """Return what is understood of its words; None for words that are no prescription."""
        try:
            return schedule_of(self.text or "")
        except PydanticCustomError:
            return None

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
    _refuse_what_can_mean_two_things(rest, text)
    rest, as_needed = _AS_NEEDED.subn("", rest)
    repeat: dict[str, Any] = {}
    rest, words = _bounds(rest, repeat, text)
    rest, cycles = _cycles(rest)
    rest, days, cycle = _days(_ON_AND_OFF.sub(_days_on, rest), text)
    rest, words = _moments_of_a_day(rest, repeat, words)
    rest = " ".join(rest.replace(",", " ").split())
    core = repetition(rest)
    if core is None or not (rest or days or repeat or as_needed):
        return None
    said, every = core
    if cycles and (days or every.get("frequency") != 1 or every["periodUnit"] not in {"wk", "mo"} or "count" in repeat):
        return None  # how many times it is given in a cycle is not said
    if cycles:
        repeat["count"], words = cycles, [f"{cycles} times", *words]
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


def _refuse_what_can_mean_two_things(rest: str, text: str) -> None:
    if re.search(r"\bbi ?(?:weekly|monthly)\b", rest):
        raise PydanticCustomError(
            "frequency", "'{given}' can mean two things; write 2/wk or every 2 wk", {"given": text[:60]}
        )
    if _BEFORE_DAY_ONE.search(text):
        raise PydanticCustomError(
            "frequency",
            "'{given}' has days before a treatment; write 'at: 7 d before KEY' and once daily for 4 days",
            {"given": text[:60]},
        )


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
        repeat["count"] = number(match["n"] or match["last"])
        if not repeat["count"]:
            raise _contradiction(text, "has no dose")
        words.append(f"{repeat['count']} doses")
        rest = rest.replace(match[0], "")
    if match := _FOR.search(rest):
        low, high = number(match["n"]), number(match["m"] or match["n"])
        if not 0 < low <= high:
            raise _contradiction(text, "has a time that is nothing, or is not in order")
        unit = UNITS[match["unit"]]
        ends = [
            {"value": each, "unit": UNIT_WORDS[unit], "system": "http://unitsofmeasure.org", "code": unit}
            for each in (low, high)
        ]
        repeat |= {"boundsDuration": ends[0]} if low == high else {"boundsRange": {"low": ends[0], "high": ends[1]}}
        words.append(f"for {counted(low, high, unit)}")
        rest = rest.replace(match[0], "")
    return rest, words


def _moments_of_a_day(rest: str, repeat: dict[str, Any], words: list[str]) -> tuple[str, list[str]]:
    rest = f" {rest} "
    for said, code in _WHEN.items():
        if f" {said} " in rest:
            repeat["when"] = [code]
            once = " once " if said.startswith("every") else " "
            rest = rest.replace(f"{once}{said} ", " ").replace(f" {said} ", " ")
            words = [_LATIN_WHEN.get(said, said), *words]
    return rest.strip(), words


def _cycles(rest: str) -> tuple[str, int]:
    """Return what is left of a frequency without the number of its cycles, and that; 0 where it says none."""
    match = _CYCLES.search(rest)
    return (rest.replace(match[0], " "), number(match["n"])) if match else (rest, 0)


def _days_on(match: re.Match[str]) -> str:
    """Return ``3 weeks on, 1 week off`` as the days 1 to 21 of 28."""
    on, off = (number(match[count]) * DAYS_OF[UNITS[match[unit]]] for count, unit in (("on", "unit"), ("off", "other")))
    whole = on >= 1 and off >= 1 and on.denominator == off.denominator == 1
    return f"days 1 - {on} of {on + off}" if whole else match[0]


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
    unit = UNITS[match["unit"] or "d"]
    cycle = int(match["cycle"] or 0) * int(DAYS_OF[unit] if unit in {"d", "wk"} else 0)
    if match["cycle"] and cycle < days[-1]:
        raise _contradiction(text, f"has a day {days[-1]} that the cycle does not have")
    return rest.replace(match[0], " "), tuple(days), cycle


def _contradiction(text: str, wrong: str) -> PydanticCustomError:
    return PydanticCustomError("frequency", "'{given}' {wrong}", {"given": text[:60], "wrong": wrong})

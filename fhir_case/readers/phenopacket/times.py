"""The times of a phenopacket as those of a case: an age stays an age, and a timestamp is a day."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fhir_case.readers.phenopacket.packet import At
from fhir_case.readers.phenopacket.terms import concept

if TYPE_CHECKING:
    from fhir_case.readers.phenopacket.packet import Part

__all__ = ["UNKNOWN", "age_of", "day_of", "is_duration", "time_of"]

_NUMBER = r"(\d{1,6}(?:\.\d{1,4})?)"
_DURATION = re.compile(
    rf"P(?=[\dT])(?:{_NUMBER}Y)?(?:{_NUMBER}M)?(?:{_NUMBER}W)?(?:{_NUMBER}D)?(?:T(?=\d)(?:{_NUMBER}H)?(?:{_NUMBER}M)?)?",
    re.ASCII,
)
_UNITS = ("a", "mo", "wk", "d", "h", "min")
_OF_ONE_UNIT = 2
UNKNOWN = {"unknown": True}
"""A time that the source does not say."""


def is_duration(text: str) -> bool:
    """Return whether a text is an age as ISO 8601 writes durations, to the minute."""
    return _DURATION.fullmatch(text) is not None


def age_of(text: str) -> str:
    """Return an ISO-8601 duration as an age of a case, such as ``3 a 6 mo``; parts that are 0 are left out."""
    found = _DURATION.fullmatch(text)
    given = [(number, unit) for number, unit in zip(found.groups() if found else (), _UNITS, strict=False) if number]
    kept = [(number, unit) for number, unit in given if float(number)] or given[-1:]
    return " ".join(f"{number} {unit}" for number, unit in kept)


def day_of(part: Part, name: str) -> str | None:
    """Return the day of a timestamp; a time of the day beside midnight is not carried over."""
    text = part.text(name)
    if not text:
        return None
    if not re.match(r"T00:00:00(\.0+)?Z$", text[10:]):
        part.packet.lose(part.place_of(name), f"the time of day of {text}", "a case has days; the day is kept")
    return text[:10]


def time_of(part: Part | None) -> At | None:
    """Return a TimeElement as a time of a case; nothing where it says nothing."""
    written = _written(part) if part is not None else None
    return At(part.place, written) if part is not None and written is not None else None


def _written(part: Part) -> dict[str, Any] | None:
    if (age := part.part("age")) is not None:
        return {"age": age_of(age.text("iso8601duration"))}
    if (ages := part.part("ageRange")) is not None:
        return _between(ages)
    if (gestation := part.part("gestationalAge")) is not None:
        weeks, days = gestation.number("weeks") or 0, gestation.number("days") or 0
        parts = [f"{weeks} wk"] * bool(weeks or not days) + [f"{days} d"] * bool(days)
        return {"gestation": " ".join(parts)}
    if (named := part.part("ontologyClass")) is not None:
        return {"period": concept(named)}
    if (interval := part.part("interval")) is not None:
        return _interval(interval)
    day = day_of(part, "timestamp")
    return {"day": day} if day else None


def _between(ages: Part) -> dict[str, Any] | None:
    start, end = ages.part("start"), ages.part("end")
    low = age_of(start.text("iso8601duration")) if start is not None else ""
    high = age_of(end.text("iso8601duration")) if end is not None else ""
    if low and high:
        return {"age": low, "to_age": high}
    only = f">= {low}" if low else f"<= {high}" if high else ""
    if only.count(" ") > _OF_ONE_UNIT:
        return {"period": {"text": f"at the age of {only}"}}
    return {"age": only} if only else None


def _interval(interval: Part) -> dict[str, Any] | None:
    start, end = day_of(interval, "start"), day_of(interval, "end")
    if start and end:
        return {"day": start, "to_day": end}
    if start or end:
        return {"day": start or end, "relation": "after" if start else "before"}
    return None

"""
Times of FHIR as places on an axis: exact, between two bounds, or open to one side.

A place is a number of days: the ordinal of the day (1 is the first of January of the year 1), and its fraction.

Source: https://hl7.org/fhir/R4/datatypes.html#dateTime
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Moment", "date_words", "day_of", "parse_date"]

_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?)?)?", re.ASCII
)
_LAST_DAY = date.max.toordinal()


@dataclass(frozen=True, slots=True)
class Moment:
    """
    When something was.

    Args:
        earliest: The earliest day that it can have been, with its fraction; None: nobody says.
        latest: The latest; None: nobody says. Equal to ``earliest`` where the time is known to the day.
        written: The date as FHIR has it; empty where there is none.
        said: The time in the words of the source, ``3 months after the operation``; empty where there is only a date.
    """

    earliest: float | None
    latest: float | None
    written: str = ""
    said: str = ""

    @property
    def at(self) -> float:
        """Return where it is drawn: the middle of its bounds, or the one that there is."""
        if self.earliest is None or self.latest is None:
            return self.earliest if self.earliest is not None else self.latest or 0.0
        return (self.earliest + self.latest) / 2

    @property
    def is_exact(self) -> bool:
        """Whether it is known to the day."""
        return self.earliest is not None and self.latest is not None and self.latest - self.earliest <= 1

    @property
    def words(self) -> str:
        """Return it in one line: the date and, where the source counts from an event, its words."""
        if self.written and self.said:
            return f"{self.written} ({self.said})"
        return self.written or self.said or date_words(self.at)

    def shifted(self, least: float | None, most: float | None) -> Self:
        """Return the bounds that lie so many days later; None leaves a side open."""
        earliest = None if least is None or self.earliest is None else _bounded(self.earliest + least)
        latest = None if most is None or self.latest is None else _bounded(self.latest + most)
        return type(self)(earliest, latest)


def _bounded(day: float) -> float:
    return min(max(day, 1.0), float(_LAST_DAY))


def parse_date(text: object) -> Moment | None:
    """
    Return a date, dateTime or instant; None for what is none.

    A year or a month is the time from its first to its last day. A time zone is used: places are in UTC.
    """
    found = _DATE.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    year, month, day = (int(part) if part else None for part in found.groups()[:3])
    try:
        if year is None or month is None:
            first, following = date(year or 0, 1, 1), date(year or 0, 12, 31)
        elif day is None:
            first = date(year, month, 1)
            following = date(year, 12, 31) if month == 12 else date(year, month + 1, 1) - timedelta(days=1)
        else:
            first = following = date(year, month, day)
            if found[4]:
                place = _time_of_day(first, found)
                return Moment(place, place, found[0])
    except (ValueError, OverflowError):
        return None
    return Moment(float(first.toordinal()), float(following.toordinal()), found[0])


def _time_of_day(day: date, found: re.Match[str]) -> float:
    hour, minute, second = int(found[4]), int(found[5]), min(int(found[6] or 0), 59)  # FHIR allows leap seconds
    zone = "+00:00" if found[8] in (None, "Z") else found[8]
    moment = datetime.fromisoformat(f"{day.isoformat()}T{hour:02}:{minute:02}:{second:02}{zone}").astimezone(UTC)
    return moment.toordinal() + (moment.hour * 3600 + moment.minute * 60 + moment.second) / 86400


def day_of(place: float) -> date:
    """Return the day of a place on the axis."""
    return date.fromordinal(int(_bounded(place)))


def date_words(place: float) -> str:
    """Return the day of a place as FHIR writes it."""
    return day_of(place).isoformat()

"""
Turn the times of a report into days, and keep how each day was found.

A report counts from events: "3 months after TARE", "2 weeks after sorafenib was begun". The anchor of the case has a
declared synthetic day; every other day is computed from it along the entries, and each `Moment` keeps the relation and
the offset that were written, so that the fiction stays visible and reversible.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from fhir_case.case.forms.time_units import TimeUnit, counted
from fhir_case.errors import CaseError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_case.case.entry import KeyedEntry
    from fhir_case.case.forms import When

__all__ = ["Moment", "Moments"]


@dataclass(frozen=True, slots=True)
class Moment:
    """
    A day and how it was found.

    Args:
        day: The date, ``YYYY-MM-DD``, or shorter where the source gives a date of less precision, also for what counts
            from it.
        event: The key of the entry that it counts from; empty for a date that the source gives.
        relation: ``before``, ``after`` or ``at`` the event, or the date; empty for a date that the source gives.
        count: How many units lie between; none when only the order or bounds are known.
        unit: ``min``, ``h``, ``d``, ``wk``, ``mo`` or ``a`` (UCUM).
        least: How many units lie between at least, where there are bounds.
        most: How many units lie between at most, where there are bounds.
        life: The time as it is written, where it is an age, a period of life or unknown; the day is empty then.
        to_day: The day at which a time of several days ended.
    """

    day: str
    event: str = ""
    relation: Literal["before", "after", "at", ""] = ""
    count: Decimal | None = None
    unit: TimeUnit = "d"
    least: Decimal | None = None
    most: Decimal | None = None
    life: When | None = None
    to_day: str = ""

    @property
    def precise(self) -> str:
        """Return the day no finer than the unit of the offset: a distance in years gives a year."""
        return self.day[:4] if self.interval and self.unit == "a" else self.day

    @property
    def interval(self) -> str:
        """Return what lies between in words, for example ``3 to 5 days``; empty when only the order is known."""
        if self.count is not None:
            return counted(self.count, self.unit)
        if self.least is not None and self.most is not None:
            return f"{self.least:f} to {counted(self.most, self.unit)}"
        if self.most is not None:
            return f"at most {counted(self.most, self.unit)}"
        return f"at least {counted(self.least, self.unit)}" if self.least is not None else ""

    def words(self, event: str) -> str:
        """Return the time in words, for example ``3 months after the operation``; the event is named as given."""
        if self.life is not None:
            return self.life.words_of_life
        if not self.relation:
            to = f" to {calendar_words(self.to_day).partition(' ')[2]}" if self.to_day else ""
            return calendar_words(self.day) + to
        if not self.event:
            return f"{self.relation} {calendar_words(self.day).partition(' ')[2]}"
        if self.relation == "at":
            return f"at {event}"
        if not self.interval:
            return f"{self.relation} {event}, interval not stated"
        return f"{self.interval} {self.relation} {event}"

    def __str__(self) -> str:
        return self.words(self.event) if self.relation or self.life else self.day


def calendar_words(day: str) -> str:
    """Return a date in words: ``on 1 March 2018``, ``in March 2018`` or ``in 2018``."""
    year, month, of_month = [*day.split("-"), "", ""][:3]
    if not month:
        return f"in {year}"
    named = f"{_MONTHS[int(month) - 1]} {year}"
    return f"on {int(of_month)} {named}" if of_month else f"in {named}"


_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


class Moments:
    """
    Compute the day of any time of one case.

    Args:
        anchor: The key of the event that the case counts from; empty where it has none.
        index_date: The day of that event.
        entries: The section and the entry of each key.

    Raises:
        CaseError: The times count from one another in a cycle, name an entry without a time, or leave the calendar.
    """

    def __init__(self, anchor: str, index_date: date | None, entries: Mapping[str, tuple[str, KeyedEntry]]) -> None:
        self._anchor = anchor
        self._index_date = index_date
        self._entries = entries
        self._known: dict[int, tuple[When, Moment]] = {}  # by identity: to compare forms takes longer
        self._times: dict[str, tuple[datetime, int]] = {}

    @property
    def anchor(self) -> str:
        """Return the key of the event that the case counts from."""
        return self._anchor

    def moment(self, when: When, *, place: str = "") -> Moment:
        """Return the day of a time and how it was found; it is computed once."""
        known = self._known.get(id(when))
        if known is None:
            known = self._known[id(when)] = when, self._moment(when, place, ())
        return known[1]

    def _moment(self, when: When, place: str, chain: tuple[str, ...]) -> Moment:
        if when.is_in_life or when.unknown:
            return Moment("", life=when)
        if when.day is not None:
            return Moment(when.day, relation=when.relation or "", to_day=when.to_day or "")
        event = when.event or self._anchor
        relation = when.relation or "at"
        start, length = self._time(when, place, chain)
        day = start.date().isoformat()[:length]
        return Moment(day, event, relation, when.count, when.unit, when.least, when.most)

    def _time(self, when: When, place: str, chain: tuple[str, ...]) -> tuple[datetime, int]:
        """
        Return the time of a day, counted from its begin, so that hours add up along the entries, and how much is known.

        What counts from a month or a year is known no better than that, and counts from the middle of it.

        Returns: The time, and how many characters of its date are known: 4, 7 or 10.
        """
        if when.day is not None:
            length = len(when.day)
            return datetime.fromisoformat(when.day + "-06-15"[length - 4 :]), length
        if when.is_in_life or when.unknown:
            raise CaseError(
                f"'{chain[-1]}' has no date, so nothing can count from it", where=place, hint="count from another entry"
            )
        event = when.event or self._anchor
        if event == self._anchor and self._index_date is not None:
            start, length = datetime.combine(self._index_date, time()), len("YYYY-MM-DD")
        elif event:
            start, length = self._time_of(event, place, chain)
        else:
            hint = "add 'timeline: {anchor: KEY, index_date: DATE}', or give a date"
            raise CaseError("this counts from the anchor, and the case has no timeline", where=place, hint=hint)
        # Of a range the end that is nearer to the event, which is 0 where only the order is known.
        count = next((one for one in (when.count, when.least) if one is not None), Decimal(0))
        return _moved(start, count if when.relation == "after" else -count, when.unit, place), length

    def _time_of(self, key: str, place: str, chain: tuple[str, ...]) -> tuple[datetime, int]:
        if key in self._times:
            return self._times[key]
        if key in chain:
            cycle = " -> ".join((*chain, key))
            raise CaseError(f"the times count in a cycle: {cycle}", where=place, hint="give one of them a date")
        section, entry = self._entries.get(key, ("", None))
        when: When | None = getattr(entry, "at", None)
        if entry is None or when is None:
            what = f"'{key}' of {section} has no time" if section else f"no entry has the key '{key}'"
            raise CaseError(f"{what}, so nothing can count from it", where=place, hint="count from another entry")
        found = self._times[key] = self._time(when, str(entry.place or ""), (*chain, key))
        return found


def _moved(start: datetime, count: Decimal, unit: TimeUnit, place: str) -> datetime:
    whole, part = divmod(abs(count), 1)
    sign = 1 if count >= 0 else -1
    name, smaller, size = _STEPS[unit]
    steps = {name: int(whole), **({smaller: int(part * size)} if part else {})}
    signed: dict[str, Any] = {step: sign * number for step, number in steps.items()}
    try:
        if unit not in {"mo", "a"}:
            return start + timedelta(**signed)
        from dateutil.relativedelta import relativedelta

        return start + relativedelta(**signed)
    except (ValueError, OverflowError):
        raise CaseError(
            f"{count:f} {unit} from {start.date()} leaves the calendar",
            where=place,
            hint="check the number and its unit",
        ) from None


# Of each unit the calendar step, and the smaller one that a part of it is counted in: half a year is 6 months.
_STEPS: dict[TimeUnit, tuple[str, str, int]] = {
    "min": ("minutes", "seconds", 60),
    "h": ("hours", "minutes", 60),
    "d": ("days", "hours", 24),
    "wk": ("weeks", "days", 7),
    "mo": ("months", "days", 30),
    "a": ("years", "months", 12),
}

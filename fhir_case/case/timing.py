"""
Turn the times of a report into days, and keep how each day was found.

A report counts from events: "3 months after TARE", "2 weeks after sorafenib was begun". The anchor of the case has a
declared synthetic day; every other day is computed from it along the entries, and each `Moment` keeps the relation and
the offset that were written, so that the fiction stays visible and reversible.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

from fhir_case.errors import CaseError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_case.case.entry import KeyedEntry
    from fhir_case.case.forms import When

__all__ = ["Moment", "Moments"]

_UNIT_WORDS = {"d": "day", "wk": "week", "mo": "month", "a": "year"}


@dataclass(frozen=True, slots=True)
class Moment:
    """
    A day and how it was found.

    Args:
        day: The date, ``YYYY-MM-DD``, or shorter where the source gives a date of less precision.
        event: The key of the entry that it counts from; empty for a date that the source gives.
        relation: ``before``, ``after`` or ``at`` the event; empty for a date that the source gives.
        count: How many units lie between; 0 when only the order is known.
        unit: ``d``, ``wk``, ``mo`` or ``a`` (UCUM).
    """

    day: str
    event: str = ""
    relation: Literal["before", "after", "at", ""] = ""
    count: int = 0
    unit: str = "d"

    @property
    def precise(self) -> str:
        """Return the day no finer than the unit of the offset: a distance in years gives a year."""
        return self.day[:4] if self.count and self.unit == "a" else self.day

    def __str__(self) -> str:
        if not self.event:
            return self.day
        if self.relation == "at":
            return f"at {self.event}"
        if not self.count:
            return f"{self.relation} {self.event}, interval not stated"
        word = _UNIT_WORDS[self.unit] + ("s" if self.count > 1 else "")
        return f"{self.count} {word} {self.relation} {self.event}"


class Moments:
    """
    Compute the day of any time of one case.

    Args:
        anchor: The key of the event that the case counts from.
        index_date: The day of that event.
        entries: The section and the entry of each key.

    Raises:
        CaseError: The times count from one another in a cycle, name an entry without a time, or leave the calendar.
    """

    def __init__(self, anchor: str, index_date: date, entries: Mapping[str, tuple[str, KeyedEntry]]) -> None:
        self._anchor = anchor
        self._index_date = index_date
        self._entries = entries

    @property
    def anchor(self) -> str:
        """Return the key of the event that the case counts from."""
        return self._anchor

    def moment(self, when: When, *, place: str = "") -> Moment:
        """Return the day of a time and how it was found."""
        return self._moment(when, place, ())

    def _moment(self, when: When, place: str, chain: tuple[str, ...]) -> Moment:
        if when.day is not None:
            return Moment(when.day)
        event = when.event or self._anchor
        start = self._index_date if event == self._anchor else self._day_of(event, place, chain)
        relation = when.relation or "at"
        day = _moved(start, when.count if relation == "after" else -when.count, when.unit, place)
        return Moment(day.isoformat(), event, relation, when.count, when.unit)

    def _day_of(self, key: str, place: str, chain: tuple[str, ...]) -> date:
        if key in chain:
            cycle = " -> ".join((*chain, key))
            raise CaseError(f"the times count in a cycle: {cycle}", where=place, hint="give one of them a date")
        section, entry = self._entries.get(key, ("", None))
        when: When | None = getattr(entry, "at", None)
        if entry is None or when is None:
            what = f"'{key}' of {section} has no time" if section else f"no entry has the key '{key}'"
            raise CaseError(f"{what}, so nothing can count from it", where=place, hint="count from another entry")
        moment = self._moment(when, str(entry.place or ""), (*chain, key))
        return date.fromisoformat((moment.day + "-01-01")[:10])


def _moved(start: date, count: int, unit: str, place: str) -> date:
    from dateutil.relativedelta import relativedelta

    steps = {"d": {"days": count}, "wk": {"weeks": count}, "mo": {"months": count}, "a": {"years": count}}
    try:
        return start + relativedelta(**steps[unit])  # type: ignore[arg-type]  # the stubs want literal keywords
    except (ValueError, OverflowError):
        raise CaseError(
            f"{count} {unit} from {start} leaves the calendar", where=place, hint="check the number and its unit"
        ) from None

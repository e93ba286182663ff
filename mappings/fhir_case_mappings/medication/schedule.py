"""What is understood of a frequency: its words, the Timing of FHIR, and the days of a cycle."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

__all__ = ["DAYS_OF", "Schedule", "cycle_of", "day_words", "most_in_a_day", "of_days", "times_on_a_day"]

DAYS_OF = {
    "min": Fraction(1, 24 * 60), "h": Fraction(1, 24),
    "d": Fraction(1), "wk": Fraction(7), "mo": Fraction(30), "a": Fraction(365),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Schedule:
    """
    What is understood of a frequency.

    Args:
        words: The schedule in plain English.
        repeat: The element ``Timing.repeat``.
        as_needed: Whether it is taken only as needed.
        days: The days of a cycle; empty for all days.
        cycle: The length of the cycle in days; 0 where it is not said.
        a_day: How many times it is given on each of these days; 0 where that is not a number.
        most: How many times it is given in 24 hours, at most; 0 where it is not said.
    """

    words: str
    repeat: dict[str, Any]
    as_needed: bool = False
    days: tuple[int, ...] = ()
    cycle: int = 0
    a_day: int = 1
    most: Fraction = Fraction(0)

    def of_cycle(self, length: int) -> Schedule:
        """Return the schedule with the length in days that the cycle of its regimen has, where it says none."""
        if not self.days or self.cycle or length < self.days[-1]:
            return self
        every = {} if "count" in self.repeat else of_days(self.days, length, self.a_day)
        return replace(self, words=f"{self.words} of {length}", repeat=every | self.repeat, cycle=length)


def of_days(days: tuple[int, ...], cycle: int, a_day: int) -> dict[str, Any]:
    """
    Return how often a drug is given in a cycle; empty where that is not a number, or the cycle has no length.

    FHIR has no element for the days of a cycle: without the length of the cycle, a drug of some days is in no
    ``Timing.repeat``, where it would be one of all days.
    """
    return {"frequency": len(days) * a_day, "period": cycle, "periodUnit": "d"} if cycle and a_day else {}


def times_on_a_day(days: tuple[int, ...], every: dict[str, Any]) -> int:
    """Return how many times a drug with a repetition is given on each of some days; 0 where that is not a number."""
    if "frequency" not in every:
        return 1
    length = every["period"] * DAYS_OF[every["periodUnit"]]
    often = every["frequency"] / length
    if {"frequencyMax", "periodMax"} & every.keys():
        return 0
    if length <= 1:
        return int(often) if often.denominator == 1 else 0
    # Every other day on the days 1, 3, 5: what is said twice has to be the same.
    is_the_same = every["frequency"] == 1 and all(later - day >= length for day, later in pairwise(days))
    return 1 if is_the_same else 0


def most_in_a_day(every: dict[str, Any]) -> Fraction:
    """Return how many times a drug with a repetition is given in 24 hours, at most; 0 where it is not said."""
    if "frequency" not in every:
        return Fraction(0)
    times: int = every.get("frequencyMax", every["frequency"])
    period: int = every["period"]
    return times / (period * DAYS_OF[every["periodUnit"]])


def cycle_of(every: dict[str, Any], last: int) -> int:
    """Return the length in days of the cycle that ``every 3 wk, days 1 and 8`` has; 0 where it is no cycle."""
    if every.get("frequency") != 1 or "periodMax" in every or every["periodUnit"] not in {"d", "wk"}:
        return 0
    length = int(every["period"] * DAYS_OF[every["periodUnit"]])
    return length if length > 1 and length >= last else 0


def day_words(days: tuple[int, ...], cycle: int) -> str:
    """Return days in words; three or more in a row as a range."""
    runs: list[list[int]] = []
    for day in days:
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    parts = [f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs]
    return ("day " if len(days) == 1 else "days ") + ", ".join(parts) + (f" of {cycle}" if cycle else "")

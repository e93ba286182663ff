"""Whether the order of events is that of the case in every patient, whatever is drawn."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from fhir_case.case.forms import Age, When
from fhir_case.case.node import Problem
from fhir_case.case.variation.declaration import Numbers
from fhir_case.case.variation.links import values_in
from fhir_case.case.variation.values import measured, value_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case.variation.declaration import Variation
    from fhir_case.case.variation.references import Path
    from fhir_case.case.variation.varied import VariedCase

__all__ = ["order_problems"]

_DAYS = {"min": 1 / 1440, "h": 1 / 24, "d": 1.0, "wk": 7.0, "mo": 30.4375, "a": 365.25}


@dataclass(frozen=True)
class _Step:
    """
    An offset between two events, in days; negative for what was before.

    Args:
        name: What is drawn, or the offset as it is written; steps of one name are always as long as one another.
        variation: The declaration, where it varies.
    """

    name: str
    event: str
    written: float
    low: float
    high: float
    variation: Variation | None = None


def order_problems(varied: VariedCase) -> Iterator[Problem]:
    """
    Find what could turn round the order of two events that count from the same one, or end something before it began.

    A time that varies ``apart`` may come in any order to the others, but nothing may end before it begins.
    """
    steps = _Steps(varied)
    yield from _of_visits(steps)
    yield from _of_ends(varied, steps)
    yield from _of_ages(varied)


class _Steps:
    """The offsets of a case."""

    def __init__(self, varied: VariedCase) -> None:
        self._varied = varied
        self._anchor = varied.case.anchor
        self._declared: dict[tuple[str, str], Variation] = {}
        for one in varied.variations:
            self._declared[one.entry, one.field] = one
            for entry, path in varied.linked.get(one.name, ()):
                self._declared[entry, ".".join(map(str, path))] = one

    def all(self) -> Iterator[_Step]:
        """Return the offset of each time that has one."""
        for entry, form in self._varied.forms.items():
            for path, value in values_in(form):
                if isinstance(value, When) and (step := self.step(entry, path, value)) is not None:
                    yield step

    def step(self, entry: str, path: Path, when: When) -> _Step | None:
        """Return the offset of a time from the event that it names; None for a date, and what cannot be told."""
        if when.day is not None:
            return None
        event, sign = when.event or self._anchor, -1 if when.relation == "before" else 1
        one = self._declared.get((entry, ".".join(map(str, path))))
        has = measured(when)
        length = float(has.value) * _DAYS[when.unit] if has else 0.0
        if one is None:
            name = f"{when.relation} {event} {when.count} {when.least} {when.most} {when.unit}"
            return _Step(name, event, sign * length, sign * length, sign * length)
        if not isinstance(one.draw, Numbers):
            return None
        unit = _DAYS[measured_unit(one.draw.unit)]
        ends = (sign * float(one.draw.distribution.low) * unit, sign * float(one.draw.distribution.high) * unit)
        return _Step(one.name, event, sign * length, min(ends), max(ends), one)

    def chain(self, entry: str, path: Path, when: When) -> list[_Step] | None:
        """Return the offsets from the anchor to a time; None where they cannot be told."""
        found: list[_Step] = []
        while True:
            step = self.step(entry, path, when)
            if step is None or len(found) > len(self._varied.forms):
                return None
            found.append(step)
            if step.event == self._anchor:
                return found
            following = getattr(self._varied.forms.get(step.event), "at", None)
            if not isinstance(following, When):
                return None
            entry, path, when = step.event, ("at",), following


def measured_unit(unit: str | None) -> str:
    """Return the UCUM code of a unit of time."""
    from fhir_case.case.forms.time_units import TIME_UNITS

    return TIME_UNITS[unit or "d"]


def _of_visits(steps: _Steps) -> Iterator[Problem]:
    by_event: dict[str, dict[str, _Step]] = {}
    for step in steps.all():
        by_event.setdefault(step.event, {})[step.name] = step
    told: set[str] = set()
    for event, found in by_event.items():
        for one, other in combinations(sorted(found.values(), key=lambda each: each.written), 2):
            varying = [each.variation for each in (one, other) if each.variation is not None]
            if one.written == other.written or not varying or any(each.apart for each in varying):
                continue
            if one.high > other.low and varying[0].name not in told:
                told.add(varying[0].name)
                what = (
                    f"this could turn round the order of two times that count from {event}: {_words(one)} and "
                    f"{_words(other)}"
                )
                hint = "narrow the ranges, or say 'apart: true' where the order does not matter"
                yield _problem(varying[0], what, hint)


def _words(step: _Step) -> str:
    if step.variation is None:
        return f"{step.written:.0f} days"
    return f"{step.low:.0f} to {step.high:.0f} days ({step.variation.name})"


def _of_ends(varied: VariedCase, steps: _Steps) -> Iterator[Problem]:
    for entry, form in varied.forms.items():
        begin, end = getattr(form, "at", None), getattr(form, "until", None)
        if not isinstance(begin, When) or not isinstance(end, When):
            continue
        first, last = steps.chain(entry, ("at",), begin), steps.chain(entry, ("until",), end)
        if first is None or last is None:
            continue
        names = Counter(step.name for step in first)
        names.subtract(step.name for step in last)
        bounds = {step.name: step for step in (*first, *last)}
        longest = sum(count * (bounds[name].high if count > 0 else bounds[name].low) for name, count in names.items())
        varying = [bounds[name].variation for name, count in names.items() if count and bounds[name].variation]
        if longest > 0 and varying and varying[0] is not None:
            what = f"{entry} could end {longest:.0f} days before it begins"
            yield _problem(varying[0], what, "narrow the ranges, or let the end count from the begin")


def _of_ages(varied: VariedCase) -> Iterator[Problem]:
    """Find what would be before the birth of a patient who is as young as is declared."""
    for one in varied.variations:
        base = value_at(varied.forms[one.entry], tuple(one.field.split(".")))
        if not isinstance(base, Age) or not isinstance(one.draw, Numbers) or base.code != "a":
            continue
        youngest = float(one.draw.distribution.low)
        for entry, form in varied.forms.items():
            for _, value in values_in(form):
                if isinstance(value, When) and value.relation == "before" and value.unit == "a":
                    years = float(value.count or value.least or 0)
                    if value.event is None and years > youngest:
                        what = (
                            f"{entry} is {years:g} years before, and a patient of {youngest:g} years would not be born"
                        )
                        yield _problem(one, what, "begin the range later, or let that time vary too")
        return


def _problem(one: Variation, what: str, hint: str) -> Problem:
    return Problem(one.place, (one.entry, *one.field.split(".")), what, hint)

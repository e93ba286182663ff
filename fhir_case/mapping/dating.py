"""
Write a time of the case as a FHIR date: the computed day and, beside it, what the report says.

The relation and the offset travel in the extension ``cqf-relativeDateTime``, which names the resource counted from and
the element of it.

Source: https://hl7.org/fhir/R4/extension-cqf-relativedatetime.html
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fhir_case.fhir.datatypes import absent, extension, quantity, reference
from fhir_case.fhir.systems import RELATIVE_DATE_TIME
from fhir_case.mapping.life_times import PERIODS, life_value, without_day
from fhir_case.mapping.narratives import named

if TYPE_CHECKING:
    from fhir_case.case import Case, KeyedEntry, Moment, When

__all__ = ["dated", "moment_words", "period", "reference_to", "time_component"]

_RELATIONSHIP = {"before": "before-start", "after": "after-start", "at": "concurrent-with-start"}
_UNIT_LABEL = {"min": "minute", "h": "hour", "d": "day", "wk": "week", "mo": "month", "a": "year"}


def dated(
    case: Case, element: str, when: When | None, entry: KeyedEntry | None = None, *, coarse: bool = False
) -> dict[str, Any]:
    """
    Return a date element and its relative time, for example ``effectiveDateTime`` and ``_effectiveDateTime``.

    What is only known to be before or after a date becomes a Period that is open at the other end where the element
    may be one (``effectivePeriod``), and elsewhere has no date, and says that it is unknown. An age or a period of life
    is no date, and none is computed of it (`fhir_case.mapping.life_times`).

    Args:
        when: The time; without one nothing is given.
        entry: The entry whose own resource is dated, so that the anchor does not count from itself.
        coarse: Give a year where the report counts in years (for an onset, where FHIR allows it).
    """
    if when is None:
        return {}
    place = str(entry.place or "") if entry else ""
    moment = case.moments.moment(when, place=place)
    if moment.life is not None or moment.to_day:
        return without_day(element, when)
    if moment.relation and not moment.event:
        return _open_period(element, moment)
    dates: dict[str, Any] = {element: moment.precise if coarse else moment.day}
    if moment.event and not (entry is not None and entry.key == moment.event and moment.relation == "at"):
        dates[f"_{element}"] = {"extension": [_relative(case, moment)]}
    return dates


def _open_period(element: str, moment: Moment) -> dict[str, Any]:
    choice = element.removesuffix("DateTime")
    if choice not in PERIODS:
        return {f"_{element}": {"extension": absent()}}
    return {f"{choice}Period": {"end" if moment.relation == "before" else "start": moment.day}}


def time_component(case: Case, what: str, when: When, entry: KeyedEntry) -> dict[str, Any]:
    """
    Return the component of an Observation that says when something began or ended.

    Args:
        what: Such as ``onset``.
    """
    found = life_value(when) if when.is_in_life else dated(case, "valueDateTime", when, entry)
    kind = "Age of {}" if when.age else "Gestational age at {}" if when.gestation else "Time of {}"
    return {"code": {"text": kind.format(what)}, **found}


def reference_to(case: Case, key: str) -> dict[str, Any]:
    """Return a reference to the resource that the entry with this key becomes."""
    return reference(case.section_of(key).resource, key)


def period(case: Case, start: When | None, end: When | None, entry: KeyedEntry) -> dict[str, Any]:
    """Return a Period of the times that there are."""
    return dated(case, "start", start, entry) | dated(case, "end", end, entry)


def moment_words(case: Case, when: When | None) -> str:
    """
    Return a time in words, as the report counts it, for example ``3 months after the operation``; nothing without one.

    The event is named by the words of its resource, which stand there when all mappings have run (`narratives`).
    """
    if when is None:
        return ""
    moment = case.moments.moment(when)
    return moment.words(named(moment.event))


def _relative(case: Case, moment: Moment) -> dict[str, Any]:
    section = case.section_of(moment.event)
    return {
        "url": RELATIVE_DATE_TIME,
        "extension": [
            extension("target", valueReference=reference(section.resource, moment.event)),
            extension("targetPath", valueString=case.time_of(moment.event)),
            extension("relationship", valueCode=_RELATIONSHIP[moment.relation or "at"]),
            extension("offset", **_offset(moment)),
        ],
    }


def _offset(moment: Moment) -> dict[str, Any]:
    """Return the interval: exact, with bounds, or where only the order is known, from 0 on."""
    exact = Decimal(0) if moment.relation == "at" else moment.count
    if exact is not None:
        return {"valueDuration": _duration(exact, moment.unit)}
    bounds = {"low": moment.least or Decimal(0), **({"high": moment.most} if moment.most is not None else {})}
    return {"valueRange": {name: _duration(bound, moment.unit) for name, bound in bounds.items()}}


def _duration(count: Decimal, unit: str) -> dict[str, Any]:
    return quantity(count, _UNIT_LABEL[unit], unit)

"""
A time that counts from an event: three months after the operation, or only before it.

Source: https://hl7.org/fhir/R4/extension-cqf-relativedatetime.html
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fhir_case.fhir.systems import RELATIVE_DATE_TIME
from fhir_case.fhir.wire import mapping, objects
from fhir_case.timeline.moment import Moment
from fhir_case.timeline.reading.record import name_of
from fhir_case.timeline.words import clean, number_of, number_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from fhir_case.fhir.wire import Resource
    from fhir_case.timeline.reading.record import Record

    StartOf = Callable[..., Moment | None]

__all__ = ["relation_in", "relative_time"]

# UCUM to days; months and years as long as they are on average: a date beside the offset is exact.
_DAYS = {"s": 1 / 86400, "min": 1 / 1440, "h": 1 / 24, "d": 1.0, "wk": 7.0, "mo": 30.4375, "a": 365.25}
_UNITS = {"s": "second", "min": "minute", "h": "hour", "d": "day", "wk": "week", "mo": "month", "a": "year"}


_MOST_STEPS = 20  # from one event to the next that it counts from, none of which has a date


@dataclass(frozen=True, slots=True)
class Relation:
    """
    What a time counts from.

    Args:
        target: The reference to the event.
        relationship: A code of the extension, such as ``after-start``.
        least: The shortest interval in days.
        most: The longest; None where it is open.
        interval: The interval in words; empty where only the order is known.
    """

    target: str
    relationship: str
    least: float
    most: float | None
    interval: str

    @property
    def order(self) -> str:
        """Return ``before``, ``after`` or ``at``."""
        order = self.relationship.partition("-")[0]
        return order if order in ("before", "after") else "at"


def relation_in(primitive: dict[str, Any]) -> Relation | None:
    """Return what the extension of a date says; None without one that can be read."""
    found = next((each for each in objects(primitive.get("extension")) if each.get("url") == RELATIVE_DATE_TIME), None)
    if found is None:
        return None
    parts = {clean(each.get("url")): each for each in objects(found.get("extension"))}
    target = mapping(parts.get("target", {}).get("valueReference"))
    offset = parts.get("offset", {})
    reference = target.get("reference")
    least, most, interval = _interval(offset)
    relationship = clean(parts.get("relationship", {}).get("valueCode"))
    return Relation(reference if isinstance(reference, str) else "", relationship, least, most, interval)


def _interval(offset: dict[str, Any]) -> tuple[float, float | None, str]:
    if "valueDuration" in offset:
        days, words = _duration(offset["valueDuration"])
        return days or 0.0, days or 0.0, words if days else ""
    bounds = mapping(offset.get("valueRange"))
    (low, low_words), (high, high_words) = _duration(bounds.get("low")), _duration(bounds.get("high"))
    if low and high:
        return low, high, f"{number_words(mapping(bounds['low']).get('value'))} to {high_words}"
    if high:
        return 0.0, high, f"at most {high_words}"
    return low or 0.0, high, f"at least {low_words}" if low else ""


def _duration(value: object) -> tuple[float | None, str]:
    duration = mapping(value)
    number, unit = number_of(duration.get("value")), clean(duration.get("code"))
    if number is None or unit not in _DAYS:
        return None, ""
    plural = "" if number == 1 else "s"
    return number * _DAYS[unit], f"{number_words(duration['value'])} {_UNITS[unit]}{plural}"


def relative_time(
    primitive: dict[str, Any], written: Moment | None, record: Record, start_of: StartOf
) -> Moment | None:
    """
    Return a time with what its extension says of it: the words, and bounds where it is not exact.

    Args:
        primitive: The element beside the date, which has the extensions.
        written: The date; None: it is computed from the event, where that is at hand.
        record: Where the event is looked for.
        start_of: Returns when a resource began, or with ``end=True`` ended.
    """
    relation = relation_in(primitive)
    if relation is None:
        return written
    event = record.resolve(relation.target)
    said = " ".join(
        filter(None, (relation.interval, relation.order, name_of(event) if event else clean(relation.target)))
    )
    counted = _counted(relation, event, record, start_of) if written is None or _has_bounds(relation) else None
    if written is None:
        return replace(counted, said=said) if counted else None
    if counted is not None and counted.earliest is not None and counted.latest is not None:
        return Moment(counted.earliest, counted.latest, written.written, said)
    if relation.most is None and relation.order == "before":
        return Moment(None, written.latest, written.written, said)
    if relation.most is None and relation.order == "after":
        return Moment(written.earliest, None, written.written, said)
    return replace(written, said=said)


def _has_bounds(relation: Relation) -> bool:
    return relation.most is not None and relation.most > relation.least


def _counted(relation: Relation, event: Resource, record: Record, start_of: StartOf) -> Moment | None:
    """Return the time that many days from the event; None where that is not at hand, or counts from this one."""
    if not event or len(record.without) >= _MOST_STEPS:
        return None
    # Without this event: those that count from one another in a circle have no time.
    rest = replace(record, without=record.without | {id(event)})
    base = start_of(event, rest, end=relation.relationship.endswith("end"))
    if base is None:
        return None
    if relation.order == "before":
        return base.shifted(None if relation.most is None else -relation.most, -relation.least)
    return base.shifted(relation.least, relation.most)

"""The event that the times of a record count from, where they count from one."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from fhir_case.timeline.reading.record import name_of
from fhir_case.timeline.reading.relative import relation_in
from fhir_case.timeline.reading.times import start_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.timeline.moment import Moment
    from fhir_case.timeline.reading.record import Record

__all__ = ["anchor_of", "start_named"]


def anchor_of(record: Record) -> tuple[Moment | None, str]:
    """Return the event that most times count from and that counts from none itself, and its name."""
    counted: Counter[str] = Counter()
    for resource in record.resources:
        counted.update(filter(None, map(record.key, _targets(resource))))
    for name, _ in sorted(counted.items(), key=lambda one: (-one[1], one[0])):
        found = record.index[name]
        start = start_of(found, record)
        if start is not None and start.is_exact and not start.said:
            return start, name_of(found)
    return None, ""


def start_named(record: Record, reference: str) -> tuple[Moment | None, str]:
    """Return when the event that a user names by ``Type/id`` was, and what it is; None where it is not there."""
    found = record.resolve(reference)
    return (start_of(found, record), name_of(found)) if found else (None, "")


def _targets(value: Any) -> Iterator[str]:
    """Yield the events that the dates in a resource count from."""
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, dict):
            relation = relation_in(one)
            if relation is not None:
                yield relation.target
            pending.extend(one.values())
        elif isinstance(one, list):
            pending.extend(one)

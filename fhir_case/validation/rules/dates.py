"""Compare dates of which each has the precision that its source had."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from fhir_case.fhir.systems import RELATIVE_DATE_TIME
from fhir_case.fhir.wire import mapping, objects

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["certainly_before", "end_of", "has_order_only", "start_of"]


def certainly_before(first: str, second: str) -> bool:
    """
    Whether one date or instant is before another, whatever the part is that they do not say.

    Both are compared to the precision that they share: 2018 is not before 2018-03. Days are compared as written, in
    the time zone of each.
    """
    if "T" in first and "T" in second:
        try:
            return datetime.fromisoformat(first) < datetime.fromisoformat(second)
        except (ValueError, TypeError):
            pass  # the strict schema reports a malformed instant
    shared = min(len(first), len(second), 10)
    return first[:shared] < second[:shared]


def start_of(resource: Mapping[str, Any], *names: str) -> str:
    """Return the first date found: of a choice by its stem (``onset``), else of the element itself; empty if none."""
    return _date_of(resource, names, "start")


def end_of(resource: Mapping[str, Any], *names: str) -> str:
    """Return the last date found, as `start_of` does: the end of a Period, or the date of an event."""
    return _date_of(resource, names, "end")


def has_order_only(resource: Mapping[str, Any], *names: str) -> bool:
    """Whether a start is told by its order alone: before or after another event, with an offset that has no end."""
    for name in names:
        period = mapping(resource.get(f"{name}Period", resource.get(name)))
        for date in (resource.get(f"_{name}DateTime"), resource.get(f"_{name}"), period.get("_start")):
            for told in objects(mapping(date).get("extension")):
                parts = {part.get("url"): part for part in objects(told.get("extension"))}
                interval = mapping(mapping(parts.get("offset")).get("valueRange"))
                if told.get("url") == RELATIVE_DATE_TIME and interval and "high" not in interval:
                    return True
    return False


def _date_of(resource: Mapping[str, Any], names: tuple[str, ...], side: str) -> str:
    for name in names:
        for form in (name, f"{name}DateTime", f"{name}Instant", f"{name}Date"):
            if isinstance(resource.get(form), str) and resource[form][:1].isdigit():
                return str(resource[form])
        period = resource.get(f"{name}Period", resource.get(name))
        if isinstance(period, dict) and isinstance(period.get(side), str):
            return str(period[side])
    return ""

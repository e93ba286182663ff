"""Dates and numbers as the stretches that they stand for: 2018 is a year, 5.4 is all from 5.35 to 5.45."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PREFIXES", "Span", "compare", "date_span", "number_span", "quantity_span", "split_prefix"]

PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb")

_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_INFINITE = Decimal("Infinity")
_MOST_DIGITS = 1000
_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?)?)?")


class Span(NamedTuple):
    """A stretch: all from ``low`` on that is before ``high``; of an exact number both are the same."""

    low: Any
    high: Any


def split_prefix(text: str) -> tuple[str, str]:
    """Return the prefix of a search value, by default ``eq``, and what follows it."""
    return (text[:2], text[2:]) if text[:2] in PREFIXES else ("eq", text)


def compare(prefix: str, wanted: Span, found: Span) -> bool:
    """
    Whether an element matches a search value.

    Args:
        wanted: What was searched.
        found: What the element says.

    Source: https://hl7.org/fhir/R4/search.html#prefix
    """
    return _COMPARISONS[prefix](wanted, found)


def _within(wanted: Span, found: Span) -> bool:
    if found.low == found.high and wanted.low < wanted.high:  # 5.45 is no longer a 5.4
        return bool(wanted.low <= found.low < wanted.high)
    return bool(wanted.low <= found.low and found.high <= wanted.high)


_COMPARISONS: dict[str, Callable[[Span, Span], bool]] = {
    "eq": _within,
    "ne": lambda wanted, found: not _within(wanted, found),
    "gt": lambda wanted, found: bool(found.high > wanted.high),
    "lt": lambda wanted, found: bool(found.low < wanted.low),
    "ge": lambda wanted, found: bool(found.high > wanted.high) or _within(wanted, found),
    "le": lambda wanted, found: bool(found.low < wanted.low) or _within(wanted, found),
    "sa": lambda wanted, found: bool(found.low >= wanted.high),
    "eb": lambda wanted, found: bool(found.high <= wanted.low),
}


def date_span(value: Any) -> Span | None:
    """
    Return the stretch of a date, an instant, a Period or a Timing; None when it is none.

    Without a time zone UTC is meant.
    """
    if isinstance(value, str):
        return _text_span(value)
    if not isinstance(value, dict):
        return None
    inner = [*value.get("event", []), value.get("repeat", {}).get("boundsPeriod")] if "repeat" in value else []
    spans = [span for each in inner or value.get("event", []) if (span := date_span(each))]
    if spans:
        return Span(min(each.low for each in spans), max(each.high for each in spans))
    start, end = (date_span(value.get(name)) for name in ("start", "end"))
    if start is None and end is None:
        return None
    return Span(start.low if start else _FIRST, end.high if end else _LAST)


def _text_span(text: str) -> Span | None:
    found = _DATE.fullmatch(text.replace(" ", "+"))  # an unescaped + in a URL is a space
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        low = datetime(
            int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0),
            int((fraction or "0")[:6].ljust(6, "0")), tzinfo=_zone(zone),
        ).astimezone(UTC)  # fmt: skip
        return Span(low, _end(low, found))
    except (ValueError, OverflowError):
        return None


def _end(low: datetime, found: re.Match[str]) -> datetime:
    _, month, day, hour, _, second, fraction, _ = found.groups()
    try:
        if hour:
            unit = timedelta(microseconds=10 ** max(0, 6 - len(fraction))) if fraction else timedelta(seconds=1)
            return low + (unit if second else timedelta(minutes=1))
        if day:
            return low + timedelta(days=1)
        if month:
            return low.replace(year=low.year + low.month // 12, month=low.month % 12 + 1)
        return low.replace(year=low.year + 1)
    except (ValueError, OverflowError):  # the end of the year 9999, which is before that of an open period
        return _LAST - timedelta(seconds=1)


def _zone(text: str | None) -> timezone:
    if not text or text == "Z":
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[4:6]))
    return timezone(-offset if text[0] == "-" else offset)


def number_span(text: str, prefix: str) -> Span | None:
    """
    Return what a number in a search stands for: with its precision for eq and ne, else exactly; None when it is none.

    Source: https://hl7.org/fhir/R4/search.html#number
    """
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number.adjusted()) > _MOST_DIGITS:
        return None
    exponent = number.as_tuple().exponent
    half = Decimal(5).scaleb(int(exponent) - 1) if prefix in ("eq", "ne") else Decimal(0)
    return Span(number - half, number + half)


def quantity_span(quantity: dict[str, Any]) -> Span | None:
    """Return what a Quantity says, with its comparator; None when it has no value."""
    value = quantity.get("value")
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    number = Decimal(value)
    comparator = str(quantity.get("comparator", ""))
    return Span(-_INFINITE if "<" in comparator else number, _INFINITE if ">" in comparator else number)

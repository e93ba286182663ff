"""A time as a report gives it: a date, or an offset from an event."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError

from fhir_case.case.forms.form import KEY, Key, ShortForm

__all__ = ["When", "known_event"]

_DATE = re.compile(r"^\d{4}(-\d{2}(-\d{2})?)?$")
_OFFSET = re.compile(r"^(?P<sign>[+-])?\s*(?P<count>\d{1,5})\s*(?P<unit>[a-z]+)$")
_RELATION = re.compile(r"^(?:(?P<count>\d{1,5})\s*(?P<unit>[a-z]+)\s+)?(?P<relation>before|after)\s+(?P<event>\S+)$")
_UNITS = {
    "d": "d", "day": "d", "days": "d",
    "wk": "wk", "week": "wk", "weeks": "wk",
    "mo": "mo", "month": "mo", "months": "mo",
    "a": "a", "year": "a", "years": "a",
}  # fmt: skip


def known_event(key: str, info: ValidationInfo) -> str:
    """Check that a key names an entry of the file; the reader hands in all keys as the context ``keys``."""
    keys: dict[str, str] | None = (info.context or {}).get("keys")
    if keys is not None and key not in keys:
        raise PydanticCustomError("unknown_key", "no entry has the key '{key}'", {"key": key, "wanted": ""})
    return key


class When(ShortForm):
    """
    Say when something was, as the report says it.

    Args:
        day: A date of the precision that the source has (``2018``, ``2018-03``, ``2018-03-01``).
        relation: ``before``, ``after`` or ``at`` the event.
        event: The key of the entry counted from; absent for the anchor of the case.
        count: How many units lie between; 0 when the report gives the order but no interval.
        unit: ``d``, ``wk``, ``mo`` or ``a`` (UCUM).
    """

    day: str | None = None
    relation: Literal["before", "after", "at"] | None = None
    event: Annotated[Key, AfterValidator(known_event)] | None = None
    count: Annotated[int, Field(strict=True, ge=0, le=99999)] = 0
    unit: Literal["d", "wk", "mo", "a"] = "d"

    @classmethod
    def short_schema(cls) -> JsonSchemaValue:
        described = "+3 mo, 2 wk after KEY, before KEY, after KEY, KEY, baseline, anchor, or a date"
        return {"type": ["string", "integer"], "description": described}

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, data: Any) -> Any:
        if isinstance(data, date):
            return {"day": data.isoformat()}
        if isinstance(data, int) and not isinstance(data, bool):
            return _when_parts(str(data))
        return _when_parts(data.strip()) if isinstance(data, str) else data

    @field_validator("day")
    @classmethod
    def _is_a_day(cls, day: str | None) -> str | None:
        if day is None:
            return None
        if not _DATE.match(day) or not _in_the_calendar(day):
            raise PydanticCustomError("day", "'{given}' is not a date of the calendar", {"given": day[:40]})
        if not "1800" <= day[:4] <= "2200":
            raise PydanticCustomError("day", "{given} is outside the years 1800 to 2200", {"given": day[:40]})
        return day

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if (self.day is None) == (self.relation is None):
            raise PydanticCustomError("when", "a time is either a date or a relation to an event")
        return self


def _in_the_calendar(day: str) -> bool:
    try:
        date.fromisoformat((day + "-01-01")[:10])
    except ValueError:
        return False
    return True


def _when_parts(text: str) -> dict[str, Any]:
    if _DATE.match(text):
        return {"day": text}
    if text == "baseline":
        return {"relation": "before"}
    if text == "anchor":
        return {"relation": "at"}
    if (match := _OFFSET.match(text)) and match["sign"]:
        relation = "before" if match["sign"] == "-" else "after"
        return {"relation": relation, "count": int(match["count"]), "unit": _unit(match["unit"])}
    if match := _RELATION.match(text):
        event = None if match["event"] in {"baseline", "anchor"} else match["event"]
        count = int(match["count"] or 0)
        return {"relation": match["relation"], "event": event, "count": count, "unit": _unit(match["unit"] or "d")}
    if KEY.match(text):
        return {"relation": "at", "event": text}
    raise PydanticCustomError(
        "when",
        "'{given}' is not a time; write +3 mo, 2 wk after KEY, before KEY, baseline or a date such as 2018-03-01",
        {"given": text[:60]},
    )


def _unit(text: str) -> str:
    if text not in _UNITS:
        raise PydanticCustomError(
            "time_unit", "'{given}' is not a unit of time; write d, wk, mo or a (year)", {"given": text[:20]}
        )
    return _UNITS[text]

"""A time as a report gives it: a date, or an offset from an event."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError

from fhir_case.case.forms.concept import Concept
from fhir_case.case.forms.form import KEY, Key, ShortForm, clipped
from fhir_case.case.forms.life_age import LifeAge
from fhir_case.case.forms.time_units import TimeUnit, time_unit

__all__ = ["When", "known_event"]

_DATE = re.compile(r"^\d{4}(-\d{2}(-\d{2})?)?$", re.ASCII)
_COUNT = (
    r"(?P<bound><=|>=|<|>|within |at least |at most |more than |less than )? ?"
    r"(?P<count>\d{1,5}(?:\.\d{1,2})?)(?: ?(?:-|to) ?(?P<high>\d{1,5}(?:\.\d{1,2})?))? ?(?P<unit>[a-z]+)"
)
_OFFSET = re.compile(rf"^(?P<sign>[+-]) ?{_COUNT}$", re.ASCII)
_RELATION = re.compile(rf"^(?:{_COUNT} )?(?P<relation>before|after) (?P<event>\S+)$", re.ASCII)
_LEAST, _MOST = {">", ">=", "at least", "more than"}, {"<", "<=", "within", "at most", "less than"}
_AT_AN_AGE = re.compile(r"^(?:at )?age (?P<from>[^-]{1,40}?)(?: ?(?:-|to) ?(?P<to>[^-]{1,40}))?$", re.ASCII)
_GESTATION = re.compile(r"^gestation (?P<age>.{1,40})$", re.ASCII)
_CYCLE = re.compile(r"\b(?:cycles?|courses?)\b", re.IGNORECASE)
_TYPED = str.maketrans("−–", "--")


def _not_a_word(value: Any) -> Any:
    if isinstance(value, bool | str):
        raise PydanticCustomError("number", "{given} where a number is expected", {"given": clipped(value)})
    return value


Span = Annotated[Decimal, BeforeValidator(_not_a_word), Field(ge=0, le=99999, decimal_places=2)]


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
        relation: ``before``, ``after`` or ``at`` the event; ``before`` or ``after`` the day.
        event: The key of the entry counted from; absent for the anchor of the case.
        count: How many units lie between; absent when the report gives the order but no interval.
        least: How many units lie between at least, where the report gives a range or a bound.
        most: How many units lie between at most, where the report gives a range or a bound.
        unit: ``min``, ``h``, ``d``, ``wk``, ``mo`` or ``a`` (UCUM).
        to_day: The date at which a time that began on the day ended.
        age: The age of the patient at the time, where the source gives that in place of a date.
        to_age: The other end, where it gives two ages.
        gestation: The gestational age at the time, where it was before birth.
        period: A period of life by its name, such as congenital or childhood.
        unknown: Whether the source does not say when it was.
    """

    day: str | None = None
    relation: Literal["before", "after", "at"] | None = None
    event: Annotated[Key, AfterValidator(known_event)] | None = None
    count: Span | None = None
    least: Span | None = None
    most: Span | None = None
    unit: TimeUnit = "d"
    to_day: str | None = None
    age: LifeAge | None = None
    to_age: LifeAge | None = None
    gestation: LifeAge | None = None
    period: Concept | None = None
    unknown: Literal[True] | None = None

    @classmethod
    def short_schema(cls) -> JsonSchemaValue:
        described = (
            "+3 mo, +36 h, 3-5 d after KEY, before KEY, KEY, baseline, anchor, 2018-03, before 2018-03, age 22 a, "
            "gestation 19 wk, unknown"
        )
        return {"type": ["string", "integer"], "description": described}

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, data: Any) -> Any:
        if isinstance(data, date):
            return {"day": data.isoformat()}
        if isinstance(data, int) and not isinstance(data, bool):
            return _when_parts(str(data))
        return _when_parts(data.strip()) if isinstance(data, str) else data

    @field_validator("day", "to_day")
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
        counts = (self.count, self.least, self.most)
        kinds = (self.age, self.gestation, self.period, self.unknown, self.day or self.relation)
        if sum(one is not None for one in kinds) > 1:
            raise PydanticCustomError("when", "a time is one of a date, a relation, an age, a period of life, unknown")
        if (self.to_age and not self.age) or (self.to_day and (not self.day or self.relation)):
            raise PydanticCustomError("when", "the end of a time has a begin of the same kind")
        if self.to_day and self.day and self.to_day < self.day[: len(self.to_day)]:
            raise PydanticCustomError("when", "the end of a time is before its begin")
        if self.is_in_life or self.unknown:
            return self
        if self.day is None and self.relation is None:
            raise PydanticCustomError("when", "a time is either a date or a relation to an event")
        if self.day is not None and (self.event or self.relation == "at" or any(one is not None for one in counts)):
            raise PydanticCustomError("when", "a date has no event and no interval; count from the key of an entry")
        if self.relation == "at" and any(counts):
            raise PydanticCustomError("when", "what was at an event has no interval; write before or after")
        if self.count is not None and (self.least is not None or self.most is not None):
            raise PydanticCustomError("when", "an interval is either exact or has bounds")
        if self.least is not None and self.most is not None and self.least > self.most:
            raise PydanticCustomError("when", "the first number of an interval is above the second")
        return self

    @property
    def is_in_life(self) -> bool:
        """Whether it is no day, but an age, a time before birth or a period of life."""
        return self.age is not None or self.gestation is not None or self.period is not None

    @property
    def words_of_life(self) -> str:
        """Return in words what is no day, for example ``at the age of 22 years``."""
        if self.unknown:
            return "time not stated"
        if self.age is not None:
            to = f" to {self.to_age.words}" if self.to_age else ""
            return f"at the age of {self.age.words}{to}"
        if self.gestation is not None:
            return f"at a gestational age of {self.gestation.words}"
        if self.period is None:
            return ""
        codes = self.period.code
        return self.period.text or self.period.name or codes[0].display or codes[0].code


def _in_the_calendar(day: str) -> bool:
    try:
        date.fromisoformat((day + "-01-01")[:10])
    except ValueError:
        return False
    return True


def _when_parts(given: str) -> dict[str, Any]:
    text = " ".join(given.split()).translate(_TYPED)
    if _DATE.match(text):
        return {"day": text}
    if parts := _parts_of_life(text):
        return parts
    if text in _NAMED:
        return {"relation": _NAMED[text]}
    if match := _OFFSET.match(text):
        return {"relation": "before" if match["sign"] == "-" else "after", **_interval(match, given)}
    if match := _RELATION.match(text):
        return {"relation": match["relation"], **_origin(match["event"]), **_interval(match, given)}
    if KEY.match(text):
        return {"relation": "at", "event": text}
    if _CYCLE.search(text):
        raise PydanticCustomError(
            "when",
            "'{given}' counts cycles, and a time counts days; after two cycles of 21 d write '42 d after KEY' with the "
            "key of the regimen, or 'after KEY' where the length is not stated",
            {"given": given[:60]},
        )
    raise PydanticCustomError(
        "when",
        "'{given}' is not a time; write +3 mo, 2 wk after KEY, before KEY, baseline or a date such as 2018-03-01",
        {"given": given[:60]},
    )


_NAMED = {"baseline": "before", "anchor": "at"}


def _parts_of_life(text: str) -> dict[str, Any]:
    if match := _AT_AN_AGE.match(text):
        return {"age": match["from"], "to_age": match["to"]}
    if match := _GESTATION.match(text):
        return {"gestation": match["age"]}
    return {"unknown": True} if text == "unknown" else {}


def _origin(event: str) -> dict[str, Any]:
    if event[:1].isdigit():
        return {"day": event}
    return {"event": None if event in {"baseline", "anchor"} else event}


def _interval(match: re.Match[str], given: str) -> dict[str, Any]:
    if match["count"] is None:
        return {}
    count, high, bound = match["count"], match["high"], (match["bound"] or "").strip()
    unit = {"unit": time_unit(match["unit"])}
    if bound and high:
        raise PydanticCustomError("when", "'{given}' has a bound and a range; write one of them", {"given": given[:60]})
    if high:
        return {"least": Decimal(count), "most": Decimal(high), **unit}
    if bound in _LEAST:
        return {"least": Decimal(count), **unit}
    return {"most" if bound in _MOST else "count": Decimal(count), **unit}

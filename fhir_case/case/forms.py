"""
The short and the open forms in which a case file writes a concept, a quantity, a value and a time.

A short form is one string (``afp``, ``33996 ng/mL``, ``+3 mo``); the open form is a mapping that spells everything
out (``{text: AFP, code: {system: …, code: …}}``). Both become the same frozen value.
"""

from __future__ import annotations

import contextlib
import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

__all__ = [
    "Coding",
    "Concept",
    "Day",
    "Form",
    "Key",
    "Quantity",
    "Site",
    "Text",
    "Value",
    "When",
    "known_event",
]

Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]
Text = Annotated[str, Field(min_length=1, max_length=5000, pattern=r"\S")]


def _a_day(value: Any) -> Any:
    # Left alone, pydantic takes a number for seconds since 1970 and accepts a time of day.
    if type(value) is date:
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value.strip(), re.ASCII):
        with contextlib.suppress(ValueError):
            return date.fromisoformat(value.strip())
    raise PydanticCustomError(
        "day", "{given} is not a day of the calendar; write one such as 2018-03-01", {"given": _clipped(value)}
    )


def _clipped(value: Any) -> str:
    return (
        f"'{value[:40]}'" if isinstance(value, str) else "this" if isinstance(value, list | dict) else str(value)[:40]
    )


Day = Annotated[date, BeforeValidator(_a_day)]
"""A whole date, as text or as a `datetime.date`."""


_NUMBER = r"[-+]?\d+(?:\.\d+)?"
_QUANTITY = re.compile(rf"^(?P<comparator><=|>=|<|>)?\s*(?P<value>{_NUMBER})(?:\s+(?P<unit>\S.*))?$")
_DATE = re.compile(r"^\d{4}(-\d{2}(-\d{2})?)?$")
_OFFSET = re.compile(r"^(?P<sign>[+-])?\s*(?P<count>\d{1,5})\s*(?P<unit>[a-z]+)$")
_RELATION = re.compile(r"^(?:(?P<count>\d{1,5})\s*(?P<unit>[a-z]+)\s+)?(?P<relation>before|after)\s+(?P<event>\S+)$")
_KEY = re.compile(r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")

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


class Form(BaseModel):
    """Refuse unknown keys and changes: the ground of every part of a case."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class _ShortForm(Form):
    """Accept one string in place of the mapping, and say so in the JSON Schema."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        open_form = handler.resolve_ref_schema(handler(core))
        described: dict[str, Any] = {key: open_form.pop(key) for key in ("title", "description") if key in open_form}
        rest = dict(open_form)
        open_form.clear()
        open_form.update(described, anyOf=[cls._short_schema(), *cls._open_schemas(rest)])
        return open_form

    @classmethod
    def _short_schema(cls) -> JsonSchemaValue:
        return {"type": "string"}

    @classmethod
    def _open_schemas(cls, open_form: JsonSchemaValue) -> list[JsonSchemaValue]:
        return [open_form]


class Coding(Form):
    """Name one code of one code system, as its publisher writes it."""

    system: Annotated[str, Field(pattern=r"^(https?://|urn:)\S+$", max_length=300)]
    code: Annotated[str, Field(pattern=r"^\S+( \S+)*$", max_length=200)]
    display: Text | None = None
    version: Text | None = None


def _as_list(value: Any) -> Any:
    if isinstance(value, str | int | Decimal):
        raise PydanticCustomError(
            "code", "{given} is a code without its system; write {system: …, code: …}", {"given": _clipped(value)}
        )
    return [value] if isinstance(value, dict) else value


class Concept(_ShortForm):
    """
    Name a thing: by a short name that a code table knows, by words, or by codes of one's own.

    Args:
        name: A short name of a code table of the mappings, for example ``afp``.
        text: The words of the report or of the author; alone it makes a concept without a code.
        code: One or more codings; they win over the code table.
    """

    name: Key | None = None
    text: Text | None = None
    code: Annotated[tuple[Coding, ...], BeforeValidator(_as_list)] = ()

    @classmethod
    def _short_schema(cls) -> JsonSchemaValue:
        described = "a short name that a code table knows, for example afp"
        return {"type": "string", "pattern": _KEY.pattern, "description": described}

    @classmethod
    def _open_schemas(cls, open_form: JsonSchemaValue) -> list[JsonSchemaValue]:
        code = open_form["properties"]["code"]
        open_form["properties"]["code"] = {"anyOf": [code["items"], {"type": "array", "items": code["items"]}]}
        return [open_form]

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, data: Any) -> Any:
        if not isinstance(data, str):
            return data
        if _KEY.match(data.strip()):
            return {"name": data.strip()}
        raise PydanticCustomError(
            "short_name",
            "'{given}' is not a short name (lower-case words joined by hyphens); write words as {text: …}",
            {"given": data[:60]},
        )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.name or self.text or self.code):
            raise PydanticCustomError("empty_concept", "a concept needs a name, a text or a code")
        return self


class Site(Concept):
    """
    Name a place of the body.

    Args:
        side: The side of a paired organ.
    """

    side: Literal["left", "right", "both"] | None = None

    @classmethod
    def _short_schema(cls) -> JsonSchemaValue:
        described = "a short name of a place of the body, for example liver"
        return {"type": "string", "pattern": _KEY.pattern, "description": described}


def _not_a_truth_value(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticCustomError("number", "{given} where a number is expected", {"given": str(value).lower()})
    return value


class Quantity(_ShortForm):
    """
    A number with the digits that were printed, and its unit as printed.

    Args:
        value: The number; its digits are kept (15.0 stays 15.0).
        unit: The unit as printed; absent for a bare number.
        comparator: ``<``, ``<=``, ``>`` or ``>=`` where the report gives a bound.
        ucum: The UCUM code of the unit, for units that no code table knows.
    """

    value: Annotated[Decimal, BeforeValidator(_not_a_truth_value)]
    unit: Text | None = None
    comparator: Literal["<", "<=", ">", ">="] | None = None
    ucum: Text | None = None

    @classmethod
    def _short_schema(cls) -> JsonSchemaValue:
        return {"type": ["string", "number"], "description": "a number and a unit, for example 33996 ng/mL"}

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, data: Any) -> Any:
        if isinstance(data, bool | dict):
            return data
        if isinstance(data, int | float | Decimal):
            return {"value": data}
        if isinstance(data, str):
            return _quantity_parts(data)
        return data

    @field_validator("value")
    @classmethod
    def _is_a_real_number(cls, value: Decimal) -> Decimal:
        if not value.is_finite():
            raise PydanticCustomError("not_finite", "a measured number is finite")
        digits, exponent = value.as_tuple().digits, value.as_tuple().exponent
        if abs(value) >= Decimal(10) ** 15 or len(digits) > 18 or int(exponent) < -18:
            raise PydanticCustomError("too_large", "more than 18 digits or 15 places: no measured number is that long")
        return value

    def __str__(self) -> str:
        number = f"{self.comparator or ''}{format(self.value, 'f')}"
        return f"{number} {self.unit}" if self.unit else number


def _quantity_parts(text: str) -> dict[str, Any]:
    match = _QUANTITY.match(text.strip())
    if match is None:
        if re.match(r"^[<>=]*\s*\d{1,3}(,\d{3})+", text.strip()):
            raise PydanticCustomError(
                "thousands", "'{given}' has a thousands separator; write 33996, not 33,996", {"given": text[:60]}
            )
        raise PydanticCustomError(
            "quantity", "'{given}' is not a number with a unit, such as 33996 ng/mL", {"given": text[:60]}
        )
    return {name: part for name, part in match.groupdict().items() if part is not None}


class Value(_ShortForm):
    """What was found: a quantity or a concept, told apart by what is written."""

    quantity: Quantity | None = None
    concept: Concept | None = None

    @classmethod
    def _short_schema(cls) -> JsonSchemaValue:
        described = "a number with a unit (5.3 SUV), a short name (present), or {text: …} or {code: …}"
        return {"type": ["string", "number"], "description": described}

    @classmethod
    def _open_schemas(cls, open_form: JsonSchemaValue) -> list[JsonSchemaValue]:
        written = open_form["properties"]
        return [written["quantity"]["anyOf"][0], written["concept"]["anyOf"][0], open_form]

    @model_validator(mode="before")
    @classmethod
    def _told_apart(cls, data: Any) -> Any:
        if isinstance(data, bool):
            raise PydanticCustomError("value", "write present or absent, not true or false")
        if isinstance(data, int | float | Decimal) or (isinstance(data, str) and re.match(r"^\s*[<>=+-]*\s*\d", data)):
            return {"quantity": data}
        if isinstance(data, str):
            return {"concept": data}
        if isinstance(data, dict) and not {"quantity", "concept"} & data.keys():
            return {"quantity" if Quantity.model_fields.keys() & data.keys() else "concept": data}
        return data

    @model_validator(mode="after")
    def _holds_one(self) -> Self:
        if (self.quantity is None) == (self.concept is None):
            raise PydanticCustomError("value", "a value is either a quantity or a concept")
        return self


class When(_ShortForm):
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
    def _short_schema(cls) -> JsonSchemaValue:
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
    if _KEY.match(text):
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

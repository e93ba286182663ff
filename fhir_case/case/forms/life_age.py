"""An age in several units of time, as records of children and newborns have it: 3 years, 6 months and 14 days."""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import pairwise
from typing import Any, Self

from pydantic import Field, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError

from fhir_case.case.forms.form import ShortForm
from fhir_case.case.forms.quantity import Age
from fhir_case.case.forms.time_units import TimeUnit

__all__ = ["LifeAge"]

_PART = re.compile(r"(\d{1,6}(?:\.\d{1,4})?) ?([A-Za-z]{1,7})", re.ASCII)
_WHOLE = re.compile(rf"{_PART.pattern}(?:[ ,]{{1,2}}{_PART.pattern})*", re.ASCII)
_ORDER: tuple[TimeUnit, ...] = ("a", "mo", "wk", "d", "h", "min")
_BY_THE_CALENDAR = frozenset({"a", "mo"})
# How many of the smaller unit a unit has, where this is the same for each of them.
_HAS = {("a", "mo"): 12, ("wk", "d"): 7, ("d", "h"): 24, ("h", "min"): 60}


class LifeAge(ShortForm):
    """
    An age in one unit of time or in several, such as ``22 a`` or ``3 a 6 mo 14 d``.

    Args:
        parts: The ages that are added, the largest unit first.
    """

    parts: tuple[Age, ...] = Field(min_length=1)

    @classmethod
    def short_schema(cls) -> JsonSchemaValue:
        return {"type": ["string", "number"], "description": "an age such as 22 a, 6 mo or 3 a 6 mo 14 d"}

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, data: Any) -> Any:
        if isinstance(data, str) and _WHOLE.fullmatch(data.strip()):
            return {"parts": [" ".join(found.groups()) for found in _PART.finditer(data)]}
        if isinstance(data, bool | list) or (isinstance(data, dict) and "parts" in data):
            return data
        return {"parts": [data]}

    @model_validator(mode="after")
    def _goes_down(self) -> Self:
        places = [_ORDER.index(one.code) for one in self.parts]
        if places != sorted(set(places)):
            raise PydanticCustomError("age", "an age names each unit once, the largest first, such as 3 a 6 mo 14 d")
        if len(self.parts) > 1 and any(one.comparator for one in self.parts):
            raise PydanticCustomError("age", "an age with <, <=, > or >= has one unit")
        return self

    @property
    def is_exact(self) -> bool:
        """Whether `quantity` says all of it: months have no fixed number of days."""
        calendar = {one.code in _BY_THE_CALENDAR for one in self.parts}
        return len(calendar) == 1

    @property
    def quantity(self) -> Age:
        """Return it in one unit; of years or months with days, the years and months that are completed."""
        kept = [one for one in self.parts if self.is_exact or one.code in _BY_THE_CALENDAR]
        return in_unit(kept, kept[-1].code)

    def in_unit(self, unit: TimeUnit) -> Age | None:
        """Return it in a smaller unit of the same kind; nothing where it has no fixed number of them."""
        fits = {one.code in _BY_THE_CALENDAR for one in self.parts} == {unit in _BY_THE_CALENDAR}
        last = _ORDER.index(self.parts[-1].code)
        return in_unit(self.parts, unit) if fits and last <= _ORDER.index(unit) else None

    @property
    def words(self) -> str:
        """Return the age in words, for example ``3 years, 6 months and 14 days``."""
        said = [one.words for one in self.parts]
        return f"{', '.join(said[:-1])} and {said[-1]}" if len(said) > 1 else said[0]

    def __str__(self) -> str:
        return " ".join(str(one if one.unit else f"{one} a") for one in self.parts)


def in_unit(parts: tuple[Age, ...] | list[Age], unit: TimeUnit) -> Age:
    """Return the sum of ages in the unit of the last of them, or in a smaller one of the same kind."""
    if len(parts) == 1 and parts[0].code == unit:
        return parts[0]
    total = sum((one.value * _factor(one.code, unit) for one in parts), Decimal(0))
    return Age(value=total, unit=unit, comparator=parts[0].comparator)


def _factor(larger: TimeUnit, smaller: TimeUnit) -> int:
    factor = 1
    steps = _ORDER[_ORDER.index(larger) : _ORDER.index(smaller) + 1]
    for step in pairwise(steps):
        factor *= _HAS[step]
    return factor

"""A quantity with the digits and the unit as printed, a range of them, an age, a blood pressure."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, field_validator, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError

from fhir_case.case.forms.concept import Coding
from fhir_case.case.forms.form import ShortForm, Text
from fhir_case.case.forms.numbers import quantity_parts, range_parts
from fhir_case.case.forms.time_units import TimeUnit, counted, time_unit

__all__ = ["Age", "BloodPressure", "Quantity", "Range"]


def _not_a_truth_value(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticCustomError("number", "{given} where a number is expected", {"given": str(value).lower()})
    return value


class Quantity(ShortForm):
    """
    A number with the digits that were printed, and its unit as printed.

    Args:
        value: The number; its digits are kept (15.0 stays 15.0).
        unit: The unit as printed; absent for a bare number.
        comparator: ``<``, ``<=``, ``>`` or ``>=`` where the report gives a bound.
        ucum: The UCUM code of the unit, for units that no code table knows.
        unit_code: The code of the unit in another system, where the source has one.
    """

    value: Annotated[Decimal, BeforeValidator(_not_a_truth_value)]
    unit: Text | None = None
    comparator: Literal["<", "<=", ">", ">="] | None = None
    ucum: Text | None = None
    unit_code: Coding | None = None

    @classmethod
    def short_schema(cls) -> JsonSchemaValue:
        described = "a number and a unit, for example 33996 ng/mL, < 5 mg/L or 1.2 x 10^9/L"
        return {"type": ["string", "number"], "description": described}

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, data: Any) -> Any:
        if isinstance(data, bool | dict):
            return data
        if isinstance(data, int | float | Decimal):
            return {"value": data}
        if isinstance(data, str):
            return quantity_parts(data)
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
        if not self.unit:
            return number
        if self.unit.startswith("10^"):
            return f"{number} x {self.unit}"
        return f"{number}{self.unit}" if self.unit == "%" else f"{number} {self.unit}"


class Age(Quantity):
    """
    An age in any unit of time; a bare number is years.

    Args:
        unit: The unit as printed: min, h, d, wk, mo, a, or their words.
    """

    @classmethod
    def short_schema(cls) -> JsonSchemaValue:
        described = "a number and a unit of time, for example 61 a, 6 mo or 3 d"
        return {"type": ["string", "number"], "description": described}

    @model_validator(mode="after")
    def _is_an_age(self) -> Self:
        unit = time_unit(self.unit or "a")
        if self.ucum not in {None, unit}:
            raise PydanticCustomError("ucum", "'{given}' is not the code of that unit of time", {"given": self.ucum})
        if not 0 <= self.value <= _LONGEST_LIFE[unit]:
            raise PydanticCustomError("age", "the age is outside 0 to 130 years")
        return self

    @property
    def code(self) -> TimeUnit:
        """Return the UCUM code of its unit."""
        return time_unit(self.unit or "a")

    @property
    def words(self) -> str:
        """Return the age in words, for example ``6 months`` or ``less than 1 year``."""
        return f"{_BOUNDS[self.comparator]} {counted(self.value, self.code)}".strip()


_BOUNDS = {None: "", "<": "less than", "<=": "at most", ">": "more than", ">=": "at least"}
_LONGEST_LIFE = {"a": 130, "mo": 1560, "wk": 6800, "d": 47500, "h": 1140000, "min": 68400000}


class Range(ShortForm):
    """
    A range of two quantities in one unit, such as 5-10 mg; one of them may be absent.

    Args:
        low: The lower bound, which belongs to the range.
        high: The upper bound, which belongs to the range.
    """

    low: Quantity | None = None
    high: Quantity | None = None

    @classmethod
    def short_schema(cls) -> JsonSchemaValue:
        return {"type": "string", "description": "two numbers and a unit, for example 5-10 mg"}

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, data: Any) -> Any:
        if not isinstance(data, str):
            return data
        parts = range_parts(data)
        if parts is None:
            raise PydanticCustomError("range", "'{given}' is not a range, such as 5-10 mg", {"given": data[:60]})
        return dict(zip(("low", "high"), parts, strict=True))

    @model_validator(mode="after")
    def _goes_up(self) -> Self:
        low, high = self.low, self.high
        if low is None and high is None:
            raise PydanticCustomError("range", "a range has a low or a high bound")
        if any(bound is not None and bound.comparator for bound in (low, high)):
            raise PydanticCustomError("range", "the bounds of a range have no <, <=, > or >=")
        if low is not None and high is not None:
            if (low.unit, low.ucum) != (high.unit, high.ucum):
                raise PydanticCustomError("range", "the bounds of a range have one unit")
            if low.value > high.value:
                raise PydanticCustomError("range", "the low bound of a range is above the high one")
        return self

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"from {self.low}" if self.low is not None else f"up to {self.high}"
        return f"{self.low.value:f} to {self.high}"


class BloodPressure(ShortForm):
    """
    A systolic and a diastolic pressure in one unit, such as 62/52 mmHg.

    Args:
        systolic: The upper number, in mmHg or kPa.
        diastolic: The lower number, in the same unit.
    """

    systolic: Quantity
    diastolic: Quantity

    @classmethod
    def short_schema(cls) -> JsonSchemaValue:
        return {"type": "string", "description": "two pressures and their unit, for example 120/80 mmHg"}

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, data: Any) -> Any:
        if not isinstance(data, str):
            return data
        match = _PRESSURE.fullmatch(data.strip())
        if match is None:
            what = "'{given}' is not a blood pressure with its unit, such as 120/80 mmHg"
            raise PydanticCustomError("blood_pressure", what, {"given": data[:60]})
        return {"systolic": f"{match[1]} {match[3]}", "diastolic": f"{match[2]} {match[3]}"}

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        both = (self.systolic, self.diastolic)
        if (
            any(one.unit not in {"mmHg", "mm Hg", "mm[Hg]", "kPa"} for one in both)
            or len({one.unit for one in both}) > 1
        ):
            raise PydanticCustomError("blood_pressure", "both blood pressures are in mmHg, or both in kPa")
        if not 0 <= self.diastolic.value <= self.systolic.value:
            raise PydanticCustomError("blood_pressure", "the systolic pressure is written before the diastolic one")
        return self

    def __str__(self) -> str:
        return f"{self.systolic.value:f}/{self.diastolic}"


_PRESSURE = re.compile(r"(\d{1,3}(?:\.\d)?)\s?/\s?(\d{1,3}(?:\.\d)?)\s?(mm ?Hg|mm\[Hg\]|kPa)", re.ASCII)

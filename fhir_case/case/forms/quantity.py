"""A quantity with the digits and the unit as printed; a value that is a quantity or a concept."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, field_validator, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError

from fhir_case.case.forms.concept import Concept
from fhir_case.case.forms.form import ShortForm, Text

__all__ = ["Quantity", "Value"]

_NUMBER = r"[-+]?\d+(?:\.\d+)?"
_QUANTITY = re.compile(rf"^(?P<comparator><=|>=|<|>)?\s*(?P<value>{_NUMBER})(?:\s+(?P<unit>\S.*))?$")


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
    """

    value: Annotated[Decimal, BeforeValidator(_not_a_truth_value)]
    unit: Text | None = None
    comparator: Literal["<", "<=", ">", ">="] | None = None
    ucum: Text | None = None

    @classmethod
    def short_schema(cls) -> JsonSchemaValue:
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


class Value(ShortForm):
    """What was found: a quantity or a concept, distinguished by what is written."""

    quantity: Quantity | None = None
    concept: Concept | None = None

    @classmethod
    def short_schema(cls) -> JsonSchemaValue:
        described = "a number with a unit (5.3 SUV), a short name (present), or {text: …} or {code: …}"
        return {"type": ["string", "number"], "description": described}

    @classmethod
    def open_schemas(cls, open_form: JsonSchemaValue) -> list[JsonSchemaValue]:
        written = open_form["properties"]
        return [written["quantity"]["anyOf"][0], written["concept"]["anyOf"][0], open_form]

    @model_validator(mode="before")
    @classmethod
    def _told_apart(cls, data: Any) -> Any:
        if isinstance(data, bool):
            raise PydanticCustomError("value", "write present or absent, not true or false")
        if isinstance(data, int | float | Decimal) or (isinstance(data, str) and re.match(r"[\s<>=+-]*\d", data)):
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

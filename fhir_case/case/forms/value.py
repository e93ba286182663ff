"""What was found, or how much: a quantity, a range or a concept, distinguished by what is written."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar, Self

from pydantic import model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError

from fhir_case.case.forms.concept import Concept
from fhir_case.case.forms.form import ShortForm
from fhir_case.case.forms.numbers import BEGINS_WITH_NUMBER, range_parts
from fhir_case.case.forms.quantity import Quantity, Range

__all__ = ["Amount", "Value"]


class Amount(ShortForm):
    """
    How much: a quantity or a range, distinguished by what is written.

    Args:
        quantity: One number with its unit, such as 5 mg.
        range: Two numbers with one unit, such as 5-10 mg.
    """

    kinds: ClassVar[str] = "a quantity or a range"

    quantity: Quantity | None = None
    range: Range | None = None

    @classmethod
    def short_schema(cls) -> JsonSchemaValue:
        return {"type": ["string", "number"], "description": "a number with a unit (5 mg), or two (5-10 mg)"}

    @classmethod
    def open_schemas(cls, open_form: JsonSchemaValue) -> list[JsonSchemaValue]:
        written = open_form["properties"]
        return [*(written[kind]["anyOf"][0] for kind in cls.model_fields), open_form]

    @classmethod
    def kind_of(cls, data: Any) -> str:
        """Return the field that something written in a file belongs to."""
        if isinstance(data, str):
            return "range" if range_parts(data) is not None else "quantity"
        return "range" if isinstance(data, dict) and Range.model_fields.keys() & data.keys() else "quantity"

    @model_validator(mode="before")
    @classmethod
    def _told_apart(cls, data: Any) -> Any:
        if isinstance(data, bool) or not isinstance(data, int | float | Decimal | str | dict):
            return data
        if isinstance(data, dict) and cls.model_fields.keys() & data.keys():
            return data
        return {cls.kind_of(data): data}

    @model_validator(mode="after")
    def _holds_one(self) -> Self:
        if sum(getattr(self, kind) is not None for kind in type(self).model_fields) != 1:
            raise PydanticCustomError("value", "a value is either {kinds}", {"kinds": self.kinds})
        return self

    @property
    def bounds(self) -> tuple[Quantity, ...]:
        """Return its quantities: one, or those of its range."""
        if self.range is None:
            return (self.quantity,) if self.quantity is not None else ()
        return tuple(bound for bound in (self.range.low, self.range.high) if bound is not None)

    def __str__(self) -> str:
        return str(self.quantity or self.range or "")


class Value(Amount):
    """
    What was found: a quantity, a range or a concept, distinguished by what is written.

    Args:
        concept: A short name, words or codes.
    """

    kinds: ClassVar[str] = "a quantity, a range or a concept"

    concept: Concept | None = None

    @classmethod
    def short_schema(cls) -> JsonSchemaValue:
        described = "a number with a unit (5.3 SUV), two (5-10 mg), a short name (present), or {text: …} or {code: …}"
        return {"type": ["string", "number"], "description": described}

    @classmethod
    def kind_of(cls, data: Any) -> str:
        if isinstance(data, str) and not BEGINS_WITH_NUMBER.match(data):
            return "concept"
        if isinstance(data, dict) and not (Quantity.model_fields | Range.model_fields).keys() & data.keys():
            return "concept"
        return super().kind_of(data)

    @model_validator(mode="before")
    @classmethod
    def _no_truth_value(cls, data: Any) -> Any:
        if isinstance(data, bool):
            raise PydanticCustomError("value", "write present or absent, not true or false")
        return data

"""The range in which a laboratory expects a result, as printed beside it."""

from __future__ import annotations

import re
from typing import Any, Self

from pydantic import model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError

from fhir_case.case.forms.form import ShortForm, Text
from fhir_case.case.forms.numbers import quantity_parts, range_parts
from fhir_case.case.forms.quantity import Quantity

__all__ = ["ReferenceRange"]


class ReferenceRange(ShortForm):
    """
    The range in which a result is expected; it may be open on one side, or in words.

    Args:
        low: The lower end; without a unit it has that of the result.
        high: The upper end.
        text: The range as printed, where its ends do not say it: a bound that is not part of it, or words.
    """

    low: Quantity | None = None
    high: Quantity | None = None
    text: Text | None = None

    @classmethod
    def short_schema(cls) -> JsonSchemaValue:
        return {"type": "string", "description": "a range such as 135-180 g/L, or a bound such as < 5 mg/L"}

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, data: Any) -> Any:
        if not isinstance(data, str):
            return data
        if parts := range_parts(data):
            return dict(zip(("low", "high"), parts, strict=True))
        if re.match(r"\s?[<>≤≥]", data):
            bound = quantity_parts(data)
            end = "high" if bound.pop("comparator", "").startswith("<") else "low"
            return {end: bound, "text": data.strip()}
        raise PydanticCustomError(
            "reference_range",
            "'{given}' is not a range such as 135-180 g/L or a bound such as < 5 mg/L; write words as {text: …}",
            {"given": data[:60]},
        )

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.low is None and self.high is None and self.text is None:
            raise PydanticCustomError("reference_range", "a reference range has a low or a high end, or a text")
        if any(end is not None and end.comparator for end in (self.low, self.high)):
            raise PydanticCustomError("reference_range", "an end of a reference range is a number without < or >")
        low, high = self.low, self.high
        if low is not None and high is not None and low.unit == high.unit and low.value > high.value:
            raise PydanticCustomError("reference_range", "the low end of a reference range is above its high end")
        return self

    def __str__(self) -> str:
        if self.text:
            return self.text
        if self.low is not None and self.high is not None:
            same = self.low.unit == self.high.unit
            return f"{format(self.low.value, 'f') if same else self.low} to {self.high}"
        return f"at least {self.low}" if self.low is not None else f"at most {self.high}"

"""A dose as it is printed: an amount, an amount from … to …, or a target area under the curve."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case.forms import Amount
from fhir_case_mappings.medication.frequency import schedule_of

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaValue

__all__ = ["Dose"]

_NUMBER = r"\d+(?:\.\d+)?"
_AUC = re.compile(rf"^(?:AUC ?(?P<after>{_NUMBER})|(?P<before>{_NUMBER}) ?AUC)$", re.IGNORECASE | re.ASCII)
# Calvert's formula has the target area under the curve in milligrams per millilitre times minutes.
_AUC_UNIT = {"unit": "AUC", "ucum": "mg.min/mL"}
_TIME = {
    "s": "s", "sec": "s", "second": "s", "min": "min", "minute": "min", "h": "h", "hr": "h", "hour": "h",
    "d": "d", "day": "d", "w": "wk", "wk": "wk", "week": "wk", "mo": "mo", "month": "mo",
}  # fmt: skip
_PER_TIME = re.compile(rf"(?:/|\bper\b)\s*(?:24\s*(?P<whole>h|hr|hours)|(?P<unit>{'|'.join(_TIME)}))$")


class Dose(Amount):
    """A dose as printed: ``75 mg/m2``, ``5-10 mg``, ``AUC 5``, ``<= 8 mg``; ``0.1 µg/kg/min`` is a rate."""

    @classmethod
    def short_schema(cls) -> JsonSchemaValue:  # noqa: D102 - as inherited
        return {"type": ["string", "number"], "description": "75 mg/m2, 0.1 mg/kg, 5-10 mg, AUC 5"}

    @model_validator(mode="before")
    @classmethod
    def _area_under_the_curve(cls, data: Any) -> Any:
        match = _AUC.match(data.strip()) if isinstance(data, str) else None
        if match is None:
            return data
        return {"quantity": {"value": Decimal(match["after"] or match["before"]), **_AUC_UNIT}}

    @model_validator(mode="after")
    def _is_one_dose(self) -> Self:
        if any(one.value <= 0 for one in self.bounds):
            raise PydanticCustomError("dose", "a dose is more than nothing")
        rest = self.unit.partition(" ")[2]
        if rest and schedule_of(rest) is not None:
            raise PydanticCustomError(
                "dose",
                "'{given}' says how often too; write that as 'frequency: {rest}'",
                {"given": str(self), "rest": rest},
            )
        return self

    @property
    def unit(self) -> str:
        """Return the unit as printed; empty without one."""
        return next((one.unit or "" for one in self.bounds), "")

    @property
    def per_time(self) -> str:
        """Return the unit of the time that it is for, ``d`` for 1 mg/kg/day; empty for what is given at a time."""
        match = _PER_TIME.search(self.unit)
        return "" if match is None else "d" if match["whole"] else _TIME[match["unit"]]

    def __str__(self) -> str:
        if self.quantity is not None and self.unit == _AUC_UNIT["unit"]:
            return f"AUC {self.quantity.value:f}"
        return super().__str__()

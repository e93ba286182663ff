"""The numbers that fields of entries have, and how another number is written in their place."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from fhir_case.case.forms import Amount, Form, Quantity, When
from fhir_case.case.forms.time_units import TIME_UNITS
from fhir_case.case.variation.declaration import DATE

if TYPE_CHECKING:
    from fhir_case.case.variation.references import Path

__all__ = ["Measured", "measured", "put", "same_unit", "value_at", "without", "written"]


class Measured(NamedTuple):
    """
    A number in a case.

    Args:
        value: The number; of a day its ordinal; 0 for a time of which only the order is known.
        unit: Its unit as written; None where there is none, `DATE` for a day.
        digits: How many decimal places it has.
    """

    value: Decimal
    unit: str | None
    digits: int


def value_at(form: Any, path: Path) -> Any:
    """Return what a form has at a path; None where it has nothing."""
    for step in path:
        if isinstance(form, tuple):
            form = form[int(step)] if str(step).isdigit() and int(step) < len(form) else None
        else:
            form = getattr(form, str(step), None)
    return form


def measured(value: Any) -> Measured | None:
    """Return the number of a value; None where it has none."""
    if isinstance(value, Amount):
        value = value.quantity
    if isinstance(value, Quantity):
        return Measured(value.value, value.unit, _digits(value.value))
    if isinstance(value, When):
        if value.day is not None or value.relation == "at":
            return None
        count = value.count if value.count is not None else value.least
        return Measured(count or Decimal(0), value.unit, _digits(count or Decimal(0)))
    if isinstance(value, date):
        return Measured(Decimal(value.toordinal()), DATE, 0)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Measured(Decimal(value), None, _digits(Decimal(value)))
    return None


def _digits(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def same_unit(value: Any, given: str | None) -> bool:
    """Whether a number with a unit can stand in the place of a value: any unit of time in that of a time."""
    found = measured(value)
    if found is None:
        return False
    if isinstance(value, When):
        return given in TIME_UNITS
    return (found.unit or "").replace(" ", "") == (given or "").replace(" ", "")


def written(value: Any, number: Decimal, unit: str | None) -> Any:
    """Return how a file would have a value with another number in it."""
    if isinstance(value, Amount):
        value = value.quantity
    if isinstance(value, Quantity):
        changed = value.model_copy(update={"value": number})
        return str(changed) if value.ucum is None else {**_parts(changed), "value": number}
    if isinstance(value, When):
        parts = {"relation": value.relation, "event": value.event, "count": number, "unit": TIME_UNITS[unit or "d"]}
        return {name: part for name, part in parts.items() if part is not None}
    if isinstance(value, date):
        return date.fromordinal(int(number)).isoformat()
    return int(number) if isinstance(value, int) else number


def _parts(form: Form) -> dict[str, Any]:
    return {name: part for name in type(form).model_fields if (part := getattr(form, name)) is not None}


def put(data: Any, path: Path, value: Any) -> None:
    """Put a value into the plain values of an entry; None takes the field out."""
    *inner, last = path
    for step in inner:
        data = data[int(step)] if isinstance(data, list) else data[step]
    if isinstance(data, list):
        data[int(last)] = value
    elif value is None:
        data.pop(last, None)
    else:
        data[last] = value


def without(data: Any, path: Path) -> None:
    """Take what stands at a path out of the plain values of an entry: a field, or what is in a list."""
    *inner, last = path
    for step in inner:
        data = data[int(step)] if isinstance(data, list) else data.get(step)
        if data is None:
            return
    if isinstance(data, list):
        data[int(last)] = _GONE
    elif isinstance(data, dict):
        data.pop(last, None)


class _Gone:
    """What was taken out of a list, whose positions stay as they are until all is taken out."""


_GONE = _Gone()


def swept(data: Any) -> Any:
    """Return plain values without what was taken out of lists, and without lists that are empty for it."""
    if isinstance(data, dict):
        for name, value in list(data.items()):
            if (kept := swept(value)) == [] and value:
                del data[name]
            else:
                data[name] = kept
    elif isinstance(data, list):
        return [swept(one) for one in data if one is not _GONE]
    return data

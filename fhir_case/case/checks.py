"""Checks that the models of several concepts make."""

from __future__ import annotations

from typing import TYPE_CHECKING, LiteralString

from pydantic_core import PydanticCustomError

from fhir_case.case.forms import Amount

if TYPE_CHECKING:
    from fhir_case.case.forms import Quantity

__all__ = ["refuse_negative"]


def refuse_negative(amount: Quantity | Amount | None, field: LiteralString, what: str) -> None:
    """
    Refuse a negative amount in the validator of an entry.

    Args:
        field: The field to look at: the type of the error, by which the reader finds the place of that field.
        what: The amount in words, for example ``a dose``.

    Raises:
        PydanticCustomError: It is negative.
    """
    quantities = amount.bounds if isinstance(amount, Amount) else (amount,)
    if any(one is not None and one.value < 0 for one in quantities):
        raise PydanticCustomError(field, "{what} is not negative", {"what": what})

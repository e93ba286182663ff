"""Texts of tables as numbers, days and times of a case file."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fhir_case.readers.table.recipe import Offset

__all__ = ["UnusableError", "day_of", "number_of", "offset_of"]

_NUMBER = re.compile(r"(<=|>=|<|>|≤|≥)?\s{0,20}([-+]?(?:[0-9]{1,20}(?:\.[0-9]{0,20})?|\.[0-9]{1,20}))", re.ASCII)
_WHOLE = re.compile(r"[0-9]{5}", re.ASCII)
_EXCEL_EPOCH = date(1899, 12, 30)
_LETTERS_OF_DAYS, _LETTERS_OF_MONTHS = ("d", "j", "x"), ("m", "b", "B")


class UnusableError(Exception):
    """Why a text is not what the recipe takes it for."""


def number_of(text: str, decimal: str, *, bounds: bool) -> int | Decimal | str:
    """
    Return a number; with a bound before it, as text.

    Args:
        text: The text.
        decimal: The character before its decimals.
        bounds: Whether it may have a bound such as ``<``, which a quantity with a unit can.

    Raises:
        UnusableError: It is no number.
    """
    if decimal == "," and "." in text:
        raise UnusableError("not a number with a decimal comma")
    found = _NUMBER.fullmatch(text.replace(decimal, ".") if decimal != "." else text)
    if found is None or (found[1] and not bounds):
        raise UnusableError("not a number")
    if found[1]:
        return f"{found[1]} {found[2]}"
    number = Decimal(found[2])
    return int(number) if re.fullmatch(r"[-+]?[0-9]+", found[2]) else number


def day_of(text: str, form: str) -> str:
    """
    Return a day as precise as its form: ``2018``, ``2018-03`` or ``2018-03-01``.

    Raises:
        UnusableError: It is not written so.
    """
    try:
        day = datetime.strptime(text, form)  # noqa: DTZ007 - a day of a table has no time zone
    except ValueError:
        if _WHOLE.fullmatch(text):
            meant = _EXCEL_EPOCH + timedelta(days=int(text))
            what = f"not a day written as {form}; as Excel stores days it is {meant}: format the column as a date"
            raise UnusableError(what) from None
        raise UnusableError(f"not a day written as {form}") from None
    letters = set(re.findall(r"%-?([A-Za-z])", form))
    length = 10 if letters & set(_LETTERS_OF_DAYS) else 7 if letters & set(_LETTERS_OF_MONTHS) else 4
    return day.date().isoformat()[:length]


def offset_of(number: int | Decimal | str, form: Offset) -> str:
    """Return the time that lies so many units after an event, or before it where the number is negative."""
    count = Decimal(number)
    if not count:
        return form.after or "anchor"
    if form.after is None:
        return f"{'+' if count > 0 else '-'}{abs(count):f} {form.unit}"
    return f"{abs(count):f} {form.unit} {'after' if count > 0 else 'before'} {form.after}"

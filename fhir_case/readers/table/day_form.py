"""How a recipe says that days are written."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from fhir_case.case.forms import Text

__all__ = ["DayForm"]

_KNOWN = frozenset("djmbBYHIMSfpaAzZ%")
_DAY = datetime(2021, 5, 17)  # noqa: DTZ001 - a day of a table has no time zone


def _why_not(form: str) -> str:
    """Return why no day can be read by a form of Python's ``strptime``; nothing where one can."""
    letters = [letter for letter in re.findall(r"%(.?)", form, re.DOTALL) if letter != "%"]
    unknown = next((letter for letter in letters if letter not in _KNOWN), None)
    if unknown in {"y", "x", "c"}:
        return f"'%{unknown}' does not say the century; write the years of the table with four digits, '%Y'"
    if unknown is not None:
        return f"'%{unknown[:1]}' is no part of a day that is known here; such as '%d.%m.%Y'"
    twice = next((letter for letter in letters if letters.count(letter) > 1), None)
    if twice is not None:
        return f"'%{twice}' stands there twice; each part of a day once"
    if "Y" not in letters or ("d" in letters and not {"m", "b", "B"} & set(letters)):
        what = "a day without a month" if "Y" in letters else "no year, '%Y'"
        return f"it has {what}; such as '%d.%m.%Y'"
    try:
        datetime.strptime(_DAY.strftime(form), form)  # noqa: DTZ007 - see above
    except (ValueError, re.error):
        return "no day can be read so; such as '%d.%m.%Y'"
    return ""


def _readable(form: str) -> str:
    why = _why_not(form)
    if why:
        raise PydanticCustomError("day_form", "'{form}' is no form of a day: {why}", {"form": form[:40], "why": why})
    return form


DayForm = Annotated[Text, AfterValidator(_readable)]
"""A form of Python's ``strptime`` by which days are read, and with what precision."""

"""Texts that tell of what varies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fhir_case.case.forms import Amount, Quantity, When, counted
from fhir_case.case.variation.values import value_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from fhir_case.case.forms import Form

__all__ = ["filled", "names_in", "said_as"]

_BRACES = re.compile(r"\{([^{}]*)\}")


def names_in(text: str) -> Iterator[str]:
    """Return the fields that the braces of a text name, ``KEY.FIELD``."""
    return (found[1] for found in _BRACES.finditer(text))


def filled(text: str, drawn: Callable[[str], Any], forms: Mapping[str, Form]) -> str:
    """
    Return a text with what the fields say that its braces name.

    Args:
        text: The text.
        drawn: Returns what was drawn for a field, as a file has it; None where nothing was.
        forms: The entries by their keys.
    """

    def said(found: re.Match[str]) -> str:
        entry, _, field = found[1].partition(".")
        base = value_at(forms.get(entry), tuple(field.split(".")))
        value = drawn(found[1])
        if isinstance(base, When):
            has: dict[str, Any] = value if isinstance(value, dict) else {"count": base.count, "unit": base.unit}
            return counted(has["count"], has["unit"]) if has.get("count") is not None else ""
        return str(base if value is None else value)

    return _BRACES.sub(said, text)


def said_as(value: Any) -> tuple[str, ...]:
    """Return how texts would tell of a value that varies; nothing for a bare number, which may be any."""
    if isinstance(value, Amount):
        value = value.quantity
    if isinstance(value, Quantity):
        plain = value.model_copy(update={"comparator": None})
        return (str(plain),) if value.unit else ()
    if isinstance(value, When) and value.count is not None:
        return counted(value.count, value.unit), f"{value.count:f} {value.unit}"
    return ()

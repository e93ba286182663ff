"""The quantities of a phenopacket, whose units are ontology classes."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fhir_case.readers.phenopacket.terms import code_of

if TYPE_CHECKING:
    from fhir_case.readers.phenopacket.packet import Part

__all__ = ["quantity_of", "range_of", "unit_of"]


def quantity_of(amount: Part) -> dict[str, Any]:
    """Return a quantity; a value that is not written is 0, as protocol buffers have it."""
    return {"value": amount.number("value") or Decimal(0), **unit_of(amount.part("unit"))}


def unit_of(unit: Part | None) -> dict[str, Any]:
    """Return the unit in words with its code, that of UCUM where it is one."""
    if unit is None:
        return {}
    curie, label = unit.text("id"), unit.text("label")
    code = code_of(curie, label)
    if code is None:
        return {"unit": f"{label} ({curie})" if label and label != curie else label or curie}
    if curie.upper().startswith("UCUM:"):
        return {"unit": label or code["code"], "ucum": code["code"]}
    return {"unit": label or curie, "unit_code": code}


def range_of(amount: Part) -> dict[str, Any] | None:
    """Return the reference range of a quantity; an end that is not written is 0 where the other is above."""
    expected = amount.part("referenceRange")
    if expected is None:
        return None
    low, high = expected.number("low"), expected.number("high")
    unit = unit_of(expected.part("unit"))
    if low is None and high is not None and high > 0:
        low = Decimal(0)
    ends = {"low": low, "high": high}
    written: dict[str, Any] = {
        name: {"value": end, **unit} if unit else {"value": end} for name, end in ends.items() if end is not None
    }
    if low is not None and high is not None and low > high:
        written = {"text": f"{low} to {high}"}
    return written or None

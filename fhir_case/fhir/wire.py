"""
Write and read FHIR JSON without losing the precision of a decimal.

FHIR decimals carry their precision (15.0 is not 15.00), which a float cannot keep. Resources are therefore plain
dicts whose decimals are `decimal.Decimal`.

Source: https://hl7.org/fhir/R4/datatypes.html#decimal
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import orjson

__all__ = ["Resource", "dump", "mapping", "objects", "parse", "parse_quickly"]

Resource = dict[str, Any]

_LONGEST = 100


def _raw_number(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal) and value.is_finite():
        text = str(value)
        if len(text) < _LONGEST and "E" not in text:  # nearly all are written so already
            return orjson.Fragment(text)
        # In plain digits, but not a gigabyte of zeros for 1e-999999999, and no zeros that 1.50e3 does not have.
        _, digits, exponent = value.as_tuple()
        plain = int(exponent) <= 0 and abs(value.adjusted()) < _LONGEST and len(digits) < _LONGEST
        return orjson.Fragment(format(value, "f") if plain else str(value))
    raise TypeError(f"{type(value).__name__} is not FHIR JSON")


def dump(value: object, *, indent: bool = False, sort: bool = False) -> bytes:
    """
    Write a resource as UTF-8 JSON, in the order of its elements, each decimal with the digits it has.

    Args:
        indent: Whether to write it for people, with a line for each element.
        sort: Whether to put the elements in the order of their names, so that equal resources are equal bytes.

    Raises:
        TypeError: A value is neither JSON nor a finite decimal.
    """
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE if indent else 0
    if sort:
        options |= orjson.OPT_SORT_KEYS
    return orjson.dumps(value, default=_raw_number, option=options)


def parse(text: bytes | str) -> Any:
    """
    Read JSON; a number with a fraction or an exponent becomes a `Decimal`.

    Raises:
        ValueError: The text is not JSON, or not UTF-8.
    """
    return json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)


def parse_quickly(text: bytes) -> Any:
    """
    Read JSON whose decimals do not matter: they become floats.

    Raises:
        ValueError: The text is not JSON, or not UTF-8.
    """
    return orjson.loads(text)


def mapping(value: object) -> dict[str, Any]:
    """Return a JSON object; an empty one when it is not one: input may be anything."""
    return value if isinstance(value, dict) else {}


def objects(value: object) -> list[dict[str, Any]]:
    """Return those members of a list that are JSON objects; nothing when it is not a list: input may be anything."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")

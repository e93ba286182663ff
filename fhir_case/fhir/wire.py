"""
Write and read FHIR JSON without losing the precision of a decimal.

FHIR decimals carry their precision (15.0 is not 15.00), which a float cannot keep. Resources are therefore plain
dicts whose decimals are `decimal.Decimal`.

Source: https://hl7.org/fhir/R4/datatypes.html#decimal
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import orjson

__all__ = ["Resource", "dump", "mapping", "objects", "parse", "parse_foreign", "parse_quickly"]

Resource = dict[str, Any]

_LONGEST = 100
_DEEPEST = 100
_NO_BRACKETS = bytes(set(range(256)) - set(b"{}[]"))
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


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
        ValueError: The text is not JSON, or not UTF-8, or has a number beyond all use.
    """
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)
    except ArithmeticError:
        raise ValueError("a number is too large") from None


def parse_quickly(text: bytes) -> Any:
    """
    Read JSON whose decimals do not matter: they become floats.

    Raises:
        ValueError: The text is not JSON, or not UTF-8.
    """
    return orjson.loads(text)


def parse_foreign(text: bytes, *, exact: bool = True) -> Any:
    """
    Read JSON that a server sent, which may be anything.

    Args:
        exact: Whether decimals matter; else they become floats, which is four times as fast.

    Raises:
        ValueError: The text is not JSON, or not UTF-8, or nothing that can be worked with and written again: nested
            deeper than 100 levels (the deepest official example has 17), with half of a surrogate pair, or with a
            number beyond all use.
    """
    try:
        value = parse(text.decode("utf-8-sig")) if exact else parse_quickly(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if _deeper(text, value):
        raise ValueError("it is nested too deep")
    if exact and _SURROGATE.search(text):
        try:
            dump(value)
        except TypeError:
            raise ValueError("it has half of a surrogate pair") from None
    return value


def _deeper(text: bytes, value: object) -> bool:
    """Whether JSON is nested too deep; nearly always its brackets alone tell that it is not."""
    brackets = text.translate(None, _NO_BRACKETS)
    for _ in range(_DEEPEST):
        before = len(brackets)
        brackets = brackets.replace(b"{}", b"").replace(b"[]", b"")
        if len(brackets) == before:
            break
    if not brackets:
        return False
    level = [value]  # there are brackets in its texts, or it is as deep as that
    for _ in range(_DEEPEST + 1):
        inner = (each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list))
        level = [child for children in inner for child in children]
    return bool(level)


def mapping(value: object) -> dict[str, Any]:
    """Return a JSON object; an empty one when it is not one: input may be anything."""
    return value if isinstance(value, dict) else {}


def objects(value: object) -> list[dict[str, Any]]:
    """Return those members of a list that are JSON objects; nothing when it is not a list: input may be anything."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")

"""
Read and write JSON with the digits of its numbers as they are.

`fhir_case.fhir.wire` does so for what a program sends; a server must also keep 1.50e3 and numbers of any length.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import orjson

__all__ = ["dump", "parse"]

_MOST_DIGITS = 18
_MOST_ZEROS = 100


def parse(text: bytes | str) -> Any:
    """
    Read JSON; a number with a fraction, an exponent, or more than 18 digits becomes a `Decimal`.

    Raises:
        ValueError: The text is not JSON, or not UTF-8.
        RecursionError: It is nested too deep.
    """
    return json.loads(text, parse_float=Decimal, parse_int=_whole, parse_constant=_refuse)


def dump(value: object, *, pretty: bool = False) -> bytes:
    """Write JSON as UTF-8, each `Decimal` with the digits it has."""
    return orjson.dumps(value, default=_number, option=orjson.OPT_INDENT_2 if pretty else 0)


def _whole(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= _MOST_DIGITS else Decimal(digits)


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _number(value: object) -> orjson.Fragment:
    if not isinstance(value, Decimal):
        raise TypeError(f"{type(value).__name__} is not JSON")
    exponent = value.as_tuple().exponent
    plain = isinstance(exponent, int) and -_MOST_ZEROS < exponent <= 0
    return orjson.Fragment(format(value, "f") if plain else str(value))

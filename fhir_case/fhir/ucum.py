"""
Find the UCUM code of a printed unit, and check that a code follows the grammar of UCUM.

Source: https://ucum.org/ucum (version 2.1), by the library ucumvert where a unit is not among those of the clinic.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from fhir_case.errors import CheckerError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LONGEST_UNIT", "is_ucum", "ucum_code"]

LONGEST_UNIT = 250
"""Characters of a unit that is read: the longest official one has 30, and the grammar takes quadratic time."""

_LONGEST = 60
_CACHED = 10_000

# The parser needs half a second to start and 1 ms a unit.
_METRIC = (
    r"(?:[kdcmunpf]?(?:g|L|l|m|mol|U|\[IU\]|\[iU\]|eq|osm|s|Pa|Bq|Gy|Sv|Ci|J|cal|V|Hz|kat)|[MGT](?:Bq|Hz|eV|J|\[IU\]))"
)
_OTHER = (
    r"min|h|d|wk|mo|a|%|Cel|deg|bar|dB|mm\[Hg\]|cm\[H2O\]|\[(?:degF|HPF|LPF|CFU|arb'U|pH|ppm|ppb|drp|Ch|in_i|lb_av)\]"
)
_ATOM = rf"(?:(?:{_METRIC}|{_OTHER})(?:-?[1-9])?|10\*-?\d+|\d+|\{{[^{{}}]*\}})"
_CLINICAL = re.compile(rf"/?{_ATOM}(?:[./](?:{_ATOM}|\({_ATOM}(?:\.{_ATOM})*\)))*|/\({_ATOM}(?:\.{_ATOM})*\)")
_ANNOTATION = re.compile(r"\{[^{}]*\}")  # the official value sets have spaces there, which the grammar refuses

_TYPED = str.maketrans("µμ⋅·×−¹²³⁴⁵⁶⁷⁸⁹⁰⁻", "uu...-1234567890-")
# What UCUM has for something that reports do not mean by it: coulomb, gauss, barn (a base), megagram (mg in capitals) …
_NOT_MEANT = re.compile(r"(?![LUJVW])[A-Z]|[bcefprtu]|[kMG]b|[A-Z]{2,}|[MGTPEZY](?:g|l|m|s|L|mol|eq)|[Pp]t")
# A litre has two codes; the tables, LOINC and US Core have the one in capitals.
_SMALL_LITRE = re.compile(r"(?<![A-Za-z\[])([kdcmunpf]?)l(?![A-Za-z\]])")
_PRODUCT = re.compile(r"\.(?!\d*_)")
_TOKEN = re.compile(r"10\s?[\^*]\s?-?\d+|\d+(?:\.\d+)?(?![\d^*])|\{[^{}]*\}|[^\s.*\d{][^\s.*]*")


def ucum_code(printed: str, word: Callable[[str], str | None]) -> str | None:
    """
    Return the UCUM code of a unit as a report prints it; none where it cannot be told for certain.

    Args:
        printed: For example ``10^9/L``, ``IU/mL``, ``mL/min/1.73 m²``, ``cells/µL``.
        word: Returns the UCUM code of a printed unit or a part of one; empty for what is only counted (cells), none for
            what is not known.
    """
    if len(printed) > _LONGEST:
        return None
    plain = re.sub(r"(?<=[A-Za-z])\^(?=-?\d)", "", " ".join(printed.split()).translate(_TYPED))
    plain = re.sub(r"\bper\b", "/", plain)
    if (known_code := word(plain)) is not None:
        return known_code or "1"
    parts = [_part(part, word) for part in plain.split("/")]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts) or not any(known):
        return "1" if len(known) == len(parts) == 1 and plain else None
    first, *below = known
    if not all(below) or (first[:1].isdigit() and not first.startswith("10*")):
        return None  # 103/uL has lost its superscript
    code = "/".join([first, *(f"({part})" if _PRODUCT.search(part) else part for part in below)])
    try:
        return code if is_ucum(code) else None
    except CheckerError:
        return None


def _part(part: str, word: Callable[[str], str | None]) -> str | None:
    """Return the code of what stands between two slashes: empty when it only counts, none when it is not known."""
    plain = " ".join(part.split())
    if not plain:
        return ""
    if (code := word(plain)) is not None:
        return code
    if plain in {"1.73 m2", "1.73m2"}:
        return "{1.73_m2}"  # as LOINC and the common units of FHIR write it
    codes = []
    rest = _TOKEN.sub("", plain).strip(" .*")
    for token in _TOKEN.findall(plain):
        power = re.fullmatch(r"10\s?[\^*]\s?(-?\d+)", token)
        known = f"10*{int(power[1])}" if power else word(token)
        if known is None and ("." in token or _NOT_MEANT.fullmatch(token)):
            return None
        codes.append(_SMALL_LITRE.sub(r"\1L", token) if known is None else known)
    return None if rest else ".".join(code for code in codes if code)


def is_ucum(code: str) -> bool:
    """
    Return whether a code follows the grammar of UCUM; one of more than `LONGEST_UNIT` characters is taken for none.

    Raises:
        CheckerError: It is not one of the clinic, and the library for all others is missing.
    """
    if len(code) > LONGEST_UNIT:
        return False
    return bool(_CLINICAL.fullmatch(code)) or _is_parsed(_ANNOTATION.sub("{a}", code))


@lru_cache(_CACHED)
def _is_parsed(code: str) -> bool:
    parser, refused = _parser()
    try:
        parser.parse(code)
    except refused:
        return False
    return True


@cache
def _parser() -> tuple[Any, type[Exception]]:
    try:
        from lark.exceptions import LarkError
        from ucumvert import get_ucum_parser  # type: ignore[import-untyped,unused-ignore] # it has no type marker
    except ImportError as error:
        raise CheckerError(
            "units beyond the most common ones need the library ucumvert", hint="pip install ucumvert"
        ) from error
    return get_ucum_parser(), LarkError

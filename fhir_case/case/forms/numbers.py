"""Numbers and units as reports print them: bounds, powers of ten, superscripts, a unit with or without a blank."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, LiteralString

from pydantic_core import PydanticCustomError

__all__ = ["BEGINS_WITH_NUMBER", "quantity_parts", "range_parts"]

# All of these read a text whose runs of blanks have become one.
_NUMBER = r"[-+]?\d+(?:\.\d+)?"
_POWER = r"(?:[eE](?P<e>[-+]?\d{1,2})|(?: ?[x×*·] ?| )10 ?(?:\^|\*\*?|[eE]) ?(?P<power>[-+]?\d{1,2}))"
_QUANTITY = re.compile(rf"(?P<comparator><=|>=|<|>)? ?(?P<value>{_NUMBER}){_POWER}? ?(?P<unit>[^ ].*)?", re.ASCII)
# A power alone, as in > 10^5 CFU/mL.
_POWER_ALONE = re.compile(r"^((?:<=|>=|<|>)? ?)10 ?(?:\^|\*\*?) ?(?=[-+]?\d{1,2}(?!\d))", re.ASCII)
_RANGE = re.compile(
    r"(?P<low>[-+]?\d+(?:\.\d+)?(?P<unit> ?[^-\d<>= ][^-<>=]*)?) ?(?:-|(?<![a-z])to(?![a-z])) ?(?P<high>[-+]?\d.*)",
    re.ASCII,
)

# What a unit begins with: a letter, or a sign that stands for one. 3 x 5 cm, 62/52 mmHg and 21 000 are no units.
_UNIT = re.compile(r"(?![x×] ?\d)(?:[^\W\d_]|[%‰°℃Å\[{(#'\"]|/ ?(?:[^\W\d_]|[\[{(]|10{0,3} ?[^\W\d_]))")
_COUNT = re.compile(r"/|(?:cells?|leu[ck]ocytes|lymphocytes|neutrophils|platelets|thrombocytes|erythrocytes)\b")

_TYPED = str.maketrans("−–—≤≥", "---\x01\x02")
_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺"
_RAISED = re.compile(f"10([{_SUPERSCRIPTS}]+)")
_LOWERED = str.maketrans(_SUPERSCRIPTS, "0123456789-+")

BEGINS_WITH_NUMBER = re.compile(r"[\s<>=≤≥+−–-]{0,5}\d")
"""A text that is meant as a number."""

_LONGEST = 200


def _plain(text: str) -> str:
    """Return a text with the signs of a keyboard for those of a printer: minus, dashes, superscripts after 10."""
    typed = " ".join(text.split()).translate(_TYPED).replace("\x01", "<=").replace("\x02", ">=")
    return _RAISED.sub(lambda found: "10^" + found[1].translate(_LOWERED), typed)


def quantity_parts(text: str) -> dict[str, Any]:
    """
    Return value, unit and comparator of a printed quantity.

    A power of ten stays with the unit of a count, as in 1.2 x 10^9/L, which UCUM has as ``10*9/L``; elsewhere the
    number is written out, as in > 10^5 CFU/mL.

    Raises:
        PydanticCustomError: It is not one number with a unit.
    """
    plain = _plain(text)
    match = _QUANTITY.fullmatch(_POWER_ALONE.sub(r"\g<1>1e", plain, count=1)) if len(plain) <= _LONGEST else None
    if match is None or (match["unit"] and not _UNIT.match(match["unit"])):
        raise _refusal(text, plain)
    value, unit, power = Decimal(match["value"]), match["unit"], match["e"] or match["power"]
    if power is not None and unit and _COUNT.match(unit):
        blank = "" if unit.startswith("/") else " "
        unit = f"10^{int(power)}{blank}{unit}"
    elif power is not None:
        value = Decimal(format(value.scaleb(int(power)), "f"))
    parts = {"comparator": match["comparator"], "value": value, "unit": unit}
    return {name: part for name, part in parts.items() if part is not None}


def range_parts(text: str) -> tuple[str, str] | None:
    """Return the printed low and high of a range such as 5-10 mg, each with its unit; None for another text."""
    plain = _plain(text)
    match = _RANGE.fullmatch(plain) if len(plain) <= _LONGEST else None
    if match is None:
        return None
    low, high = match["low"], match["high"]
    if not (match["unit"] or "").strip():
        number = re.match(_NUMBER, high)
        low += high[number.end() :] if number else ""
    return low.strip(), high.strip()


def _refusal(text: str, plain: str) -> PydanticCustomError:
    kind, said = "quantity", "is not a number with a unit, such as 33996 ng/mL"
    if range_parts(text) is not None:
        kind, said = "range", "is a range where one number is expected; write the number"
    begin = plain[:_LONGEST]
    if lost := _LOST_POWER.match(begin):
        said = f"has lost its superscript; write {lost[1]} x 10^{lost[2]}{begin[lost.end() :]}"
        return PydanticCustomError("power", "'{given}' {said}", {"given": text[:60], "said": said})
    for pattern, each, mistake in _MISTAKES:
        if pattern.match(begin):
            kind, said = each, mistake
            break
    return PydanticCustomError(kind, "'{given}' {said}", {"given": text[:60], "said": said})


_BOUND = r"^[<>=]{0,2} ?"
_LOST_POWER = re.compile(f"({_BOUND[1:]}{_NUMBER}) ?[x×*] ?10(\\d{{1,2}})(?!\\d)", re.ASCII)
_MISTAKES: tuple[tuple[re.Pattern[str], LiteralString, str], ...] = (
    (
        re.compile(_BOUND + r"\d{1,3}(?:,\d{3})+(?!\d)"),
        "thousands",
        "has a thousands separator; write 33996, not 33,996",
    ),
    (
        re.compile(_BOUND + r"[-+]?\d{1,3}(?: \d{3})+(?!\d)"),
        "thousands",
        "has blanks in its number; write 33996, not 33 996",
    ),
    (re.compile(_BOUND + r"[-+]?\d+,\d"), "decimal_comma", "has a comma in its number; write 1.5, not 1,5"),
    (
        re.compile(_BOUND + _NUMBER + r" ?(?:[/x×:;,]|\+/-|±) ?\d"),
        "numbers",
        "is more than one number; write each in a place of its own",
    ),
)

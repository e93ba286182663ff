"""Rules about codes: check digits and units."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from fhir_case.errors import CheckerError
from fhir_case.validation.check import Check, finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fhir_case.issues import Issue
    from fhir_case.validation.subject import Subject

__all__ = ["CODE_RULES"]

_LOINC, _SNOMED, _UCUM = "http://loinc.org", "http://snomed.info/sct", "http://unitsofmeasure.org"

# What is of another form is no finding here: a postcoordinated expression, or a code that is wrong in another way.
_LOINC_CODE = re.compile(r"(?:L[ALP])?[0-9]{1,7}-[0-9]")
_SNOMED_CODE = re.compile(r"[1-9][0-9]{5,17}")

# The same codes come again and again. How many a process keeps in mind, so that it does not grow without end.
_REMEMBERED = 10_000

# What stands in braces is a remark. The official value sets have spaces there, which the grammar would refuse.
_ANNOTATION = re.compile(r"\{[^{}]*\}")

# Units that need no grammar to be told right; with them alone, the grammar is not loaded, which takes half a second.
_COMMON_UNITS = frozenset(
    [
        "1",
        "%",
        "a",
        "mo",
        "wk",
        "d",
        "h",
        "min",
        "s",
        "ms",
        "kg",
        "g",
        "mg",
        "ug",
        "ng",
        "L",
        "dL",
        "mL",
        "uL",
        "fL",
        "m",
        "cm",
        "mm",
        "um",
        "mol",
        "mmol",
        "umol",
        "Gy",
        "cGy",
        "GBq",
        "MBq",
        "Bq",
        "U/L",
        "[IU]/mL",
        "[IU]/L",
        "mg/dL",
        "g/dL",
        "g/L",
        "mg/L",
        "ug/L",
        "ng/mL",
        "ng/L",
        "pg/mL",
        "mmol/L",
        "umol/L",
        "meq/L",
        "mm[Hg]",
        "kg/m2",
        "Cel",
        "/min",
        "/uL",
        "10*3/uL",
        "10*6/uL",
        "10*9/L",
        "10*12/L",
        "mL/min",
        "mg/d",
        "mg/kg",
        "[arb'U]/L",
        "[arb'U]/mL",
        "{INR}",
        "{score}",
    ]
)


def _check_digits(system: str, name: str, sound: Callable[[str], bool]) -> Callable[[Subject], Iterator[Issue]]:
    """Make the rule that tells codes of a system whose check digit is wrong."""

    def run(subject: Subject) -> Iterator[Issue]:
        for located, node in subject.by_system.get(system, ()):
            code = node.get("code")
            if isinstance(code, str) and not sound(code):
                message = f"'{code}' is no code of {system}: its check digit is wrong, so a digit was mistyped"
                yield finding(located, message, check=name, node=node, tail=".code", code="code-invalid")

    return run


@lru_cache(_REMEMBERED)
def _loinc_sound(code: str) -> bool:
    """
    Check the last digit of a LOINC code, or of a part, an answer or an answer list.

    Source: https://loinc.org/kb/users-guide/ (Mod 10). For the letters that page has no rule; that of
    https://wiki.openmrs.org/display/docs/Check+Digit+Algorithm, their place after the digit 0 in ASCII, fits all that
    the packages of FHIR and its guides have.
    """
    if not _LOINC_CODE.fullmatch(code):
        return True
    places = [ord(one) - ord("0") for one in reversed(code.replace("-", ""))]
    return sum(place * 2 - place // 5 * 9 if at % 2 else place for at, place in enumerate(places)) % 10 == 0


# The dihedral group of Verhoeff's scheme: products of d in 0..9, and how often a place permutes its digit.
_PERMUTED = ((0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 5, 7, 6, 2, 8, 3, 0, 9, 4))


def _product(first: int, second: int) -> int:
    if first < 5:
        return (first + second) % 5 if second < 5 else 5 + (first + second) % 5
    return 5 + (first - second) % 5 if second < 5 else (first - second) % 5


@lru_cache(_REMEMBERED)
def _snomed_sound(code: str) -> bool:
    """Check the last digit of a SNOMED CT identifier. Source: https://confluence.ihtsdotools.org/ (Verhoeff check)."""
    if not _SNOMED_CODE.fullmatch(code):
        return True
    total = 0
    for at, digit in enumerate(reversed(code)):
        place = int(digit)
        for _ in range(at % 8):
            place = _PERMUTED[1][place]
        total = _product(total, place)
    return total == 0


def _units(subject: Subject) -> Iterator[Issue]:
    for located, node in subject.by_system.get(_UCUM, ()):
        code = node.get("code")
        if not isinstance(code, str) or code in _COMMON_UNITS:
            continue
        if not _is_ucum(_ANNOTATION.sub("{a}", code)):
            message = f"'{code}' is no UCUM unit"
            yield finding(located, message, check="ucum", node=node, tail=".code", code="code-invalid")


@lru_cache(_REMEMBERED)
def _is_ucum(code: str) -> bool:
    parser, refused = _ucum_parser()
    try:
        parser.parse(code)
    except refused:
        return False
    return True


@cache
def _ucum_parser() -> tuple[Any, type[Exception]]:
    try:
        from lark.exceptions import LarkError
        from ucumvert import get_ucum_parser  # type: ignore[import-untyped,unused-ignore] # it has no type marker
    except ImportError as error:
        raise CheckerError(
            "units beyond the most common ones need the library ucumvert", hint="install fhir-case[ucum]"
        ) from error
    return get_ucum_parser(), LarkError


def _unless_system(system: str) -> Callable[[Subject], str]:
    def unless(subject: Subject) -> str:
        return "" if system in subject.by_system else f"no code of {system}"

    return unless


CODE_RULES = (
    Check(
        "loinc-digit",
        "The last digit of a LOINC code, part (LP), answer (LA) or answer list (LL) is its check digit.",
        "https://loinc.org/kb/users-guide/",
        _check_digits(_LOINC, "loinc-digit", _loinc_sound),
        _unless_system(_LOINC),
    ),
    Check(
        "snomed-digit",
        "The last digit of a SNOMED CT identifier is its check digit.",
        "https://confluence.ihtsdotools.org/display/DOCRELFMT/5.5+Check-digit",
        _check_digits(_SNOMED, "snomed-digit", _snomed_sound),
        _unless_system(_SNOMED),
    ),
    Check("ucum", "A unit code of UCUM follows its grammar.", "https://ucum.org/ucum", _units, _unless_system(_UCUM)),
)

"""Rules about codes: check digits and units."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from fhir_case.fhir.systems import LOINC, SNOMED, UCUM
from fhir_case.fhir.ucum import is_ucum
from fhir_case.validation.check import Finding, rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fhir_case.validation.subject import Subject

__all__ = ["CODE_RULES"]

# A code of another form is not a finding here: a postcoordinated expression, or a code that is wrong in another way.
_LOINC_CODE = re.compile(r"(?:L[ALP])?[0-9]{1,7}-[0-9]")
_SNOMED_CODE = re.compile(r"[1-9][0-9]{5,17}")

# How many codes a process remembers: the same ones are repeated, and memory has a bound.
_CACHED = 10_000

# The longest official unit has 30 characters; the grammar takes quadratic time.
_LONGEST_UNIT = 250


def _unless_system(system: str) -> Callable[[Subject], str]:
    def unless(subject: Subject) -> str:
        return "" if system in subject.by_system else f"no code of {system}"

    return unless


def _check_digits(system: str, is_right: Callable[[str], bool]) -> Callable[[Subject], Iterator[Finding]]:
    """Return the rule that finds codes of a system whose check digit is wrong."""

    def run(subject: Subject) -> Iterator[Finding]:
        for located, node in subject.by_system.get(system, ()):
            code = node.get("code")
            if isinstance(code, str) and not is_right(code):
                message = f"'{code}' is not a code of {system}: its check digit is wrong, so a digit was mistyped"
                yield Finding(located, message, node=node, tail=".code", code="code-invalid")

    return run


@lru_cache(_CACHED)
def _has_loinc_digit(code: str) -> bool:
    """
    Check the last digit of a LOINC code, or of a part, an answer or an answer list.

    Source: https://loinc.org/kb/users-guide/ (Mod 10). For the letters that page has no rule; that of
    https://wiki.openmrs.org/display/docs/Check+Digit+Algorithm, their position after the digit 0 in ASCII, is right for
    all codes in the packages of FHIR and its guides.
    """
    if not _LOINC_CODE.fullmatch(code):
        return True
    digits = [ord(one) - ord("0") for one in reversed(code.replace("-", ""))]
    return sum(digit * 2 - digit // 5 * 9 if at % 2 else digit for at, digit in enumerate(digits)) % 10 == 0


# Verhoeff's scheme: the permutation of digits, and the product in the dihedral group.
_PERMUTED = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def _product(first: int, second: int) -> int:
    if first < 5:
        return (first + second) % 5 if second < 5 else 5 + (first + second) % 5
    return 5 + (first - second) % 5 if second < 5 else (first - second) % 5


@lru_cache(_CACHED)
def _has_snomed_digit(code: str) -> bool:
    """Check the last digit of a SNOMED CT identifier. Source: https://confluence.ihtsdotools.org/ (Verhoeff check)."""
    if not _SNOMED_CODE.fullmatch(code):
        return True
    total = 0
    for at, digit in enumerate(reversed(code)):
        permuted = int(digit)
        for _ in range(at % 8):
            permuted = _PERMUTED[permuted]
        total = _product(total, permuted)
    return total == 0


@rule("ucum", "A unit code of UCUM follows its grammar.", "https://ucum.org/ucum", _unless_system(UCUM))
def _units(subject: Subject) -> Iterator[Finding]:
    for located, node in subject.by_system.get(UCUM, ()):
        code = node.get("code")
        if not isinstance(code, str):
            continue
        if len(code) > _LONGEST_UNIT:
            message = f"not checked: a unit of {len(code)} characters"
            yield Finding(located, message, node=node, tail=".code", severity="information", code="not-supported")
        elif not is_ucum(code):
            message = f"'{code}' is not a UCUM unit"
            yield Finding(located, message, node=node, tail=".code", code="code-invalid")


CODE_RULES = (
    rule(
        "loinc-digit",
        "The last digit of a LOINC code, part (LP), answer (LA) or answer list (LL) is its check digit.",
        "https://loinc.org/kb/users-guide/",
        _unless_system(LOINC),
    )(_check_digits(LOINC, _has_loinc_digit)),
    rule(
        "snomed-digit",
        "The last digit of a SNOMED CT identifier is its check digit.",
        "https://confluence.ihtsdotools.org/display/DOCRELFMT/5.5+Check-digit",
        _unless_system(SNOMED),
    )(_check_digits(SNOMED, _has_snomed_digit)),
    _units,
)

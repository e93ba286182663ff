"""Whether a code can be one of its code system, by form and check digit, and whether two names of codes are equal."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from fhir_case.fhir.systems import LOINC, SNOMED, SYSTEMS

__all__ = ["FORMS", "CodeForm", "plain_name", "wrong_digit", "wrong_form"]

# How many codes a process remembers: the same ones are repeated, and memory has a bound.
_CACHED = 10_000


class CodeForm(NamedTuple):
    """
    The form of the codes of a system.

    Args:
        name: The system in words.
        pattern: What every code of it matches.
        described: That in words.
    """

    name: str
    pattern: re.Pattern[str]
    described: str


# An expression of SNOMED CT (postcoordination) has terms, operators or more than one code.
_SNOMED_EXPRESSION = re.compile(r"[|:+={},()<>\s]")

FORMS: dict[str, CodeForm] = {
    SNOMED: CodeForm("SNOMED CT", re.compile(r"[1-9]\d{5,17}"), "6 to 18 digits"),
    LOINC: CodeForm(
        "LOINC", re.compile(r"(?:L[ALPG])?\d{1,7}-\d"), "up to 7 digits, a hyphen and the check digit, as 718-7"
    ),
    SYSTEMS["ICD-10"]: CodeForm(
        "ICD-10",
        re.compile(r"[A-Z]\d\d(?:\.\d{1,2})?[-*+!†]?|[A-Z]\d\d-[A-Z]\d\d|[IVX]{1,5}"),
        "a letter, two digits and up to two more after a point, as C22.0",
    ),
    SYSTEMS["ICD-10-CM"]: CodeForm(
        "ICD-10-CM",
        re.compile(r"[A-Z]\d[0-9A-Z](?:\.[0-9A-Z]{1,4})?|[A-Z]\d[0-9A-Z]-[A-Z]\d[0-9A-Z]"),
        "a letter, a digit, a digit or letter and up to four more after a point, as K74.60",
    ),
    SYSTEMS["ATC"]: CodeForm(
        "ATC", re.compile(r"[A-Z](?:\d\d(?:[A-Z](?:[A-Z](?:\d\d)?)?)?)?"), "up to seven characters, as L01EX02"
    ),
    SYSTEMS["RXNORM"]: CodeForm("RxNorm", re.compile(r"\d{1,8}"), "up to 8 digits"),
    SYSTEMS["NCIT"]: CodeForm("the NCI Thesaurus", re.compile(r"CL?\d{2,7}"), "C and digits, as C143726"),
    SYSTEMS["MEDDRA"]: CodeForm("MedDRA", re.compile(r"10\d{6}"), "8 digits that begin with 10"),
}
"""The forms of the codes of the common systems. Sources: their publishers, and all codes in the packages of FHIR."""

_IDENTIFIED = {"00": "", "10": "", "01": "a description", "11": "a description", "02": "a relationship"}


@lru_cache(_CACHED)
def wrong_form(system: str, code: str) -> str:
    """Return why a code cannot be one of a system, apart from its check digit; empty where nothing is wrong."""
    form = FORMS.get(system)
    if form is None or (system == SNOMED and _SNOMED_EXPRESSION.search(code)):
        return ""
    if not form.pattern.fullmatch(code):
        others = [other.name for url, other in FORMS.items() if url != system and _is_of(url, code)]
        likely = f"; it has the form of {' or '.join(others)}" if others else ""
        return f"'{code}' is not a code of {form.name}: it has {form.described}{likely}"
    if system == SNOMED and has_snomed_digit(code):
        what = _IDENTIFIED.get(code[-3:-1], "something else")
        return f"'{code}' is not a concept of {form.name}: it identifies {what}" if what else ""
    return ""


def _is_of(system: str, code: str) -> bool:
    """Whether a code is so much of the form of a system that it is worth a word."""
    if system == SNOMED:
        return bool(FORMS[system].pattern.fullmatch(code)) and has_snomed_digit(code)
    return system != SYSTEMS["RXNORM"] and len(code) > 2 and bool(FORMS[system].pattern.fullmatch(code))


@lru_cache(_CACHED)
def wrong_digit(system: str, code: str) -> str:
    """Return that the check digit of a code is wrong; empty where it is right or the system has none."""
    has_digit = {SNOMED: has_snomed_digit, LOINC: has_loinc_digit}.get(system)
    if has_digit is None or not FORMS[system].pattern.fullmatch(code) or has_digit(code):
        return ""
    return f"'{code}' is not a code of {system}: its check digit is wrong, so a digit was mistyped"


def has_loinc_digit(code: str) -> bool:
    """
    Whether the last digit of a LOINC code, or of a part, an answer or an answer list, is its check digit.

    Source: https://loinc.org/kb/users-guide/ (Mod 10). For the letters that page has no rule; that of
    https://wiki.openmrs.org/display/docs/Check+Digit+Algorithm, their position after the digit 0 in ASCII, is right for
    all codes in the packages of FHIR and its guides.
    """
    digits = [ord(one) - ord("0") for one in reversed(code.replace("-", ""))]
    return sum(digit * 2 - digit // 5 * 9 if at % 2 else digit for at, digit in enumerate(digits)) % 10 == 0


# Verhoeff's scheme: the permutation of digits, and the product in the dihedral group.
_PERMUTED = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def _product(first: int, second: int) -> int:
    if first < 5:
        return (first + second) % 5 if second < 5 else 5 + (first + second) % 5
    return 5 + (first - second) % 5 if second < 5 else (first - second) % 5


def has_snomed_digit(code: str) -> bool:
    """
    Whether the last digit of a SNOMED CT identifier is its check digit.

    Source: https://confluence.ihtsdotools.org/ (Verhoeff check).
    """
    total = 0
    for at, digit in enumerate(reversed(code)):
        permuted = int(digit)
        for _ in range(at % 8):
            permuted = _PERMUTED[permuted]
        total = _product(total, permuted)
    return total == 0


def plain_name(display: str) -> str:
    """Return a display in plain form: without case, repeated spaces, and the semantic tag of a SNOMED name."""
    return " ".join(re.sub(r" \([a-z/ ]+\)$", "", display).casefold().split())

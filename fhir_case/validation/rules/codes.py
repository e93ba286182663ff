"""Rules about codes: their form, check digits and units."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.fhir.code_forms import FORMS, wrong_digit, wrong_form
from fhir_case.fhir.systems import LOINC, SNOMED, SYSTEMS, UCUM
from fhir_case.fhir.ucum import LONGEST_UNIT, is_ucum
from fhir_case.validation.check import Finding, rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fhir_case.validation.subject import Subject

__all__ = ["CODE_RULES"]

# How many codes a process remembers: the same ones are repeated, and memory has a bound.
_CACHED = 10_000


def _unless_system(system: str) -> Callable[[Subject], str]:
    def unless(subject: Subject) -> str:
        return "" if system in subject.by_system else f"no code of {system}"

    return unless


def _check_digits(system: str) -> Callable[[Subject], Iterator[Finding]]:
    """Return the rule that finds codes of a system whose check digit is wrong."""

    def run(subject: Subject) -> Iterator[Finding]:
        for located, node in subject.by_system.get(system, ()):
            code = node.get("code")
            message = wrong_digit(system, code) if isinstance(code, str) else ""
            if message:
                yield Finding(located, message, node=node, tail=".code", code="code-invalid")

    return run


_DOTTED = frozenset({SYSTEMS["ICD-10"], SYSTEMS["ICD-10-CM"]})


@rule(
    "code-form",
    "A code has the form of those of its system, and an identifier of SNOMED CT is that of a concept.",
    "https://terminology.hl7.org/external_terminologies.html",
    lambda subject: "" if FORMS.keys() & subject.by_system.keys() else "no code of a system whose codes have a form",
)
def _forms(subject: Subject) -> Iterator[Finding]:
    for system in FORMS.keys() & subject.by_system.keys():
        for located, node in subject.by_system[system]:
            code = node.get("code")
            message = wrong_form(system, code) if isinstance(code, str) else ""
            if not message:
                continue
            with_point = f"{code[:3]}.{code[3:]}"
            if system in _DOTTED and code[3:4] not in (".", "") and not wrong_form(system, with_point):
                message = f"'{code}' lacks the point with which FHIR writes it: '{with_point}'"
                yield Finding(located, message, node=node, tail=".code", severity="warning", code="code-invalid")
            else:
                yield Finding(located, message, node=node, tail=".code", code="code-invalid")


@rule("ucum", "A unit code of UCUM follows its grammar.", "https://ucum.org/ucum", _unless_system(UCUM))
def _units(subject: Subject) -> Iterator[Finding]:
    for located, node in subject.by_system.get(UCUM, ()):
        code = node.get("code")
        if not isinstance(code, str):
            continue
        if len(code) > LONGEST_UNIT:
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
    )(_check_digits(LOINC)),
    rule(
        "snomed-digit",
        "The last digit of a SNOMED CT identifier is its check digit.",
        "https://confluence.ihtsdotools.org/display/DOCRELFMT/5.5+Check-digit",
        _unless_system(SNOMED),
    )(_check_digits(SNOMED)),
    _forms,
    _units,
)

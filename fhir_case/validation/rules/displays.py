"""
The rule about displays: a code has a display of its own, and what no table knows is said to be not checked.

A concept of SNOMED CT, LOINC, CVX and others has many right displays: synonyms, short and long ones, translations. Our
tables have a few of them, so another one is not wrong, but not checked; unless it is the display of another code. Where
the CodeSystem resource has the only display of a code, as those of HL7 do, any other is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.fhir.code_forms import plain_name, wrong_digit, wrong_form
from fhir_case.fhir.systems import LOINC, SNOMED, SYSTEMS, UCUM
from fhir_case.validation.check import Finding, rule

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from fhir_case.issues import Severity
    from fhir_case.validation.located import Located
    from fhir_case.validation.subject import Subject

__all__ = ["DISPLAY_RULES"]

# Systems in which a name tells a code: ATC has several codes of a drug, and ICD-10 and HL7 v2 repeat names.
_ONE_CODE_A_NAME = frozenset({SNOMED, LOINC, SYSTEMS["NCIT"], SYSTEMS["RXNORM"]})

# Systems of HL7 and of the Internet, whose codes are checked by bindings or are no clinical facts.
_NOT_CLINICAL = ("http://hl7.org/fhir/", "http://terminology.hl7.org/", "urn:ietf:", "urn:iso:", "urn:oid:", UCUM)
_OF_HL7 = ("http://hl7.org/fhir/", "http://terminology.hl7.org/")
_OF_ICD = "http://hl7.org/fhir/sid/"


def _unless_tables(subject: Subject) -> str:
    return "" if subject.code_tables else "there are no code tables"


@rule(
    "codes",
    "A known code does not have the display of another code; where only one display is right, it has that one.",
    "https://hl7.org/fhir/R4/datatypes-definitions.html#Coding.display",
    _unless_tables,
)
def _displays(subject: Subject) -> Iterator[Finding]:
    tables = subject.code_tables
    for system, elements in subject.by_system.items():
        bound = system.startswith(_NOT_CLINICAL) and not system.startswith(_OF_ICD)
        reported: set[tuple[str, str]] = set()
        owners: dict[str, list[str]] = {}
        for located, node in elements:
            code, display = node.get("code"), node.get("display")
            if not isinstance(code, str) or "value" in node:  # a Quantity, an identifier
                continue
            allowed = tables.get((system, code))
            if allowed is None:
                if bound or (code, "") in reported or wrong_form(system, code) or wrong_digit(system, code):
                    continue
                reported.add((code, ""))
                owners = owners or _owners(tables, system)
                named = isinstance(display, str) and system in _ONE_CODE_A_NAME
                others = owners.get(plain_name(display), []) if named else []
                yield from _unknown(subject, located, node, others)
            elif isinstance(display, str) and allowed and display not in allowed and not _is_among(display, allowed):
                owners = owners or _owners(tables, system)
                issue = _misnamed(located, node, allowed, owners.get(plain_name(display), []))
                if issue.severity != "information" or (code, display) not in reported:
                    reported.add((code, display))
                    yield issue


def _unknown(subject: Subject, located: Located, node: Any, others: list[str]) -> Iterator[Finding]:
    """Return the findings for a code that no table has: what a terminology server says, or that it was not checked."""
    system, code, display = node["system"], node["code"], node.get("display")
    if others:
        message = f"'{display}' is the name of {' and '.join(others)}, and no code table knows '{code}'"
        yield Finding(located, message, node=node, tail=".display", severity="warning", code="code-invalid")
        return
    answer = subject.terminology.ask(system, code) if subject.terminology else None
    if answer is None or answer.reason:
        why = f": {answer.reason}" if answer else ""
        yield _not_checked(located, node, f"'{code}' of {system} is not in the code tables{why}", ".code")
    elif answer.wrong:
        yield Finding(located, answer.wrong, node=node, tail=".code", code="code-invalid")
    elif answer.inactive:
        message = f"'{code}' of {system} is no longer to be used"
        yield Finding(located, message, node=node, tail=".code", severity="warning", code="code-invalid")
    elif isinstance(display, str) and answer.names and not _is_among(display, answer.names):
        message = f"'{code}' of {system} is not called '{display}', but {_listed(answer.names)}"
        yield Finding(located, message, node=node, tail=".display", severity="warning", code="code-invalid")


def _listed(names: Collection[str]) -> str:
    return " or ".join(repr(one) for one in sorted(names)[:5])


def _owners(tables: Mapping[tuple[str, str], Collection[str]], system: str) -> dict[str, list[str]]:
    """Return the codes of a system by their names in plain form."""
    found: dict[str, list[str]] = {}
    for (where, code), names in tables.items():
        for name in {plain_name(one) for one in names} if where == system else ():
            found.setdefault(name, []).append(code)
    return found


def _has_one_name(system: str) -> bool:
    """Whether each code of a system has one display: those of HL7 do, of others we may know one of several."""
    return system.startswith(_OF_HL7) and not system.startswith(_OF_ICD)


def _misnamed(located: Located, node: Any, allowed: Collection[str], others: list[str]) -> Finding:
    """Return the finding for a display that is not known for its code, and may be that of other codes."""
    system, code, display = node["system"], node["code"], node["display"]
    known = " or ".join(repr(one) for one in sorted(allowed))
    if others:
        message = f"'{display}' is the name of {' and '.join(others)}; '{code}' is called {known}"
        # Two concepts of SNOMED CT may share a synonym: Hepatocellular carcinoma is the disorder and its morphology.
        severity: Severity = "warning" if system == SNOMED else "error"
        return Finding(located, message, node=node, tail=".display", severity=severity, code="code-invalid")
    if not _has_one_name(system):
        what = f"'{display}' is not among the known names of '{code}' of {system}, {known}"
        return _not_checked(located, node, what, ".display")
    message = f"'{code}' is not called '{display}', but {known}"
    return Finding(located, message, node=node, tail=".display", code="code-invalid")


def _not_checked(located: Located, node: object, what: str, tail: str) -> Finding:
    message = f"not checked: {what}"
    return Finding(located, message, node=node, tail=tail, severity="information", code="not-supported")


def _is_among(display: str, names: Collection[str]) -> bool:
    return plain_name(display) in {plain_name(one) for one in names}


DISPLAY_RULES = (_displays,)

"""
The rule about displays: a code goes by a name of its own.

A concept of SNOMED CT or LOINC has many right names: synonyms, short and long ones, translations. Our tables hold a few
of them, so that another one is not wrong, but not checked; unless it is the name of another code. Where the CodeSystem
resource gives a code its only name, as those of HL7 do, any other is wrong.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fhir_case.fhir.systems import LOINC, SNOMED, SYSTEMS
from fhir_case.validation.check import Check, finding

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from fhir_case.issues import Issue, Severity
    from fhir_case.validation.subject import Located, Subject

__all__ = ["DISPLAY_RULES"]

_WITH_SYNONYMS = frozenset(
    {SNOMED, LOINC, *(SYSTEMS[name] for name in ("NCIT", "RXNORM", "ICD-10", "ICD-10-CM", "MEDDRA", "ATC"))}
)


def _displays(subject: Subject) -> Iterator[Issue]:
    tables = subject.code_tables
    for system in dict.fromkeys(system for system, _ in tables):
        told: set[tuple[str, str]] = set()
        owners: dict[str, list[str]] = {}
        for located, node in subject.by_system.get(system, ()):
            code, display = node.get("code"), node.get("display")
            if not isinstance(code, str):
                continue
            allowed = tables.get((system, code))
            if allowed is None:
                if (code, "") not in told:
                    told.add((code, ""))
                    yield _not_checked(located, node, f"'{code}' of {system} is not in our tables", ".code")
            elif isinstance(display, str) and allowed and display not in allowed and not _is_among(display, allowed):
                owners = owners or _owners(tables, system)
                issue = _misnamed(located, node, allowed, owners.get(_plain(display), []))
                if issue.severity != "information" or (code, display) not in told:
                    told.add((code, display))
                    yield issue


def _owners(tables: Mapping[tuple[str, str], Collection[str]], system: str) -> dict[str, list[str]]:
    """Return the codes of a system by their names, with what does not matter in a name left out."""
    found: dict[str, list[str]] = {}
    for (where, code), names in tables.items():
        for name in {_plain(one) for one in names} if where == system else ():
            found.setdefault(name, []).append(code)
    return found


def _misnamed(located: Located, node: Any, allowed: Collection[str], others: list[str]) -> Issue:
    """Say what is wrong with a name that we do not know of a code, and that others may have."""
    system, code, display = node["system"], node["code"], node["display"]
    known = " or ".join(repr(one) for one in sorted(allowed))
    if others:
        message = f"'{display}' is the name of {' and '.join(others)}; '{code}' is called {known}"
        # Two concepts of SNOMED CT may share a synonym: Hepatocellular carcinoma is the disorder and its morphology.
        severity: Severity = "warning" if system == SNOMED else "error"
        return finding(
            located, message, check="codes", node=node, tail=".display", severity=severity, code="code-invalid"
        )
    if system in _WITH_SYNONYMS:
        what = f"'{display}' is not among the names of '{code}' of {system} that we know, {known}"
        return _not_checked(located, node, what, ".display")
    message = f"'{code}' is not called '{display}', but {known}"
    return finding(located, message, check="codes", node=node, tail=".display", code="code-invalid")


def _not_checked(located: Located, node: object, what: str, tail: str) -> Issue:
    message = f"not checked: {what}"
    return finding(located, message, check="codes", node=node, tail=tail, severity="information", code="not-supported")


def _is_among(display: str, names: Collection[str]) -> bool:
    return _plain(display) in {_plain(one) for one in names}


def _plain(display: str) -> str:
    """Leave out what does not matter: case, spaces, and the semantic tag at the end of a SNOMED name."""
    return " ".join(re.sub(r" \([a-z/ ]+\)$", "", display).casefold().split())


def _unless_tables(subject: Subject) -> str:
    return "" if subject.code_tables else "no code tables were given"


DISPLAY_RULES = (
    Check(
        "codes",
        "A code that we know has no name of another code, and where it has one name only, that; others are unchecked.",
        "https://hl7.org/fhir/R4/datatypes-definitions.html#Coding.display",
        _displays,
        _unless_tables,
    ),
)

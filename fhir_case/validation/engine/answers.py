"""
Separate the findings of a validator from what it could not check without a terminology server.

A message about a code system or value set that is absent is not a finding about the resource: neither passed nor
failed. The identifiers are the message identifiers of the HL7 engine.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from fhir_case.errors import CheckerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fhir_case.issues import Severity

__all__ = ["Answer", "Finding", "read_answer"]

_MESSAGE_ID = "operationoutcome-message-id"
_SEVERITIES = {"fatal": "error", "error": "error", "warning": "warning", "information": "information"}

# By identifier: no terminology server, a code system or value set that is absent or a fragment.
_NOT_CHECKED = re.compile(
    r"NOSVC|running_without_terminology|UNKNOWN_CODESYSTEM|ValueSet_NotFound|Unable_to_resolve_value_Set"
    r"|Terminology_TX_Confirm|UNKNOWN_CODE_IN_FRAGMENT|Terminology_TX_NoValid_15|Binding_NoSource"
    r"|REFERENCE_RESOLUTION_FAILED|VALIDATION_VAL_PROFILE_UNKNOWN"
)
# By text, where one identifier means either: the value set is absent, or its definition needs a hierarchy.
_ABSENT = re.compile(
    r"could not be found, so the code cannot be validated|definition for the value [Ss]et .* could not be found"
    r"|\"this\.valueset\" is null|\"tc\" is null|Unable to expand ValueSet|cannot apply filters"
    r"|CodeSystem is unknown and can't be validated|^Not checked: "
    r"|ValueSet/(mimetypes|currencies|languages|all-languages|simple-language)\b"
)
_UNKNOWN = re.compile(r"UNKNOWN_CODESYSTEM|CodeSystem is unknown and can't be validated")
_CODING = re.compile(r"\.coding\[\d+\](\.\w+)?$")
_HIERARCHY = re.compile(r"cannot apply filters|Unable to expand")
# Messages about the definitions, not about the resource; a validator says some of them once, whatever it checks then.
_ABOUT_DEFINITIONS = re.compile(r"Details_for__matching|MSG_DRAFT|MSG_DEPENDS_ON|SIGNPOST|ALL_OK")
# This package is not needed for mCODE without genomics, and there is no substitute for it.
_OMITTED = "genomics-reporting"
_OMITTED_IDS = frozenset({"SLICING_CANNOT_BE_EVALUATED", "Type_Specific_Checks_DT_URL_Resolve"})
_URL = re.compile(r"(?:https?://|urn:)[^\s'\"|,;()\]]+")


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One issue of an OperationOutcome.

    Args:
        severity: ``error``, ``warning`` or ``information``.
        code: The issue type.
        message_id: The identifier of the message; empty when there is none.
        expression: The element as the validator writes it.
        text: What is wrong.
    """

    severity: Severity
    code: str
    message_id: str
    expression: str
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """
    The answer of a validator.

    Args:
        findings: The findings about the resource.
        unchecked: The code systems and value sets that are absent, each once.
    """

    findings: tuple[Finding, ...]
    unchecked: tuple[str, ...]


def read_answer(outcome: object) -> Answer:
    """
    Read an OperationOutcome.

    Raises:
        CheckerError: It is not one.

    Source: https://hl7.org/fhir/R4/operationoutcome.html
    """
    all_found = list(_findings(outcome))
    blind = {one.expression for one in all_found if _HIERARCHY.search(one.text)}
    unknown = {_CODING.sub("", one.expression) for one in all_found if _UNKNOWN.search(one.message_id + one.text)}
    findings, unchecked = [], set()
    for one in all_found:
        if _ABOUT_DEFINITIONS.search(one.message_id) or one.text.startswith("All OK"):
            continue
        # "Not in the value set" does not count where the code system is unknown, except for a required binding.
        excused = blind if one.severity == "error" else blind | unknown
        if _is_unchecked(one) or (one.message_id.startswith("Terminology_TX_NoValid") and one.expression in excused):
            unchecked.update(_subjects(one))
        else:
            findings.append(one)
    return Answer(tuple(findings), tuple(sorted(unchecked)))


def _findings(outcome: Any) -> Iterator[Finding]:
    try:
        kind, issues = outcome["resourceType"], outcome["issue"]
        for issue in issues if kind == "OperationOutcome" else [{}]:
            yield _finding(issue)
    except (KeyError, TypeError, AttributeError) as error:
        raise CheckerError("the answer of the validator is not an OperationOutcome") from error


def _finding(issue: Mapping[str, Any]) -> Finding:
    extensions = issue.get("extension", [])
    ids = (one.get("valueCode") or one.get("valueString") for one in extensions if one["url"].endswith(_MESSAGE_ID))
    details = issue.get("details", {})
    ids_of_details = (coding.get("code") for coding in details.get("coding", []))
    expressions = issue.get("expression") or issue.get("location") or [""]
    severity = cast("Severity", _SEVERITIES.get(issue["severity"], "error"))
    text = details.get("text") or issue.get("diagnostics") or ""
    message_id = next(ids, None) or next(ids_of_details, None) or ""
    code, where = issue.get("code") or "invalid", expressions[0]
    if not all(isinstance(each, str) for each in (code, message_id, where)):
        raise TypeError("an element of another type")
    return Finding(severity, code, message_id, where, " ".join(text.split()))


def _is_unchecked(one: Finding) -> bool:
    if _NOT_CHECKED.search(one.message_id) or _ABSENT.search(one.text):
        return True
    return one.message_id in _OMITTED_IDS and _OMITTED in one.text


def _subjects(one: Finding) -> set[str]:
    """Return the code systems and value sets that a message names, by URL."""
    return {url.partition("#")[0].rstrip(".") for url in _URL.findall(one.text)}

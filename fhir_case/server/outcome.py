"""The text of a refusal: an OperationOutcome, or a page."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Any

from fhir_case.fhir import wire
from fhir_case.server.redaction import without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fhir_case.fhir.wire import Resource

__all__ = ["issues_of", "outcome_text", "page_text", "printable"]

_PAGE_LENGTH = 200
_READ_LENGTH = 20_000
# What is not closed goes on to the end: so nothing is searched twice.
_MARKUP = re.compile(
    r"<(script|style)\b.*?(?:</\1\s*>|\Z)|<head\b.*?(?:</head\s*>|(?=<body\b)|\Z)|<!--.*?(?:-->|\Z)|<[^<>]*>",
    re.DOTALL | re.IGNORECASE,
)


def printable(text: str) -> str:
    """Return an untrusted text on one line, without control characters: a terminal would obey them."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def page_text(page: str, secrets: Iterable[str] = ()) -> str:
    """
    Return the first 200 characters of the text of an HTML page, or of any other text.

    Args:
        secrets: What is hidden, beside the secrets of the process. A cut may leave a part of one, which is not known
            for it: so they are hidden before each.
    """
    known = tuple(secrets)
    text = unescape(_MARKUP.sub(" ", without_secrets(page, known)[:_READ_LENGTH]))
    return without_secrets(printable(text), known)[:_PAGE_LENGTH]


def issues_of(outcome: Resource) -> list[dict[str, Any]]:
    """Return the issues of an OperationOutcome that have the right shape."""
    return wire.objects(outcome.get("issue"))


def outcome_text(outcome: Resource) -> str:
    """
    Return the text of an OperationOutcome: one line an issue, in columns severity, code, text and location.

    Source: https://hl7.org/fhir/R4/operationoutcome.html
    """
    rows = [(_text(issue, "severity"), _text(issue, "code"), _issue_text(issue)) for issue in issues_of(outcome)]
    if len(rows) <= 1:
        return rows[0][2] if rows else "the OperationOutcome has no issue"
    wide = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "".join(f"\n  {row[0]:<{wide[0]}}  {row[1]:<{wide[1]}}  {row[2]}" for row in rows)


def _text(holder: Mapping[str, Any], name: str) -> str:
    value = holder.get(name)
    return printable(value) if isinstance(value, str) else ""


def _issue_text(issue: Mapping[str, Any]) -> str:
    details = issue.get("details")
    parts = [_text(issue, "diagnostics")]
    if isinstance(details, dict):
        codings = wire.objects(details.get("coding"))
        named = next((_text(coding, "display") or _text(coding, "code") for coding in codings), "")
        parts.insert(0, _text(details, "text") or ("" if parts[0] else named))
    text = ": ".join(dict.fromkeys(part for part in parts if part)) or _text(issue, "code") or "no reason given"
    paths = issue.get("expression") or issue.get("location")
    where = ", ".join(printable(each) for each in paths if isinstance(each, str)) if isinstance(paths, list) else ""
    return f"{text} (at {where})" if where else text

"""The identifiers of a resource, as a token search writes them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["identifiers_of", "token_of"]

_HALF = r"(?:[^\\|,$]|\\[\\|,$])"
_ONE_TOKEN = re.compile(rf"{_HALF}*\|{_HALF}+", re.DOTALL)
# Several parameters, and what some servers decode and others do not.
_AMBIGUOUS = re.compile(r"[&;+#]|%(?![0-9A-Fa-f]{2})")


def identifiers_of(resource: object) -> Iterator[str]:
    """Return each identifier of a resource as a search writes it: ``system|value``, escaped but not encoded."""
    found = resource.get("identifier") if isinstance(resource, dict) else None
    for identifier in found if isinstance(found, list) else [found]:
        if isinstance(identifier, dict) and isinstance(identifier.get("value"), str) and identifier["value"]:
            yield f"{_escaped(str(identifier.get('system') or ''))}|{_escaped(identifier['value'])}"


def token_of(query: str) -> str:
    """
    Return the identifier for which a query asks, as `identifiers_of` writes it; empty where it asks for anything else.

    Anything else is also what servers may read in several ways: alternatives, a modifier, a system without a value, a
    value with any system, further parameters, a plus sign or a half sign that is not encoded.

    Args:
        query: The query of a search, encoded.

    Source: https://hl7.org/fhir/R4/search.html#token
    """
    name, _, value = query.partition("=")
    if name != "identifier" or _AMBIGUOUS.search(value):
        return ""
    try:
        token = unquote(value, errors="strict")
    except UnicodeDecodeError:
        return ""
    return token if _ONE_TOKEN.fullmatch(token) else ""


def _escaped(text: str) -> str:
    return "".join(f"\\{sign}" if sign in "\\|,$" else sign for sign in text)

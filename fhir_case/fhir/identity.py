"""
Return every resource its identity: logical id, business identifier and full URL, all made of readable keys.

The id is never a hash of the data: a corrected value must update a resource, not double it.

Source: https://hl7.org/fhir/R4/datatypes.html#id
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["LOGICAL_ID", "NAMESPACE_PATTERN", "full_url", "identifier", "is_logical_id", "logical_id"]

NAMESPACE_PATTERN = re.compile(r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")

LOGICAL_ID = r"[A-Za-z0-9.-]{1,64}"
"""The pattern of a logical id."""

# RFC 2606 keeps `.invalid` free for ever: no server answers there.
_BASE = "https://fhir-case.invalid"

_ONE_IDENTIFIER = {"Composition", "Bundle", "AdverseEvent", "QuestionnaireResponse"}
_NO_IDENTIFIER = {"Provenance", "Binary", "OperationOutcome", "Parameters"}


def logical_id(namespace: str, key: str) -> str:
    """Return the logical id of the resource with a business key."""
    return f"{namespace}-{key}"


def is_logical_id(text: str) -> bool:
    """Whether a text is allowed as a logical id: up to 64 letters, digits, hyphens, points."""
    return re.fullmatch(LOGICAL_ID, text) is not None


def full_url(resource_type: str, resource_id: str) -> str:
    """Return the full URL of a Bundle entry; relative references resolve against its base."""
    return f"{_BASE}/{resource_type}/{resource_id}"


def identifier(resource_type: str, namespace: str, key: str) -> dict[str, Any]:
    """Return ``{"identifier": …}`` in the cardinality of the type, or nothing where the type has none."""
    if resource_type in _NO_IDENTIFIER:
        return {}
    one = {"system": f"urn:fhir-case:{namespace}", "value": key}
    return {"identifier": one if resource_type in _ONE_IDENTIFIER else [one]}

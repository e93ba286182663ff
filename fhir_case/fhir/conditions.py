"""What the condition of a request says of a patient beyond the resource that it is about."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from fhir_case.fhir.identifiers import identifiers_of, token_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.fhir.wire import Resource

__all__ = ["asked_beside"]

# Parameters of a search that say nothing of a patient.
_OF_NOBODY = frozenset(
    (
        "_count",
        "_elements",
        "_format",
        "_id",
        "_lastUpdated",
        "_pretty",
        "_profile",
        "_security",
        "_sort",
        "_summary",
        "_tag",
        "_total",
    )
)
_BETWEEN = re.compile(r"(?<!\\)[|,$]")  # the signs between the parts of a value, where they are not escaped
_COMPARED = re.compile(r"(?:eq|ne|gt|lt|ge|le|sa|eb|ap)(?=[0-9])")
_SAID_BY_NOBODY = ("", "true", "false")


def asked_beside(query: str, resource: Resource) -> str:
    """
    Return the first parameter of a query that asks for what a resource does not say; empty when it says all of it.

    What says nothing of a patient, such as ``_tag``, may ask for anything.
    """
    if not query or token_of(query) in {*identifiers_of(resource)}:
        return ""
    said = "\n".join(_texts(resource)).casefold()
    for parameter in query.split("&"):
        name, is_pair, value = parameter.partition("=")
        if is_pair and name.partition(":")[0] in _OF_NOBODY:
            continue
        for part in _BETWEEN.split(unquote_plus(value if is_pair else name)):
            wanted = re.sub(r"\\([\\|,$])", r"\1", _COMPARED.sub("", part.strip(), count=1)).casefold()
            if wanted not in _SAID_BY_NOBODY and wanted not in said:
                return name.partition(":")[0] if is_pair else "its query"
    return ""


def _texts(value: object) -> Iterator[str]:
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict | list):
            waiting += each.values() if isinstance(each, dict) else each
        else:
            yield str(each)

"""Find the entries for which a server refuses a transaction."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fhir_case.fhir.references import RELATIVE, references_in
from fhir_case.server.outcome import issues_of, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fhir_case.fhir.wire import Resource
    from fhir_case.load.plan.entry import PlannedEntry

__all__ = ["culprits"]

# Each is compared with all entries; what the others point at is found in the next answer.
_ISSUES_READ = 100
_ENTRY = re.compile(r"Bundle\.entry(?:\[(\d{1,9})\]|\.(\d{1,9}))", re.IGNORECASE)
_REFERENCE = re.compile(rf"(?<![A-Za-z]){RELATIVE}|urn:(?:uuid|oid):[A-Za-z0-9.-]+")
# The parser of HAPI 8.8.0; the search for a value ends where the next element is named.
_ELEMENT = re.compile(r'\[element="(?P<name>\w+)"\](?:(?!\[element=).)*?value "(?P<value>[^"]+)"')


def culprits(entries: Sequence[PlannedEntry], sent: Resource | None, outcome: Resource) -> list[int]:
    """
    Return the positions of the entries at which an outcome points, in the clearest of the candidates that servers have.

    Args:
        entries: What was sent, in its order.
        sent: The transaction; None when it was sent as it came, so that its entries are the original ones.
        outcome: The OperationOutcome.
    """
    resources = [each["resource"] for each in sent["entry"]] if sent else [entry.original.resource for entry in entries]
    found: dict[int, None] = {}
    for issue in issues_of(outcome)[:_ISSUES_READ]:
        if issue.get("severity") not in ("error", "fatal"):
            continue
        text = printable(" ".join(str(issue.get(name) or "") for name in ("expression", "location", "diagnostics")))
        positions = {int(hit[1] or hit[2]) for hit in _ENTRY.finditer(text)}
        named = set(_REFERENCE.findall(text))
        value = _ELEMENT.search(text)
        numbered = list(enumerate(zip(entries, resources, strict=True)))
        candidates = (
            [number for number, _ in numbered if number in positions],
            [number for number, (entry, _) in numbered if {entry.original.name, entry.target} & named],
            [number for number, (_, resource) in numbered if named.intersection(references_in(resource))],
            [number for number, (_, resource) in numbered if value and _holds(resource, value["name"], value["value"])],
        )
        found |= dict.fromkeys(next(filter(None, candidates), []))
    return list(found)


def _holds(value: object, name: str, text: str) -> bool:
    if isinstance(value, dict):
        return value.get(name) == text or any(_holds(each, name, text) for each in value.values())
    return isinstance(value, list) and any(_holds(each, name, text) for each in value)

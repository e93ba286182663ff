"""What else a resource says that a reader of its mark wants to know: status, reasons, places, notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.fhir.wire import objects
from fhir_case.timeline.words import clean, clipped, concept_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.fhir.wire import Resource
    from fhir_case.timeline.reading.times import Times

__all__ = ["remarks_of"]

_LONGEST = 500
_PLAIN = {"completed", "final", "finished", "available", "unknown", "active", "recorded", "amended", "corrected"}
_CONCEPTS = {
    "statusReason": "reason for the status: ",
    "outcome": "outcome: ",
    "severity": "severity: ",
    "verificationStatus": "",
    "clinicalStatus": "",
    "bodySite": "site: ",
    "method": "method: ",
    "interpretation": "interpretation: ",
}
_SILENT = {"confirmed", "active"}


def remarks_of(resource: Resource, times: Times) -> tuple[str, ...]:
    """Return the remarks on a resource, each a few words, in a fixed order."""
    return tuple(clipped(each, _LONGEST) for each in _remarks(resource, times) if each)


def _remarks(resource: Resource, times: Times) -> Iterator[str]:
    status = clean(resource.get("status"))
    if status and status not in _PLAIN:
        yield f"status: {status}"
    for name, begin in _CONCEPTS.items():
        value = resource.get(name)
        words = "; ".join(filter(None, map(concept_words, value if isinstance(value, list) else [value])))
        if words and (begin or words.lower() not in _SILENT):
            yield begin + words
    if times.recorded:
        yield "the time is that of the record, not of the event"
    conclusion = clean(resource.get("conclusion"))
    yield f"conclusion: {conclusion}" if conclusion else ""
    for note in objects(resource.get("note")):
        yield clean(note.get("text"))

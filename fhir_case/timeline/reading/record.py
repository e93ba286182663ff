"""The resources of one patient, found by reference, each with its name in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fhir_case.fhir.wire import mapping, objects
from fhir_case.timeline.words import clean, concept_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fhir_case.fhir.wire import Resource

__all__ = ["Record", "key_of", "name_of", "references"]

# Where resources have their name, the first that is there: in R4, then in R5 where it differs.
_NAMES = (
    "code",
    "medicationCodeableConcept",
    "medication",
    "event",
    "vaccineCode",
    "type",
    "description",
    "title",
    "class",
)


def key_of(resource: Resource) -> str:
    """Return a resource as ``Type/id``; one without an id as its type."""
    return "/".join(filter(None, (clean(resource.get("resourceType")), clean(resource.get("id")))))


def name_of(resource: Resource) -> str:
    """Return what a resource is about, in words; the type where it does not say."""
    for name in _NAMES:
        value = resource.get(name)
        for each in value if isinstance(value, list) else [value]:
            if words := concept_words(each):
                return words
    return clean(resource.get("resourceType")) or "unknown"


def references(resource: Resource, *names: str) -> Iterator[str]:
    """Yield the references in some elements, each a Reference, a CodeableReference, or a list of them."""
    for name in names:
        value = resource.get(name)
        for each in value if isinstance(value, list) else [value]:
            found = mapping(each).get("reference")
            found = mapping(found).get("reference", found) if isinstance(found, dict) else found
            if isinstance(found, str):
                yield found


@dataclass(frozen=True)
class Record:
    """
    The resources of one patient.

    Args:
        patient: The Patient; empty where there is none.
        resources: All others.
        index: All of them by ``Type/id``, and by full URL.
        without: Those that are not to be found, by their identity in memory: a time that is being computed.
    """

    patient: Resource
    resources: tuple[Resource, ...]
    index: dict[str, Resource] = field(default_factory=dict)
    without: frozenset[int] = frozenset()

    def resolve(self, reference: object) -> Resource:
        """Return what a reference leads to; an empty object where that is not at hand."""
        text = reference if isinstance(reference, str) else ""
        parts = text.partition("/_history/")[0].split("/")
        found = self.index.get(text) or self.index.get("/".join(parts[-2:]), {})
        return {} if id(found) in self.without else found

    def key(self, reference: object) -> str:
        """Return what a reference leads to as ``Type/id``; empty where that is not at hand."""
        found = self.resolve(reference)
        return key_of(found) if found else ""

    def medication(self, resource: Resource) -> str:
        """Return the drug of a resource in words, also where it is a resource of its own, or contained."""
        value: Any = resource.get("medicationReference") or resource.get("medication")
        if words := concept_words(resource.get("medicationCodeableConcept")) or concept_words(
            mapping(value).get("concept")
        ):
            return words
        reference = mapping(value).get("reference")
        reference = mapping(reference).get("reference", reference) if isinstance(reference, dict) else reference
        contained = {f"#{each.get('id')}": each for each in objects(resource.get("contained"))}
        found = contained.get(reference) if isinstance(reference, str) else None
        words = concept_words((found or self.resolve(reference)).get("code"))
        shown = (mapping(value), mapping(mapping(value).get("reference")))
        return words or next(filter(None, (clean(each.get("display")) for each in shown)), "drug not said")


def indexed(entries: Iterable[tuple[str, Resource]]) -> dict[str, Resource]:
    """Return resources by ``Type/id`` and by their full URL; of two with one id the first."""
    index: dict[str, Resource] = {}
    for full_url, resource in entries:
        for name in (key_of(resource), full_url):
            if name:
                index.setdefault(name, resource)
    return index

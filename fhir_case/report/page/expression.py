"""What the resources of a Bundle say as code, and what only as words."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fhir_case.fhir.wire import Resource

__all__ = ["Expression", "Words", "expression_of"]


class Words(NamedTuple):
    """
    What is said in words where FHIR has a place for a code.

    Args:
        element: From the type on, such as ``Observation.valueCodeableConcept``.
        text: The words.
        resources: ``Type/id`` of those that say so.
    """

    element: str
    text: str
    resources: tuple[str, ...]


class Expression(NamedTuple):
    """
    The CodeableConcepts of a Bundle.

    Args:
        coded: How many have a code.
        words: Those that have none, each once.
    """

    coded: int
    words: tuple[Words, ...]

    @property
    def in_words(self) -> int:
        """How many have only words."""
        return sum(len(one.resources) for one in self.words)


def expression_of(resources: Iterable[Resource]) -> Expression:
    """Return how many CodeableConcepts of some resources have a code, and the words of those that have none."""
    coded = 0
    words: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in resources:
        kind, place = one["resourceType"], f"{one['resourceType']}/{one.get('id', '')}"
        for element, concept in _concepts(one, kind):
            if any(coding.get("code") for coding in concept.get("coding", ())):
                coded += 1
            else:
                words[element, str(concept["text"])].append(place)
    found = (Words(element, text, tuple(places)) for (element, text), places in sorted(words.items()))
    return Expression(coded, tuple(found))


def _concepts(value: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return each CodeableConcept with its path, without positions in lists."""
    if isinstance(value, list):
        for one in value:
            yield from _concepts(one, path)
    elif isinstance(value, dict):
        if "coding" in value or (value.keys() == {"text"} and isinstance(value["text"], str)):
            if not path.endswith(".note"):  # an Annotation has a text, too
                yield path, value
            return
        for name, inner in value.items():
            if name not in {"text", "meta"}:
                yield from _concepts(inner, f"{path}.{name}")

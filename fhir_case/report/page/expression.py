"""What resources say as code, and what only as words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fhir_case.fhir.wire import mapping, objects
from fhir_case.wording import CountedNames

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fhir_case.fhir.wire import Resource

__all__ = ["Expression", "Words"]

_MOST_WORDS = 500
_MOST_NAMED = 20
_NO_CONCEPTS = frozenset({"text", "meta"})
_WITH_A_TEXT = frozenset({"address", "name", "note"})  # no CodeableConcept, though they may have a text alone


class Words(NamedTuple):
    """
    What is said in words where FHIR has a place for a code.

    Args:
        element: From the type on, such as ``Observation.valueCodeableConcept``.
        text: The words.
        resources: Those that say so, of which the first are named.
    """

    element: str
    text: str
    resources: CountedNames


class Expression:
    """
    The CodeableConcepts of any number of resources.

    Attributes:
        coded: How many have a code.
        in_words: How many have only words.
        left_out: How many of these are not among the words, since there are too many different ones.
    """

    def __init__(self) -> None:
        self.coded = 0
        self.in_words = 0
        self.left_out = 0
        self._words: dict[tuple[str, str], CountedNames] = {}

    def add(self, resource: Resource, name: str) -> None:
        """Count the CodeableConcepts of one more resource."""
        for element, concept in _concepts(resource, str(resource.get("resourceType", ""))):
            text = concept.get("text")
            if any(coding.get("code") for coding in objects(concept.get("coding"))):
                self.coded += 1
            elif isinstance(text, str):
                self.in_words += 1
                key = element, text
                if key in self._words or len(self._words) < _MOST_WORDS:
                    self._words.setdefault(key, CountedNames(_MOST_NAMED)).note(name)
                else:
                    self.left_out += 1

    @property
    def words(self) -> Iterable[Words]:
        """Return the words, each once, by the element that has them."""
        return (Words(element, text, names) for (element, text), names in sorted(self._words.items()))


def _concepts(resource: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return each CodeableConcept with its path, without positions in lists, however deep it is."""
    waiting = [(resource, path)]
    while waiting:
        value, path = waiting.pop()
        if isinstance(value, list):
            waiting += [(one, path) for one in reversed(value)]
        elif isinstance(value, dict):
            if "coding" in value or (value.keys() == {"text"} and isinstance(value["text"], str)):
                if path.rpartition(".")[2] not in _WITH_A_TEXT:
                    yield path, mapping(value)
                continue
            inner = [(one, f"{path}.{name}") for name, one in value.items() if name not in _NO_CONCEPTS]
            waiting += reversed(inner)

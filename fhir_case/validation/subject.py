"""The document under check: its resources, their elements, and what several checks derive from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from fhir_case.fhir.wire import mapping
from fhir_case.validation.resolving import find_links, index
from fhir_case.validation.traversal import traverse

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from fhir_case.fhir.models import FhirVersion
    from fhir_case.validation.located import Located
    from fhir_case.validation.resolving import Index, Links
    from fhir_case.validation.terminology import TerminologyServer
    from fhir_case.validation.traversal import Element, Elements

__all__ = ["Subject"]

Answer = TypeVar("Answer")


@dataclass(frozen=True, eq=False)
class Subject:
    """
    One Bundle or resource under check.

    Args:
        document: The JSON object.
        fhir: The release it is written in.
        code_tables: Known codes: (system, code) to the displays that are right for it.
        closed: Whether every reference must resolve inside the document.
        terminology: The server that is asked about codes that are not known.
    """

    document: Mapping[str, Any]
    fhir: FhirVersion
    code_tables: Mapping[tuple[str, str], Collection[str]] = field(default_factory=dict)
    closed: bool = False
    terminology: TerminologyServer | None = None
    _answers: dict[Callable[[Subject], Any], Any] = field(default_factory=dict, init=False, repr=False)

    def once(self, derive: Callable[[Subject], Answer]) -> Answer:
        """Return what a function derives from the subject; it is called once, however many checks ask."""
        if derive not in self._answers:
            self._answers[derive] = derive(self)
        answer: Answer = self._answers[derive]
        return answer

    @cached_property
    def _traversed(self) -> tuple[tuple[Located, ...], Elements, bool]:
        return traverse(self.document)

    @property
    def resources(self) -> tuple[Located, ...]:
        """Return every resource in the document, nested ones after the one that they are in."""
        return self._traversed[0]

    @property
    def elements(self) -> Elements:
        """Return the elements of all resources that the rules ask for."""
        return self._traversed[1]

    @property
    def too_deep(self) -> bool:
        """Whether the document is nested deeper than `MAXIMUM_DEPTH`; then nothing below that is looked at."""
        return self._traversed[2]

    @property
    def bundle_type(self) -> str:
        """Return the type of the Bundle; empty when the document is not a Bundle."""
        found = self.document.get("type") if self.document.get("resourceType") == "Bundle" else ""
        return found if isinstance(found, str) else ""

    @property
    def is_bundle(self) -> bool:
        """Whether the document is a Bundle."""
        return self.document.get("resourceType") == "Bundle"

    @cached_property
    def by_type(self) -> dict[str, list[Located]]:
        """Return the resources of each type, contained ones included."""
        found: dict[str, list[Located]] = {}
        for located in self.resources:
            found.setdefault(located.type, []).append(located)
        return found

    @cached_property
    def index(self) -> Index:
        """Return the index that finds what a reference points to."""
        return index(self.resources)

    def target_of(self, reference: object, origin: Located) -> Located | None:
        """Return the resource of the document that a Reference in `origin` resolves to; None when there is none."""
        text = mapping(reference).get("reference")
        return self.index.resolve(text, origin).located if isinstance(text, str) else None

    @cached_property
    def entries(self) -> tuple[Located, ...]:
        """Return the resources in the entries of the document itself."""
        root = self.resources[0]
        return tuple(located for located in self.resources if located.role == "entry" and located.parent is root)

    @cached_property
    def links(self) -> Links:
        """Return the literal references with what they point to, by what can be wrong with them."""
        return find_links(self.elements.references, self.index)

    @cached_property
    def claims(self) -> list[tuple[Located, str]]:
        """Return each profile that a resource claims in ``meta.profile``, once a resource."""
        return [(located, profile) for located in self.resources for profile in located.profiles]

    @property
    def by_system(self) -> dict[str, list[Element]]:
        """Return the codings, identifiers and quantities of each system."""
        return self.elements.by_system

    @cached_property
    def urls(self) -> set[str]:
        """Return every ``url``. This goes through the whole document again, for the few checks that ask."""
        found: set[str] = set()
        waiting: list[Any] = [located.resource for located in self.resources]
        while waiting:
            node = waiting.pop()
            if isinstance(node, dict):
                waiting += node.values()
                found.add(str(node.get("url", "")))
            elif isinstance(node, list):
                waiting += node
        return found - {""}

"""The resources that a phenopacket is made of; what nobody asks for is known in the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, TypeVar

from fhir_case.errors import BundleError
from fhir_case.fhir.wire import mapping, objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fhir_case.fhir.wire import Resource

__all__ = ["Source", "Taken", "Unsaid", "made_of", "texts_of"]

Made = TypeVar("Made")

# What says how a resource is stored and shown, and what a phenopacket says of all it has.
_ABOUT_THE_RECORD = frozenset({
    "resourceType", "id", "meta", "text", "identifier", "status", "subject", "patient", "performer", "language",
    "implicitRules", "category", "actuality", "intent", "reportedBoolean", "basedOn",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unsaid:
    """
    Something that FHIR says and a phenopacket cannot.

    Args:
        where: The resource, and its element where it is one.
        why: Why it is left out.
    """

    where: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.why}"


@dataclass(slots=True)
class Source:
    """
    The resources of one patient by ``Type/id``.

    Args:
        done: The names of those that have a place in the packet.
        addresses: The name for each ``fullUrl`` of the Bundle.
    """

    resources: dict[str, Resource]
    done: set[str] = field(default_factory=set)
    unsaid: list[Unsaid] = field(default_factory=list)
    addresses: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, resources: Iterable[Resource], addresses: Iterable[str] = ()) -> Source:
        """
        Return the source of some resources.

        Args:
            addresses: The ``fullUrl`` of each resource, empty for none.

        Raises:
            BundleError: Two resources have the same type and id, and are not the same.
        """
        found = cls({})
        twice: dict[str, BundleError] = {}
        for number, (one, address) in enumerate(zip_longest(resources, addresses, fillvalue=""), 1):
            resource = mapping(one)
            name = f"{resource.get('resourceType')}/{resource.get('id') or address or f'(resource {number})'}"
            if found.resources.setdefault(name, resource) != resource:
                what, hint = "it is there twice, with different content", "keep the one that is right"
                twice[name] = BundleError(what, where=name, hint=hint)
            if address:
                found.addresses[address] = name
        if twice:
            first, *_ = problems = tuple(twice.values())
            more = f" (and so are {', '.join(list(twice)[1:4])})" if len(problems) > 1 else ""
            raise BundleError(first.message + more, where=first.where, hint=first.hint, problems=problems)
        return found

    def of_type(self, *kinds: str) -> Iterator[Taken]:
        """Return the resources of some types that have no place yet."""
        for name, one in list(self.resources.items()):
            if one.get("resourceType") in kinds and name not in self.done:
                yield Taken(self, name, one)

    def take(self, reference: Any) -> Taken | None:
        """Return the resource that a reference leads to; nothing where it is not here."""
        name = self.name_of(reference)
        return Taken(self, name, self.resources[name]) if name in self.resources else None

    def name_of(self, reference: Any) -> str:
        """Return ``Type/id`` of what a reference leads to; an address that no resource has stays as it is."""
        written = str(mapping(reference).get("reference", "")).partition("/_history/")[0]
        if written.startswith("urn:uuid:") and written not in self.addresses:
            ending = f"/{written.removeprefix('urn:uuid:')}"
            return next((name for name in self.resources if name.endswith(ending)), written)
        return self.addresses.get(written, written)

    def leave(self, where: str, why: str) -> None:
        """Remember that something is not in the packet."""
        self.unsaid.append(Unsaid(where, why))


class Taken:
    """A resource that goes into a packet, element by element."""

    def __init__(self, source: Source, name: str, resource: Resource) -> None:
        self.source = source
        self.name = name
        self.resource = resource
        self._asked: set[str] = set(_ABOUT_THE_RECORD)

    def get(self, *names: str) -> Any:
        """Return the first of some elements that is there; it counts as said."""
        self._asked.update(names)
        return next((self.resource[name] for name in names if name in self.resource), None)

    def all_of(self, name: str) -> list[dict[str, Any]]:
        """Return the objects of a list element."""
        found = self.get(name)
        return list(objects(found)) if isinstance(found, list) else [found] if isinstance(found, dict) else []

    def notes(self) -> str:
        """Return the notes in one text."""
        return " ".join(str(one.get("text", "")) for one in self.all_of("note"))

    def finish(self) -> None:
        """Count the resource as done, and remember which of its elements nobody asked for."""
        self.source.done.add(self.name)
        for name in self.resource:
            if name not in self._asked and name.removeprefix("_") not in self._asked:
                self.source.leave(f"{self.name}.{name}", "a phenopacket has no place for it there")

    def refuse(self, why: str) -> None:
        """Count the resource as done, and remember that nothing of it is in the packet."""
        self.source.done.add(self.name)
        self.source.leave(self.name, why)

    def leave(self, what: str, why: str) -> None:
        """Remember that a part of the resource is not in the packet."""
        self.source.leave(f"{self.name}.{what}", why)


def made_of(taken: Taken, make: Callable[..., Made | None], *arguments: Any) -> Made | None:
    """Return what is made of a resource; one that is not as FHIR has it is left out whole."""
    try:
        return make(*arguments)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        taken.refuse(f"it is not as FHIR has it ({type(error).__name__}); 'validate' says more")
        return None


def texts_of(concept: Any) -> str:
    """Return the words of a concept."""
    first: dict[str, Any] = next(iter(objects(mapping(concept).get("coding"))), {})
    return str(mapping(concept).get("text") or first.get("display") or "")

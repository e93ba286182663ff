"""What a mapping is: the sections of the case file for one clinical concept, and what their entries become."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from collections.abc import Set as AbstractSet

    from fhir_case.case import Case, Section
    from fhir_case.fhir.wire import Resource

__all__ = ["Addition", "Mapping", "Room"]


@dataclass(frozen=True, slots=True)
class Addition:
    """
    Elements that a mapping adds to a resource of another mapping, for example a death to the Patient.

    An element that repeats in FHIR is appended to what is there; one that stands once must not be there yet. A choice
    (``deceasedBoolean``, ``deceasedDateTime``) stands once.

    Args:
        resource_type: The type of the resource that it adds to.
        key: The business key of that resource, for example ``patient``.
        elements: The elements, as in the JSON of the resource.
        text: A sentence for the narrative of the resource; empty for none.
    """

    resource_type: str
    key: str
    elements: dict[str, Any] = field(default_factory=dict)
    text: str = ""


@dataclass(frozen=True, slots=True)
class Mapping:
    """
    Turn one clinical concept of a case into FHIR resources.

    The function returns plain dicts. Their ``id`` is a business key, unique for its resource type, and a reference is
    ``Type/key``; the Bundle makes logical ids, identifiers and labels of them. It reads nothing but the case, so the
    order of mappings does not matter.

    Args:
        name: The name under which the command line lists it; unique among all mappings of a run.
        function: Returns any number of resources of any R4 type, and additions to resources of other mappings; none
            when the case has nothing of the kind.
        description: What it maps to, one sentence without a full stop.
        sections: The sections of the case file that it brings along.
    """

    name: str
    function: Callable[[Case], Iterator[Resource | Addition]]
    description: str
    sections: tuple[Section, ...] = ()


@dataclass(frozen=True, slots=True)
class Room:
    """
    A module with the mappings of one clinical concept, imported when they are needed.

    Args:
        module: Its full name; it has ``MAPPINGS``, or one ``MAPPING``.
        sections: The names of the sections of the case file that they bring along, in their order.
        always: Whether a case needs it that has none of these sections.
    """

    module: str
    sections: tuple[str, ...] = ()
    always: bool = False

    def is_needed(self, named: AbstractSet[str] | None) -> bool:
        """Whether a case with some sections needs it; without them, as of a case with all."""
        return self.always or named is None or not named.isdisjoint(self.sections)

    def mappings(self) -> tuple[Mapping, ...]:
        """
        Import the module, and return its mappings.

        Raises:
            ValueError: They bring other sections along.
        """
        module = import_module(self.module)
        mappings: tuple[Mapping, ...] = getattr(module, "MAPPINGS", None) or (module.MAPPING,)
        found = tuple(section.name for one in mappings for section in one.sections)
        if found != self.sections:
            raise ValueError(f"{self.module} has the sections {found}, not {self.sections}")
        return mappings

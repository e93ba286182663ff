"""What a mapping is: the sections of the case file for one clinical concept, and what their entries become."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fhir_case.case import Case, Section
    from fhir_case.fhir.wire import Resource

__all__ = ["Addition", "Mapping"]


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

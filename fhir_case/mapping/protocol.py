"""What a mapping is: a name, a function from the case to resources, and one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fhir_case.case.model import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["Mapping"]


@dataclass(frozen=True, slots=True)
class Mapping:
    """
    Turn one clinical concept of a case into FHIR resources.

    The function gives plain dicts. Their ``id`` is a business key, unique for its resource type, and a reference is
    ``Type/key``; the Bundle makes logical ids, identifiers and labels of them. It reads nothing but the case, so the
    order of mappings does not matter.

    Args:
        name: The name under which the command line lists it; unique among all mappings of a run.
        function: Gives any number of resources, none when the case has nothing of the kind.
        description: What it maps to, one sentence without a full stop.
    """

    name: str
    function: Callable[[Case], Iterator[Resource]]
    description: str

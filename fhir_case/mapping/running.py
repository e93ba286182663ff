"""Run the mappings on a case: their resources, and what they add to each other's resources."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, NoReturn

from fhir_case.case import Entry
from fhir_case.errors import CaseError, MappingError
from fhir_case.mapping.protocol import Addition

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource
    from fhir_case.mapping.discovery import FoundMapping

__all__ = ["Mapped", "run_mappings"]

_NOT_ADDED = frozenset({"resourceType", "id", "text"})


@dataclass(slots=True)
class Mapped:
    """
    A resource that a mapping returned.

    Args:
        origin: The mapping.
        added: The mapping that added each element, by the name of the element.
    """

    resource: Resource
    origin: FoundMapping
    added: dict[str, FoundMapping] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return the type and the business key: ``Type/key``."""
        return f"{self.resource['resourceType']}/{self.resource['id']}"


def run_mappings(case: Case, mappings: Sequence[FoundMapping]) -> dict[str, Mapped]:
    """
    Return what the mappings make of a case, by ``Type/key``, in their order.

    Raises:
        CaseError: The times of the case cannot be computed.
        MappingError: A mapping failed, gave something without type or key, gave a resource that another gave, or added
            to what is not there or what is set already.
    """
    mapped: dict[str, Mapped] = {}
    additions: list[tuple[FoundMapping, Addition]] = []
    for found in mappings:
        for one in _run(case, found):
            if isinstance(one, Addition):
                additions.append((found, one))
                continue
            made = Mapped(_checked(one, found), found)
            if (other := mapped.get(made.name)) is not None:
                raise MappingError(
                    f"{made.resource['resourceType']} '{made.resource['id']}' comes twice: from the mapping "
                    f"'{other.origin.mapping.name}' and from '{found.mapping.name}'",
                    where=found.origin,
                    hint="give one of the entries another key, or add to the resource with an Addition",
                )
            mapped[made.name] = made
    for found, addition in additions:
        _add(mapped, found, addition)
    return mapped


def _run(case: Case, found: FoundMapping) -> Iterator[Resource | Addition]:
    try:
        yield from found.mapping.function(case)
    except (MappingError, CaseError):
        raise
    except Exception as error:
        where, entry = _failure(error.__traceback__, found.mapping.function.__code__.co_filename)
        at = f", at the entry {entry}" if entry else ""
        raise MappingError(
            f"the mapping '{found.mapping.name}' failed{at}: {type(error).__name__}: {error}",
            where=where or found.origin,
            hint="mend the mapping; --debug shows the traceback",
        ) from error


def _failure(traceback: TracebackType | None, file: str) -> tuple[str, str]:
    """Return the last line of a mapping's file that was running, and the place of the entry that it had at hand."""
    where = entry = ""
    while traceback is not None:
        frame = traceback.tb_frame
        if frame.f_code.co_filename == file:
            where = f"{file}:{traceback.tb_lineno}"
        places = [str(one.place) for one in frame.f_locals.values() if isinstance(one, Entry) and one.place]
        entry = places[-1] if places else entry
        traceback = traceback.tb_next
    return where, entry


def _checked(one: Any, found: FoundMapping) -> Resource:
    kind, key = (one.get("resourceType"), one.get("id")) if isinstance(one, dict) else (None, None)
    if not (isinstance(kind, str) and isinstance(key, str) and kind and key):
        raise MappingError(
            f"the mapping '{found.mapping.name}' gave something without resourceType or id: {one!r:.120}",
            where=found.origin,
            hint="return dicts with resourceType and id",
        )
    return dict(one)


def _add(mapped: dict[str, Mapped], found: FoundMapping, addition: Addition) -> None:
    name = f"{addition.resource_type}/{addition.key}"
    made = mapped.get(name)
    if made is None:
        _refuse(found, f"adds to {name}, which no mapping gives", "add to a resource of this case, or return one")
    for element, value in addition.elements.items():
        if element in _NOT_ADDED:
            _refuse(found, f"adds '{element}' to {name}", "an addition brings elements of its own")
        there = _element_there(made.resource, element)
        if there and not (isinstance(made.resource.get(element), list) and isinstance(value, list)):
            other = made.added.get(there, made.origin)
            _refuse(
                found,
                f"sets {name}: {element}, and the mapping '{other.mapping.name}' ({other.origin}) sets {there}",
                "leave one of them out",
            )
        made.resource[element] = [*made.resource[element], *value] if there else value
        made.added.setdefault(element, found)
    if addition.text and "text" in made.resource:
        div = made.resource["text"]["div"].removesuffix("</div>")
        made.resource["text"] = {**made.resource["text"], "div": f"{div}<p>{escape(addition.text)}</p></div>"}


def _element_there(resource: Resource, element: str) -> str:
    """Return the element of a resource that stands where another would stand: itself, or another form of a choice."""
    from fhir_case.fhir.models import forms_of_choice

    forms = forms_of_choice(resource["resourceType"], element.removeprefix("_"))
    names = [element] if element.startswith("_") or element in resource else [element, *forms]
    return next((name for name in names if name in resource), "")


def _refuse(found: FoundMapping, what: str, hint: str) -> NoReturn:
    raise MappingError(f"the mapping '{found.mapping.name}' {what}", where=found.origin, hint=hint)

"""Run the mappings on a case: their resources, and what they add to each other's resources."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from types import GeneratorType
from typing import TYPE_CHECKING, Any, NoReturn

from fhir_case.case import Entry
from fhir_case.errors import CaseError, MappingError
from fhir_case.fhir.systems import LOINC
from fhir_case.fhir.wire import mapping
from fhir_case.issues import Issue
from fhir_case.mapping.cancer import has_cancer, without_cancer
from fhir_case.mapping.circumstances import add_circumstances
from fhir_case.mapping.narratives import finish_narratives
from fhir_case.mapping.protocol import Addition
from fhir_case.mapping.vital_signs import as_vital_sign

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType, TracebackType

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource
    from fhir_case.mapping.discovery import FoundMapping

__all__ = ["Mapped", "Origin", "map_entries", "run_mappings"]

_NOT_ADDED = frozenset({"resourceType", "id", "text"})


@dataclass(frozen=True, slots=True)
class Origin:
    """
    Where a resource or an addition comes from.

    Args:
        mapping: The mapping.
        line: The file and line of the mapping that gave it; only the file, or its package, where that is not known.
        entry: The place in the case file of the entry that it was made of; empty when that is not known.
    """

    mapping: FoundMapping
    line: str
    entry: str

    @property
    def name(self) -> str:
        """Return the name of the mapping."""
        return self.mapping.mapping.name

    def __str__(self) -> str:
        return f"the mapping '{self.name}' ({self.line})" + (f", at the entry {self.entry}" if self.entry else "")


@dataclass(slots=True)
class Mapped:
    """
    A resource that a mapping returned.

    Args:
        origin: Where it comes from.
        added: Where each element comes from that another mapping added, by its name.
        in_words: Whether it is a vital sign that stands without its code, since it has not the form of its profile.
    """

    resource: Resource
    origin: Origin
    added: dict[str, Origin] = field(default_factory=dict)
    in_words: bool = False

    @property
    def name(self) -> str:
        """Return the type and the business key: ``Type/key``."""
        return f"{self.resource['resourceType']}/{self.resource['id']}"

    def warning(self, message: str) -> Issue:
        """Return a warning about it that names the place of its entry in the case file."""
        place = self.origin.entry or self.origin.line
        return Issue("warning", "case", f"{place}: {message}", code="business-rule")

    def origin_of(self, element: str) -> Origin:
        """Return where an element of it comes from."""
        return self.added.get(element, self.origin)


def run_mappings(case: Case, mappings: Sequence[FoundMapping]) -> dict[str, Mapped]:
    """
    Return what the mappings make of a case, by ``Type/key``, in their order.

    Raises:
        CaseError: As `map_entries`.
        MappingError: As `map_entries`.
    """
    mapped = map_entries(case, mappings)
    with_cancer = has_cancer(case)
    for made in mapped.values():
        resource = made.resource if with_cancer else without_cancer(made.resource)
        made.resource = as_vital_sign(resource)
        if made.resource["resourceType"] == "Observation":
            made.in_words = len(_loinc_codings(resource)) > len(_loinc_codings(made.resource))
    finish_narratives(case, {name: made.resource for name, made in mapped.items()})
    return mapped


def map_entries(case: Case, mappings: Sequence[FoundMapping]) -> dict[str, Mapped]:
    """
    Return the same before what is known only when all mappings have run: profiles, narratives.

    Raises:
        CaseError: The times of the case cannot be computed, or what an entry becomes has no encounter or performer.
        MappingError: A mapping failed, gave something without type or key, gave a resource that another gave, or added
            to what is not there or what is set already.
    """
    mapped: dict[str, Mapped] = {}
    additions: list[tuple[Origin, Addition]] = []
    for found in mappings:
        for one, origin in _run(case, found):
            if isinstance(one, Addition):
                additions.append((origin, one))
                continue
            made = Mapped(_checked(one, origin), origin)
            if (other := mapped.get(made.name)) is not None:
                raise MappingError(
                    f"{made.resource['resourceType']} '{made.resource['id']}' comes twice: from {other.origin} "
                    f"and from {origin}",
                    hint="give one of the entries another key, or add to the resource with an Addition",
                )
            mapped[made.name] = made
    for origin, addition in additions:
        _add(mapped, origin, addition)
    add_circumstances(case, [made.resource for made in mapped.values()])
    return mapped


def _loinc_codings(resource: Resource) -> list[Any]:
    return [one for one in mapping(resource.get("code")).get("coding", ()) if one.get("system") == LOINC]


def _run(case: Case, found: FoundMapping) -> Iterator[tuple[Any, Origin]]:
    code = getattr(found.mapping.function, "__code__", None)
    file = code.co_filename if code else ""
    try:
        results = found.mapping.function(case)
        for one in results:
            yield one, _origin(found, file, results)
    except (MappingError, CaseError):
        raise
    except (Exception, SystemExit) as error:
        origin = _failure(found, file, error.__traceback__)
        raise MappingError(
            f"the mapping '{found.mapping.name}' failed"
            + (f", at the entry {origin.entry}" if origin.entry else "")
            + f": {type(error).__name__}: {error}",
            where=origin.line,
            hint="mend the mapping; --debug shows the traceback",
        ) from error


def _origin(found: FoundMapping, file: str, results: object) -> Origin:
    """Return the line at which a generator of a mapping waits, and the entry that it has at hand."""
    line, entry = found.origin, ""
    while isinstance(results, GeneratorType) and results.gi_frame is not None:
        if results.gi_frame.f_code.co_filename == file:
            line = f"{file}:{results.gi_frame.f_lineno}"
        entry = _entry_in(results.gi_frame) or entry
        results = results.gi_yieldfrom
    return Origin(found, line, entry)


def _failure(found: FoundMapping, file: str, traceback: TracebackType | None) -> Origin:
    """Return the last line of a mapping's file that was running, and the entry that it had at hand."""
    line, entry = found.origin, ""
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == file:
            line = f"{file}:{traceback.tb_lineno}"
        entry = _entry_in(traceback.tb_frame) or entry
        traceback = traceback.tb_next
    return Origin(found, line, entry)


def _entry_in(frame: FrameType) -> str:
    places = (one.place for one in reversed(list(frame.f_locals.values())) if isinstance(one, Entry) and one.place)
    return str(next(places, ""))


def _checked(one: Any, origin: Origin) -> Resource:
    kind, key = (one.get("resourceType"), one.get("id")) if isinstance(one, dict) else (None, None)
    if not (isinstance(kind, str) and isinstance(key, str) and kind and key):
        raise MappingError(
            f"{origin} gave something without resourceType or id: {one!r:.120}",
            hint="return dicts with resourceType and id",
        )
    return {name: value for name, value in one.items() if value not in (None, [], {})}


def _add(mapped: dict[str, Mapped], origin: Origin, addition: Addition) -> None:
    name = f"{addition.resource_type}/{addition.key}"
    elements = addition.elements
    if not (isinstance(elements, dict) and isinstance(addition.text, str)):
        _refuse(origin, f"adds to {name} what is not a dict of elements and a text", "see fhir_case.mapping.Addition")
    made = mapped.get(name)
    if made is None:
        _refuse(origin, f"adds to {name}, which no mapping gives", "add to a resource of this case, or return one")
    for element, value in elements.items():
        if element in _NOT_ADDED or not isinstance(element, str):
            _refuse(origin, f"adds {element!r} to {name}", "an addition brings elements of its own")
        there = _element_there(made.resource, element)
        if there and not (isinstance(made.resource.get(element), list) and isinstance(value, list)):
            other = made.origin_of(there)
            _refuse(origin, f"sets {name}: {element}, and {other} sets {there}", "leave one of them out")
        made.resource[element] = [*made.resource[element], *value] if there else value
        made.added.setdefault(element, origin)
    text = made.resource.get("text")
    if addition.text and isinstance(text, dict) and isinstance(text.get("div"), str):
        div = text["div"].removesuffix("</div>")
        made.resource["text"] = {**text, "div": f"{div}<p>{escape(addition.text, quote=False)}</p></div>"}


def _element_there(resource: Resource, element: str) -> str:
    """Return the element of a resource that stands where another would stand: itself, or another form of a choice."""
    from fhir_case.fhir.models import forms_of_choice

    plain = element.removeprefix("_")
    others = [form for form in forms_of_choice(resource["resourceType"], plain) if form != plain]
    names = [element, *others, *(f"_{form}" for form in others)]
    return next((name for name in names if name in resource), "")


def _refuse(origin: Origin, what: str, hint: str) -> NoReturn:
    raise MappingError(f"{origin} {what}", hint=hint)

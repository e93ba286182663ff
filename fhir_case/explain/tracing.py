"""Map a case without each of its facts, and see which elements differ."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fhir_case.case.forms import Concept, Form, When
from fhir_case.explain.alteration import alterations, with_entry
from fhir_case.explain.elements import element_at, leaves_of, path_of
from fhir_case.explain.explanation import STATES, Explanation, Fact
from fhir_case.mapping.running import map_entries, run_mappings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from fhir_case.case import Case, Section
    from fhir_case.case.entry import Entry
    from fhir_case.explain.elements import Leaves
    from fhir_case.explain.explanation import Element
    from fhir_case.fhir.wire import Resource
    from fhir_case.mapping import FoundMapping
    from fhir_case.readers import Unused

__all__ = ["explain"]

_NO_FACTS = frozenset({"key", "source"})  # names, and where the report says it


def explain(
    case: Case, mappings: Sequence[FoundMapping] | None = None, *,
    mapping_files: Sequence[Path] = (), unused: Sequence[Unused] = (),
) -> Explanation:  # fmt: skip
    """
    Return where each fact of a case arrives; each field of an entry is a fact, but its key and its source.

    Args:
        mappings: The mappings to use; all that are installed when absent.
        mapping_files: Python files with further mappings.
        unused: What of its file the reader of the case did not carry over.

    Raises:
        CaseError: The times of the case cannot be computed.
        MappingError: A mapping failed.
    """
    if mappings is None:
        from fhir_case.mapping import discover

        mappings = discover(mapping_files)
    return replace(_Tracer(case, mappings).explanation(), not_carried_over=tuple(unused))


class _Tracer:
    def __init__(self, case: Case, mappings: Sequence[FoundMapping]) -> None:
        self._case = case
        self._mappings = mappings
        self._mapped = run_mappings(case, mappings)
        self._resources = {name: made.resource for name, made in self._mapped.items()}
        self._whole = _leaves(self._resources.values())
        self._before: dict[tuple[int, ...] | None, Leaves] = {None: self._whole}
        self._changed: set[tuple[str, str]] = set()

    def explanation(self) -> Explanation:
        facts = tuple(self._facts())
        said = {(name, path_of(path)) for name, path in self._changed}
        rest = {
            place: element_at(self._resources, name, path)
            for name, path in self._whole
            if _is_said(path) and (place := (name, path_of(path))) not in said
        }
        return Explanation(self._case.case, facts, tuple(rest[place] for place in sorted(rest)))

    def _facts(self) -> Iterator[Fact]:
        for section, entry in _entries(self._case):
            inner = {part.name for part in section.parts}
            own = self._own_mappings(section, entry)
            for field in sorted(type(entry).model_fields, key="note".__eq__):  # what was added comes last
                if field in _NO_FACTS or field in inner:
                    continue
                if not any(alterations(entry, field)):
                    continue
                yield Fact(
                    section.name,
                    getattr(entry, "key", ""),
                    field,
                    _said(getattr(entry, field)),
                    isinstance(getattr(entry, field), str),
                    str(entry.place or ""),
                    entry.source,
                    self._elements(entry, field, own) or self._elements_of_both(entry, field, own),
                )

    def _own_mappings(self, section: Section, entry: Entry) -> tuple[int, ...]:
        """Return the positions of the mappings that read an entry, as far as what they gave tells."""
        place = str(entry.place) if entry.place else ""
        readers = {id(found) for found in self._mappings if _brings(found, section)}
        for made in self._mapped.values():
            givers = (made.origin, *made.added.values())
            mappings = {id(origin.mapping) for origin in givers}
            # Where one adds to a resource, all count that give a part of it, so that positions in lists are the same.
            if any(place and origin.entry == place for origin in givers) or (made.added and mappings & readers):
                readers |= mappings
        return tuple(position for position, found in enumerate(self._mappings) if id(found) in readers)

    def _elements(self, entry: Entry, field: str, own: tuple[int, ...]) -> tuple[Element, ...]:
        """Return what differs without a field, by the mappings of its entry; where nothing does, by all of them."""
        for one in alterations(entry, field):
            other = with_entry(self._case, entry, one)
            changed = self._differences(self._case, other, own)
            if not any(_is_said(path) for _, path in changed):
                changed |= self._differences(self._case, other, None)
            self._changed |= changed
            if found := self._described(changed):
                return found
        return ()

    def _elements_of_both(self, entry: Entry, field: str, own: tuple[int, ...]) -> tuple[Element, ...]:
        """Return the elements of another field that says the same, so that nothing differs as long as it is there."""
        for other in type(entry).model_fields:
            for less in alterations(entry, other) if other not in {field, *_NO_FACTS} else ():
                before = with_entry(self._case, entry, less)
                for least in alterations(less, field):
                    changed = self._differences(before, with_entry(self._case, entry, least), own)
                    if any(_is_said(path) for _, path in changed):
                        return self._elements(entry, other, own)
        return ()

    def _differences(self, before: Case, after: Case, own: tuple[int, ...] | None) -> set[tuple[str, str]]:
        """Return the values that differ; none where a mapping cannot do with one of the cases."""
        first, second = self._leaves(before, own), self._leaves(after, own)
        if first is None or second is None:
            return set()
        return {place for place in first.keys() | second.keys() if first.get(place) != second.get(place)}

    def _leaves(self, case: Case, own: tuple[int, ...] | None) -> Leaves | None:
        """Return what some mappings make of a case, or all of them; nothing where one cannot do with it."""
        known = self._before.get(own) if case is self._case else None
        if known is not None:
            return known
        try:
            if own is None:
                mapped = run_mappings(case, self._mappings)
            else:
                mapped = map_entries(case, [self._mappings[position] for position in own])
            made = _leaves(one.resource for one in mapped.values())
        except Exception:  # whatever a mapping raises, of another hand too
            return None
        if case is self._case:
            self._before[own] = made
        return made

    def _described(self, changed: set[tuple[str, str]]) -> tuple[Element, ...]:
        kept = [place for place in changed if place in self._whole]
        told = [place for place in kept if _is_said(place[1])] or kept
        found = {(name, path_of(path)): element_at(self._resources, name, path) for name, path in told}
        return tuple(sorted(found.values(), key=lambda one: (STATES.index(one.state), one.resource, one.path)))


def _brings(found: FoundMapping, section: Section) -> bool:
    return any(section in (one, *one.parts) for one in found.mapping.sections)


def _entries(case: Case) -> Iterator[tuple[Section, Entry]]:
    for section in case.sections:
        if not section.is_list and (entry := getattr(case, section.name)) is not None:
            yield section, entry
    yield from case.entries()


def _leaves(resources: Iterable[Resource]) -> Leaves:
    return {(f"{one['resourceType']}/{one['id']}", path): value for one in resources for path, value in leaves_of(one)}


def _is_said(path: str) -> bool:
    """Whether a path is that of an element that says something, not of identity or of the text for people."""
    return re.match(r"(resourceType|id|meta|text)\b", path) is None


def _said(value: Any) -> str:
    """Return what the file says, on one line."""
    if isinstance(value, tuple):
        return ", ".join(_said(one) for one in value)
    if isinstance(value, Concept):
        return value.name or value.text or ", ".join(one.code for one in value.code)
    if isinstance(value, When) and (value.is_in_life or value.unknown):
        return value.words_of_life
    if isinstance(value, When):
        counted = f"{value.count} {value.unit}" if value.count is not None else ""
        return value.day or " ".join(part for part in (counted, value.relation, value.event or "anchor") if part)
    if isinstance(value, Form) and (not str(value).strip() or "__str__" not in vars(type(value))):
        inner = (getattr(value, name) for name in type(value).model_fields if name in value.model_fields_set)
        return ", ".join(_said(one) for one in inner)
    return " ".join(str(value).split())

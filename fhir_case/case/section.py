"""A section of the case file: what a clinical concept says about its entries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fhir_case.case.entry import KeyedEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fhir_case.case.entry import Entry
    from fhir_case.case.node import Loc, Node

__all__ = ["Section", "keyed_nodes", "sections_by_role"]


@dataclass(frozen=True, slots=True)
class Section:
    """
    One section of the case file.

    Args:
        name: The key of the section in the file.
        model: The model of an entry. Entries with a key stand in a list; a model without a key makes a section that is
            one mapping.
        resource: The type of the resource that an entry becomes.
        time: The FHIRPath, from that resource, of the element that tells when it happened; empty when none does.
        time_of_period: That element where the entry has an end, ``until``, too; empty when it is the same.
        roles: What an entry can be for another: ``condition``, ``tumour``, ``stage``, ``imaging``, ``treatment``, or a
            role of one's own, which `fhir_case.case.entry.key_of` asks for.
        parts: Lists of entries with a key inside of an entry, by the name of their field.
        example: An entry as it is written in a file, in YAML.
        required: Whether a case must have it; only for a section that is one mapping.
        keys: The business keys of the resources that a section that is one mapping becomes.
    """

    name: str
    model: type[Entry]
    resource: str
    time: str = ""
    roles: tuple[str, ...] = ()
    parts: tuple[Section, ...] = ()
    example: str = ""
    required: bool = False
    keys: tuple[str, ...] = ()
    time_of_period: str = ""

    @property
    def is_list(self) -> bool:
        """Whether it is a list of entries with a key, not one mapping."""
        return issubclass(self.model, KeyedEntry)

    def time_of(self, entry: KeyedEntry) -> str:
        """Return the FHIRPath of the element that tells when an entry of this section happened."""
        return (self.time_of_period if getattr(entry, "until", None) is not None else "") or self.time


def sections_by_role(sections: Iterable[Section]) -> dict[str, list[str]]:
    """Return the names of the sections that have each role."""
    roles: dict[str, list[str]] = {}
    for one in (each for section in sections for each in (section, *section.parts)):
        for role in one.roles:
            roles.setdefault(role, []).append(one.name)
    return roles


def keyed_nodes(sections: Iterable[Section], root: Node) -> Iterator[tuple[str, Loc, Node]]:
    """Return each entry of a file that can have a key, with the name of its section or part and its path."""
    for section in sections:
        if not section.is_list or section.name not in root.pairs:
            continue
        for index, entry in enumerate(root.pairs[section.name][1].items):
            yield section.name, (section.name, index), entry
            for part in section.parts:
                inner = entry.pairs[part.name][1].items if part.name in entry.pairs else ()
                for position, node in enumerate(inner):
                    yield part.name, (section.name, index, part.name, position), node

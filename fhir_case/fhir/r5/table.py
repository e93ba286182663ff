"""
Read the table ``elements.toml``, whose grammar stands at its head, and what it leaves to ``alike.json``.

Of the types that the table does not name, those elements pass that both releases have alike; ``scripts/make-r5-alike``
finds them by comparing the definitions.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from fhir_case.toml import shipped_toml

__all__ = ["Section", "alike", "section_of", "sections", "systems"]

_ANY_TYPE = "[x]"
_SYSTEMS = "systems"


@dataclass(frozen=True, slots=True)
class Section:
    """
    What the table says of one resource type, part or data type.

    Args:
        name: Its name, or its path in R4.
        targets: For each element that has a place, that place; an element of any type ends with ``[x]``.
        others: The elements that are made into others, with the name of the function.
    """

    name: str
    targets: dict[str, str] = field(default_factory=dict)
    flat: frozenset[str] = frozenset()
    typed: dict[str, str] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    fixed: dict[str, Any] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    made: dict[str, tuple[str, ...]] = field(default_factory=dict)
    extension: dict[str, dict[str, str]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    not_to: dict[str, frozenset[str]] = field(default_factory=dict)

    @property
    def elements(self) -> list[str]:
        """Return every element of R4 that is known here, those that are refused included."""
        made = [name for names in self.made.values() for name in names]
        return [*self.targets, *sorted(self.flat), *made, *self.extension, *self.refused]

    def target(self, name: str) -> str | None:
        """Return the place of an element as it is written in a resource, for example ``performedPeriod``."""
        if name in self.targets:
            return self.targets[name]
        for known, place in self.targets.items():
            stem = known.removesuffix(_ANY_TYPE)
            if stem != known and name.startswith(stem) and name[len(stem) :][:1].isupper():
                return place.removesuffix(_ANY_TYPE) + name[len(stem) :]
        return None

    def function(self, name: str) -> str | None:
        """Return the name of the function that makes others of this element."""
        return next((function for function, names in self.made.items() if name in names), None)


@cache
def sections() -> dict[str, Section]:
    """Return the sections about elements by their names."""
    return {name: _section(name, written) for name, written in _table().items() if name != _SYSTEMS}


def section_of(name: str) -> Section | None:
    """Return the section of a type or a part: of the table, or made of what both releases have alike."""
    return sections().get(name) or alike().get(name)


@cache
def alike() -> dict[str, Section]:
    """Return the sections that are made of what both releases have alike, by their names."""
    text = (files("fhir_case.fhir.r5") / "alike.json").read_text(encoding="utf-8")
    return {name: _section(name, written) for name, written in json.loads(text)["sections"].items()}


def systems() -> dict[str, str]:
    """Return the code systems that have another URL in R5, with that."""
    urls: dict[str, str] = _table()[_SYSTEMS]
    return urls


@cache
def _table() -> dict[str, Any]:
    return shipped_toml("fhir_case.fhir.r5", "elements.toml")


def _section(name: str, written: dict[str, Any]) -> Section:
    rest = dict(written)
    same = {element: element for element in rest.pop("same", ())}
    return Section(
        name,
        targets=same | rest.pop("to", {}),
        flat=frozenset(rest.pop("flat", ())),
        absent=tuple(rest.pop("absent", ())),
        made={function: tuple(names) for function, names in rest.pop("made", {}).items()},
        not_to={element: frozenset(types) for element, types in rest.pop("not_to", {}).items()},
        **rest,
    )

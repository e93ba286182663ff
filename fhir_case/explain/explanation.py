"""What is known of the facts of a case: the elements that express them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fhir_case.readers import Unused

__all__ = ["STATES", "Element", "Explanation", "Fact", "State"]

State = Literal["coded", "value", "words", "nowhere"]

STATES: tuple[State, ...] = ("coded", "value", "words", "nowhere")
"""How a fact is expressed, the best first: by a code, by a date, number or reference, in words only, not at all."""


_NAMES = {"coded": "by code", "value": "by value", "words": "in words only", "nowhere": "nowhere"}


@dataclass(frozen=True, slots=True)
class Element:
    """
    An element that expresses a fact.

    Args:
        resource: ``Type/key`` of its resource, without the namespace.
        path: From the resource on, such as ``component[0].valueQuantity``.
        state: How it is expressed there; never ``nowhere``.
        shown: Its code with display and system, or its value, or its words.
    """

    resource: str
    path: str
    state: State
    shown: str


@dataclass(frozen=True, slots=True)
class Fact:
    """
    What one field of an entry of the case file says.

    Args:
        section: The section of the case file.
        entry: The key of the entry; empty in a section that is one mapping.
        field: The name of the field.
        said: What the file says.
        free: Whether it is free text by nature, such as a note, which no code could say.
        place: The file, line and column of the entry; empty for a case made in Python.
        source: The place in the report.
        elements: Where it arrives, the best first.
    """

    section: str
    entry: str
    field: str
    said: str
    free: bool
    place: str
    source: str
    elements: tuple[Element, ...]

    @property
    def state(self) -> State:
        """How it is expressed, at best."""
        states: set[State] = {one.state for one in self.elements} or {"nowhere"}
        return min(states, key=STATES.index)


@dataclass(frozen=True, slots=True)
class Explanation:
    """
    Where the facts of a case arrive.

    Args:
        case: The id of the case.
        facts: In the order of the file.
        without_evidence: The elements of the resources that no fact changes: what the mappings say by themselves.
        not_carried_over: What of a file of another format no entry of the case holds: it is nowhere, too,
            unless the user left it out with a reason.
    """

    case: str
    facts: tuple[Fact, ...]
    without_evidence: tuple[Element, ...]
    not_carried_over: tuple[Unused, ...] = ()

    def summary(self) -> str:
        """Return the totals in a line."""
        entries, facts = self.entries, self.counts
        told = ", ".join(f"{facts[state]} {_NAMES[state]}" for state in STATES)
        coded = entries["coded"] + entries["value"]
        parts = [f"{coded} coded", f"{entries['words']} with words only", f"{entries['nowhere']} with what is nowhere"]
        deliberate = sum(one.deliberate for one in self.not_carried_over)
        reasons = f", {deliberate} of them left out by the recipe" if deliberate else ""
        lost = f" {len(self.not_carried_over)} of the file in no entry{reasons}." if self.not_carried_over else ""
        return f"{sum(entries.values())} entries: {', '.join(parts)}. {len(self.facts)} facts: {told}.{lost}"

    @property
    def complete(self) -> bool:
        """Whether all of the source is somewhere, but for what the user left out with a reason."""
        return not self.counts["nowhere"] and all(one.deliberate for one in self.not_carried_over)

    @property
    def entries(self) -> dict[State, int]:
        """How many entries there are by their worst fact; free text is expressed as it should be."""
        found: dict[tuple[str, str], set[State]] = {}
        for fact in self.facts:
            told: State = "value" if fact.free and fact.state == "words" else fact.state
            found.setdefault((fact.section, fact.entry), set()).add(told)
        return _counted([_of_entry(states) for states in found.values()])

    @property
    def counts(self) -> dict[State, int]:
        """How many facts there are by their state."""
        return _counted([fact.state for fact in self.facts])


def _of_entry(states: set[State]) -> State:
    """Return the worst of the states of an entry, where a date beside a code is no fault."""
    worst = max(states, key=STATES.index)
    return "coded" if worst == "value" and "coded" in states else worst


def _counted(states: Sequence[State]) -> dict[State, int]:
    found = Counter(states)
    return {state: found[state] for state in STATES}

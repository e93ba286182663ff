"""A resource and its location inside the document, which every finding names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from fhir_case.fhir.wire import mapping
from fhir_case.issues import Issue

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fhir_case.issues import Severity

__all__ = ["LONGEST_LIST", "Located", "Path", "expression", "with_short_lists"]

LONGEST_LIST = 10_000
"""Of so many members of a list, what is wrong is told of each; more would take memory without bound."""

Path = tuple[str | int, ...]


@dataclass(slots=True, eq=False)  # to make frozen ones takes ten times as long: 0.2 of 1.8 ms for 120 resources
class Located:
    """
    One resource and its location. Nothing changes it.

    Args:
        resource: The resource; of a Bundle, the Bundle without the resources in its entries.
        type: Its resourceType; empty when it has none that is text.
        id: Its logical id; empty when it has none that is text.
        label: ``Type/id``, or what else names it; of a contained resource, the label of the one that contains it.
        path: Where it begins, in the resource that the label names: ``Patient`` or ``Patient.contained[0]``.
        role: Whether it is the document itself, in an entry of a Bundle, contained, or in another element.
        full_url: The fullUrl of its Bundle entry; empty when there is none.
        entry: That entry; None when it is in none.
        parent: The resource that it is in; None for the document itself.
        number: The number of that entry in its Bundle, from 0.
    """

    resource: Mapping[str, Any]
    type: str
    id: str
    label: str
    path: str
    role: Literal["document", "entry", "contained", "inner"] = "document"
    full_url: str = ""
    entry: Mapping[str, Any] | None = None
    parent: Located | None = None
    number: int = 0
    # Made with the first finding. Not whole paths: a deep document would have too many.
    _parents: dict[int, tuple[int, str | int]] = field(default_factory=dict, init=False, repr=False)

    @property
    def profiles(self) -> tuple[str, ...]:
        """Return the profiles that the resource claims in ``meta.profile``, each once."""
        profiles = mapping(self.resource.get("meta")).get("profile")
        return (
            tuple(dict.fromkeys(one for one in profiles if isinstance(one, str))) if isinstance(profiles, list) else ()
        )

    @property
    def place(self) -> str:
        """Return where it begins, from the document on: ``Bundle.entry[3].resource.contained[0]``."""
        steps: list[str] = []
        located = self
        while located.parent is not None:
            parent = located.parent
            in_entry = located.role == "entry"
            steps.append(f".entry[{located.number}].resource" if in_entry else located.path[len(parent.path) :])
            located = parent
        return located.path + "".join(reversed(steps))

    def issue(self, severity: Severity, check: str, message: str, tail: str = "", code: str = "invalid") -> Issue:
        """Return a finding about the element of this resource that `tail` leads to: ``.name[0].family``."""
        expression, place = self.path + tail, self.place + tail
        return Issue(severity, check, message, self.label, expression, code, "" if place == expression else place)

    def path_to(self, node: object) -> Path | None:
        """Return the path to a dict or list inside this resource; None when it is not in it."""
        if not self._parents:
            self._parents.update(_parents(self.resource))
        path: list[str | int] = []
        key = id(node)
        while key != id(self.resource):
            if key not in self._parents:
                return None
            key, step = self._parents[key]
            path.append(step)
        return tuple(reversed(path))

    def at(self, path: Path) -> Any:
        """Return what is at the end of a path."""
        node: Any = self.resource
        for step in path:
            node = node[step]
        return node

    def parent_of(self, node: object) -> tuple[Any, str]:
        """Return the object that has a dict or list as an element, and the name of the element."""
        path = self.path_to(node)
        return (self.at(path[:-1]), path[-1]) if path and isinstance(path[-1], str) else (None, "")


def expression(path: Path) -> str:
    """Return a path inside a resource as the tail of an expression: ``.name[0].given``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)


def _parents(tree: object) -> dict[int, tuple[int, str | int]]:
    """Return for each dict and list in a tree, by identity, its parent and the step from there."""
    found: dict[int, tuple[int, str | int]] = {id(tree): (0, "")}
    waiting: list[Any] = [tree]
    while waiting:
        node = waiting.pop()
        key = id(node)
        parts: Iterable[tuple[str | int, Any]] = node.items() if isinstance(node, dict) else enumerate(node)
        for step, value in parts:
            if isinstance(value, (dict, list)) and id(value) not in found:
                found[id(value)] = key, step
                waiting.append(value)
    return found


def with_short_lists(value: Any) -> Any:
    """Return a value whose lists have at most `LONGEST_LIST` members; the same where they have no more anyway."""
    if isinstance(value, dict):
        short = {name: with_short_lists(inner) for name, inner in value.items()}
        return short if any(short[name] is not inner for name, inner in value.items()) else value
    if isinstance(value, list):
        first = [with_short_lists(inner) for inner in value[:LONGEST_LIST]]
        same = len(first) == len(value) and all(one is other for one, other in zip(first, value, strict=True))
        return value if same else first
    return value

"""Take what is declared out of the values of a case file, and read the file beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.case.node import Problem
from fhir_case.case.problems import shown
from fhir_case.case.section import keyed_nodes
from fhir_case.case.variation.declaration import Declared
from fhir_case.case.variation.parsing import declared
from fhir_case.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from fhir_case.case.node import Node
    from fhir_case.case.section import Section
    from fhir_case.case.tree import Tree

__all__ = ["declared_beside", "take_declarations"]

_VARY = "vary"


def take_declarations(root: Node, sections: Iterable[Section]) -> Declared:
    """Return what a case file declares; its values are without it afterwards."""
    found = Declared()
    known = tuple(sections)
    parts = {section.name: {part.name for part in section.parts} for section in known}
    for section, loc, node in keyed_nodes(known, root):
        key = node.pairs["key"][1].data if "key" in node.pairs else None
        own = key.strip() if isinstance(key, str) else ""
        for path, declaration in _taken(node, (), parts.get(section, ())):
            declared(found, own, loc, path, declaration)
    for name in ("timeline", *(section.name for section in known if not section.is_list)):
        if name in root.pairs:
            for path, declaration in _taken(root.pairs[name][1], (), ()):
                declared(found, name, (name,), path, declaration)
    return found


def _taken(node: Node, path: tuple[str, ...], parts: Collection[str]) -> Iterator[tuple[tuple[str, ...], Node]]:
    """Take each ``vary`` out of an entry, but for those of its parts; return each with the fields that lead to it."""
    if _VARY in node.pairs:
        node.data.pop(_VARY)
        yield path, node.pairs.pop(_VARY)[1]
    for name, (_, value) in node.pairs.items():
        if name not in parts:
            yield from _taken(value, (*path, name), ())
    for index, value in enumerate(node.items):
        yield from _taken(value, (*path, str(index)), ())


def declared_beside(tree: Tree, names: Collection[str]) -> Declared:
    """
    Return what a file beside a case declares: a mapping from the keys of entries to what they would have as ``vary``.

    Args:
        tree: What the file says.
        names: The keys of all entries, and the names of the sections that are one mapping.
    """
    root = tree.root
    found = Declared(problems=[*tree.problems])
    if not isinstance(root.data, dict):
        what = f"{shown(root.data)} where keys of entries with what varies of them are expected"
        found.problems.append(Problem(root.place, (), what, "for example 'albumin: {value: 2-5 g/dL}'"))
        return found
    for name, (place, node) in root.pairs.items():
        if name not in names:
            found.problems.append(Problem(place, (), f"no entry has the key '{name[:60]}'", did_you_mean(name, names)))
        else:
            declared(found, name, (name,), (), node)
    return found

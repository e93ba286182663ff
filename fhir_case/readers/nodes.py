"""Make the tree of a case from values and their places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.case.node import LocatedDict, Node

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fhir_case.case.node import Place

__all__ = ["list_node", "mapping_node", "node_of"]


def mapping_node(place: Place, values: Mapping[str, Node]) -> Node:
    """Return a mapping of located values; its keys have the places of their values."""
    data = LocatedDict({name: node.data for name, node in values.items()})
    data.place = place
    return Node(place, data, pairs={name: (node.place, node) for name, node in values.items()})


def list_node(place: Place, items: Iterable[Node]) -> Node:
    """Return a list of located values."""
    held = list(items)
    return Node(place, [node.data for node in held], items=held)


def node_of(value: Any, place: Place) -> Node:
    """Return a plain value (text, number, list, mapping) all of which is at one place."""
    if isinstance(value, dict):
        return mapping_node(place, {name: node_of(inner, place) for name, inner in value.items()})
    if isinstance(value, list | tuple):
        return list_node(place, (node_of(inner, place) for inner in value))
    return Node(place, value)

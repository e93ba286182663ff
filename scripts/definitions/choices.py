"""The elements of which only one may be there, as value[x]."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .primitives import Schema

__all__ = ["one_of"]

_MANY_CHOICES = 15  # from here on the names are told by their prefix, not one by one


def one_of(stem: str, names: list[str], properties: dict[str, Schema]) -> Schema:
    """Allow only one of the names of a choice."""
    if len(names) <= _MANY_CHOICES:
        return {
            "dependentSchemas": {
                mine: {
                    "properties": {
                        other: False for later in names[at + 1 :] for other in _with_sibling(later, properties)
                    }
                }
                for at, name in enumerate(names[:-1])
                for mine in _with_sibling(name, properties)
            }
        }
    prefix = f"^_?{stem}[A-Z]"
    each = {
        mine: {"propertyNames": {"anyOf": [{"enum": _with_sibling(name, properties)}, {"not": {"pattern": prefix}}]}}
        for name in names
        for mine in _with_sibling(name, properties)
    }
    # An Extension is mostly a url and one value: then there is nothing to look for.
    return {"if": {"minProperties": 3}, "then": {"dependentSchemas": each}}


def _with_sibling(name: str, properties: dict[str, Schema]) -> list[str]:
    return [one for one in (name, f"_{name}") if one in properties]

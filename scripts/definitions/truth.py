"""When an expression is true and when false, as JSON Schemas of objects, and what follows from several of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["ALWAYS", "Schema", "Truth", "all_of", "any_of", "combined", "has", "negated", "same"]

Schema = dict[str, Any]

ALWAYS: Schema = {}


@dataclass(frozen=True)
class Truth:
    """When an expression is true, and when it is false."""

    true: Schema
    false: Schema

    @classmethod
    def of(cls, schema: Schema) -> Truth:
        """Return what is true for those that a schema accepts, and false for all others."""
        return cls(schema, negated(schema))


def combined(kind: str, sign: str, left: Truth, right: Truth) -> Truth:
    """Return when two truths are true together: by and, or, xor, implies."""
    if kind == "AndExpression":
        return Truth(all_of(left.true, right.true), any_of(left.false, right.false))
    if kind == "ImpliesExpression":
        return Truth(any_of(left.false, right.true), all_of(left.true, right.false))
    if sign == "xor":
        found = same(left, right)
        return Truth(found.false, found.true)
    return Truth(any_of(left.true, right.true), all_of(left.false, right.false))


def same(left: Truth, right: Truth) -> Truth:
    """Return when two truths are equal."""
    return Truth(
        any_of(all_of(left.true, right.true), all_of(left.false, right.false)),
        any_of(all_of(left.true, right.false), all_of(left.false, right.true)),
    )


def all_of(*parts: Schema) -> Schema:
    """Require all of these."""
    parts = tuple(one for one in parts if one != ALWAYS)
    return parts[0] if len(parts) == 1 else {"allOf": list(parts)} if parts else ALWAYS


def any_of(*parts: Schema) -> Schema:
    """Require one of these."""
    return {"anyOf": list(parts)}


def negated(schema: Schema) -> Schema:
    """Require what a schema does not accept."""
    return schema["not"] if list(schema) == ["not"] else {"not": schema}


def has(names: list[str]) -> Schema:
    """Require one of some elements; one that has only extensions counts."""
    return {"anyOf": [{"required": [one]} for name in names for one in (name, f"_{name}")]}

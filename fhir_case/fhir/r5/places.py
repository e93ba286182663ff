"""Put values to the places that the table names, such as ``reason[].concept``."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any, NamedTuple

__all__ = ["Step", "put", "steps_of"]

Json = dict[str, Any]

_ONE_MORE = "[]"
_THE_ONLY_ONE = "[0]"


class Step(NamedTuple):
    """
    Name one step of a place.

    Args:
        many: Whether it leads to one more entry of a list.
        only: Whether R4 has a list here of which R5 takes one.
    """

    name: str
    many: bool = False
    only: bool = False


def steps_of(place: str) -> tuple[Step, ...]:
    """Read a place: names joined by points, each with ``[]``, ``[0]`` or nothing behind it."""
    return tuple(
        Step(part.removesuffix(_ONE_MORE).removesuffix(_THE_ONLY_ONE), part.endswith("[]"), part.endswith("[0]"))
        for part in place.split(".")
    )


def put(out: Json, steps: tuple[Step, ...], value: Any, more: Any) -> None:
    """
    Put a value to its place.

    Args:
        out: The part of the R5 resource that the place counts from.
        value: The value, or the list of values; None when there are only extensions.
        more: What R4 writes beside a primitive value, under the name with an underscore; None when there is nothing.

    Raises:
        ValueError: There is no place for it, since R5 has one value where there are several.
    """
    last = steps[-1]
    if len(steps) == 1 and not last.many:
        if last.only:
            value = _only(value)
        _set(out, last.name, value, more)
        return
    several = isinstance(value, list) or isinstance(more, list)
    for one, extended in zip_longest(value or (), more or ()) if several else [(value, more)]:
        node = out
        for step in steps[:-1]:
            node = _opened(node, step)
        if last.many:
            node.setdefault(last.name, []).append(one)
        else:
            _set(node, last.name, one, extended)


def _only(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    if len(value) > 1:
        raise ValueError("R5 has room for one only")
    return value[0] if value else None


def _opened(node: Json, step: Step) -> Json:
    inner: Json = {}
    if step.many:
        node.setdefault(step.name, []).append(inner)
        return inner
    opened: Json = node.setdefault(step.name, inner)
    return opened


def _set(node: Json, name: str, value: Any, more: Any) -> None:
    for key, part in ((name, value), (f"_{name}", more)):
        if part is None:
            continue
        if key not in node:
            node[key] = part
        elif isinstance(node[key], list) and isinstance(part, list):
            node[key] = node[key] + part
        else:
            raise ValueError("R5 has room for one only")

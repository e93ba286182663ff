"""Find elements in resources, and references among them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["kind_of", "local_name", "references", "split_reference", "values", "with_texts"]

_LITERAL = re.compile(r"(?P<base>https?://.*/)?(?P<kind>[A-Z]\w+)/(?P<id>[A-Za-z0-9\-.]{1,64})(/_history/[^/]+)?(#.*)?")


def values(node: Any, path: str) -> list[Any]:
    """Return what is at a path of element names, each item of a list on its own; ``.`` is the node itself."""
    found = [node]
    for step in path.split(".") if path != "." else ():
        inner = [each.get(step) for each in found if isinstance(each, dict)]
        found = [each for one in inner for each in (one if isinstance(one, list) else [one]) if each is not None]
    return found


def references(node: Any, *, primitives: bool = True) -> Iterator[str]:
    """Return every literal reference in a resource, by choice without those in extensions of primitive values."""
    if isinstance(node, dict):
        if isinstance(node.get("reference"), str):
            yield node["reference"]
        for name, each in node.items():
            if primitives or not name.startswith("_"):
                yield from references(each, primitives=primitives)
    elif isinstance(node, list):
        for each in node:
            yield from references(each, primitives=primitives)


def with_texts(node: Any, change: Callable[[str, str], str], *, primitives: bool = True) -> Any:
    """
    Return a copy of a tree with other texts.

    Args:
        change: Is called with the name of the element and its text.
        primitives: Whether texts in the extensions of primitive values are changed too.
    """

    def changed(name: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {
                inner: each if inner.startswith("_") and not primitives else changed(inner, each)
                for inner, each in value.items()
            }
        if isinstance(value, list):
            return [changed(name, each) for each in value]
        return change(name, value) if isinstance(value, str) else value

    return changed("", node)


def split_reference(reference: str) -> tuple[str, str, str]:
    """Return base, type and id of a literal reference, without its version; empty texts when it is none."""
    found = _LITERAL.fullmatch(reference)
    return (found["base"] or "", found["kind"], found["id"]) if found else ("", "", "")


def local_name(reference: str, base_url: str) -> tuple[str, str]:
    """Return type and id of what a reference to this server means; empty texts when it is elsewhere."""
    base, kind, resource_id = split_reference(reference)
    return (kind, resource_id) if base in ("", f"{base_url}/") else ("", "")


def kind_of(element: Any) -> str:
    """Return the type that a Reference points to; empty when it does not tell."""
    reference = element.get("reference") if isinstance(element, dict) else element
    return split_reference(reference)[1] if isinstance(reference, str) else ""

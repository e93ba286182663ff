"""The elements of resources: their paths, and how each expresses what it says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fhir_case.explain.explanation import Element

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fhir_case.explain.explanation import State
    from fhir_case.fhir.wire import Resource

__all__ = ["Leaves", "element_at", "leaves_of", "path_of"]

Leaves = dict[tuple[str, str], Any]
"""The primitive values of resources, by ``Type/key`` and path."""

# The parts of data types: what is inside of them belongs to the element that has them.
_PARTS = re.compile(
    r"\.(coding\[\d+\]|extension\[\d+\]|code|system|display|version|text|value|unit|comparator|reference|start|end|low|high"
    r"|numerator|denominator|identifier|type|url|value[A-Z]\w*|offset|time|div|status)(?=\.|$)"
)
_STRUCTURED = re.compile(
    r"[a-z0-9]+(-[a-z0-9]+)*|\d{4}(-\d{2}){0,2}(T.*)?|[A-Z]\w+/[\w.-]+|(https?|urn):\S+", re.IGNORECASE
)


def leaves_of(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Return each primitive value of a resource with its path, such as ``code.coding[0].code``."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves_of(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from leaves_of(inner, f"{path}[{position}]")
    else:
        yield path, value


def path_of(path: str) -> str:
    """Return the path of the element that has a primitive value in it: of a CodeableConcept, not of its coding."""
    # What stands beside a primitive value, a relative time or why it is absent, belongs to it.
    first, dot, rest = re.sub(r"(^|\.)_", r"\1", path).partition(".")
    kept = f"{dot}{rest}"
    while (shorter := re.sub(_PARTS.pattern.replace("(?=\\.|$)", "$"), "", kept)) != kept:
        kept = shorter
    return first + kept


def element_at(resources: Mapping[str, Resource], name: str, path: str) -> Element:
    """Return the element that has the value at a path of a resource."""
    place = path_of(path)
    value = _value(resources[name], place)
    if value is None:
        return Element(name, place, "value", "unknown")
    return Element(name, place, *_expressed(value))


def _value(resource: Any, path: str) -> Any:
    value = resource
    for step in re.findall(r"[^.\[\]]+", path):
        value = value[int(step)] if isinstance(value, list) else value.get(step) if isinstance(value, dict) else None
    return value


def _expressed(value: Any) -> tuple[State, str]:
    if isinstance(value, dict):
        return _expressed_by(value)
    if isinstance(value, list) and value:
        inner = [_expressed(one) for one in value]
        return inner[0][0], "; ".join(shown for _, shown in inner)
    if isinstance(value, str) and not _STRUCTURED.fullmatch(value):
        return "words", value
    return "value", str(value)


def _expressed_by(value: dict[str, Any]) -> tuple[State, str]:
    """Return how a data type expresses something, such as a CodeableConcept, a Quantity or a Narrative."""
    codings = [one for one in value.get("coding", ()) if one.get("code")]
    if codings:
        shown = (f"{one.get('display', '')} ({one.get('system', '')} {one['code']})" for one in codings)
        return "coded", "; ".join(one.strip() for one in shown)
    if "value" in value and value.get("code"):
        return "coded", f"{value.get('comparator', '')}{value['value']} {value['code']}"
    if "div" in value:
        return "words", " ".join(re.sub(r"<[^<>]+>", " ", value["div"]).split())
    if "text" in value and value.keys() <= {"text", "authorString", "time"}:
        return "words", str(value["text"])
    return "value", " ".join(str(leaf) for _, leaf in leaves_of(value))

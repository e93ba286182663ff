"""Walk through a document once: find every resource in it, and the elements that the rules ask for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from fhir_case.fhir.systems import DATA_ABSENT_REASON
from fhir_case.validation.located import Located, expression

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MAXIMUM_DEPTH", "Elements", "traverse"]

MAXIMUM_DEPTH = 200
"""How deep objects may be nested. The deepest official example has 17 levels; what is deeper is an attack or a bug."""

_LONG = 10**18

_RESOURCE_ELEMENTS = frozenset({"contained", "resource", "outcome", "issues"})

Element = tuple[Located, Any]


@dataclass(frozen=True, slots=True)
class Elements:
    """
    The elements that the rules ask for, each with the resource that it is in.

    Args:
        references: Each resource with what has a ``reference`` in it.
        by_system: The codings, identifiers and quantities of each system.
        periods: What has a ``start`` or an ``end``.
        ranges: What has ``low`` and ``high``.
        data: What has ``data``.
        absent_reasons: Extensions that say why something is absent.
        lists_with_null: Lists with a null in them, by identity: each once.
        ids_alone: What has an id and nothing else.
        numbers: What has a number with a point, an exponent or more than 18 digits, also in a list; by identity.
        local_urls: What has a ``url`` that is not absolute, without requests and most parts of extensions.
    """

    references: list[tuple[Located, list[Mapping[str, Any]]]] = field(default_factory=list)
    by_system: dict[str, list[Element]] = field(default_factory=dict)
    periods: list[Element] = field(default_factory=list)
    ranges: list[Element] = field(default_factory=list)
    data: list[Element] = field(default_factory=list)
    absent_reasons: list[Element] = field(default_factory=list)
    lists_with_null: dict[int, Element] = field(default_factory=dict)
    ids_alone: list[Element] = field(default_factory=list)
    numbers: dict[int, Element] = field(default_factory=dict)
    local_urls: list[Element] = field(default_factory=list)


def traverse(document: Mapping[str, Any]) -> tuple[tuple[Located, ...], Elements, bool]:
    """
    Find every resource in a document, and in each the elements that the rules ask for.

    Returns:
        The resources, nested ones after the one that they are in; the elements; and whether the document is nested
        deeper than `MAXIMUM_DEPTH`: then nothing below that is looked at.
    """
    resources: list[Located] = []
    elements = Elements()
    too_deep = False
    kind = _type(document)
    waiting = [Located(document, kind, _text(document, "id"), _label(document, {}, None), kind or "$this")]
    while waiting:
        located = waiting.pop()
        nested: list[Located] = []
        if located.type == "Bundle":
            located, nested = _open_bundle(located)
        inner, deep = _collect(located, elements)
        too_deep = too_deep or deep
        resources.append(located)
        nested += [_nested(located, node) for node in inner]
        waiting.extend(reversed(nested))
    return tuple(resources), elements, too_deep


def _collect(  # noqa: C901, PLR0912, PLR0915 - the innermost loop of all rules: calls in it would double its time
    located: Located, elements: Elements
) -> tuple[list[Mapping[str, Any]], bool]:
    """
    Go through a resource level by level, which is fast and counts the depth.

    Returns:
        The resources inside, which are looked at on their own, and whether the depth ended the search.
    """
    nested: list[Mapping[str, Any]] = []
    references: list[Mapping[str, Any]] = []
    by_system = elements.by_system
    parts: set[int] = set()
    level: list[Any] = [located.resource]
    below: list[Any] = []
    for depth in range(MAXIMUM_DEPTH):
        below = []
        for node in level:
            if "resourceType" in node and depth and _is_resource(located, node):
                nested.append(node)
                continue
            if "reference" in node:
                references.append(node)
                if len(node) == 1 and node["reference"].__class__ is str:
                    continue  # as most references are: there is nothing below
            elif "system" in node:
                system = node["system"]
                if system.__class__ is str:
                    if system in by_system:
                        by_system[system].append((located, node))
                    else:
                        by_system[system] = [(located, node)]
            elif "url" in node:
                url = node["url"]
                if url == DATA_ABSENT_REASON:
                    elements.absent_reasons.append((located, node))
                elif url.__class__ is str and ":" not in url and "method" not in node and id(node) not in parts:
                    elements.local_urls.append((located, node))
            elif "start" in node or "end" in node:
                elements.periods.append((located, node))
            elif "low" in node and "high" in node:
                elements.ranges.append((located, node))
            elif "id" in node and len(node) == 1:
                elements.ids_alone.append((located, node))
            if "data" in node:
                elements.data.append((located, node))
            if "extension" in node and node["extension"].__class__ is list:
                for extension in node["extension"]:
                    if extension.__class__ is dict and extension.get("extension").__class__ is list:
                        parts.update(map(id, extension["extension"]))  # whose urls are names by right
            for value in node.values():
                kind = value.__class__
                if kind is str:  # as most values are
                    continue
                if kind is dict:
                    below.append(value)
                elif kind is list:
                    for item in value:
                        if item.__class__ is dict:
                            below.append(item)
                        elif item is None:
                            elements.lists_with_null[id(value)] = located, value
                        elif item.__class__ is list:  # never right, as the strict schema says; here it adds depth
                            below.append({"": item})
                        elif item.__class__ is Decimal:
                            elements.numbers[id(node)] = located, node
                elif kind is Decimal or (kind is int and not -_LONG < value < _LONG):
                    elements.numbers[id(node)] = located, node
        if not below:
            break
        level = below
    if references:
        elements.references.append((located, references))
    return nested, bool(below)


def _open_bundle(bundle: Located) -> tuple[Located, list[Located]]:
    """Take the resources out of the entries, so that each is looked at once, on its own."""
    entries = bundle.resource.get("entry")
    if not isinstance(entries, list):
        return bundle, []
    shell: list[Any] = []
    bare = replace(bundle, resource={**bundle.resource, "entry": shell})
    nested: list[Located] = []
    stubs: dict[str, _Stub] = {}
    for number, entry in enumerate(entries):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        kind = resource.get("resourceType") if isinstance(resource, dict) else None
        if not isinstance(resource, dict) or not isinstance(kind, str):
            shell.append(entry)
            continue
        stub = stubs.get(kind) or stubs.setdefault(kind, _Stub(resourceType=kind))
        shell.append({**entry, "resource": stub})
        key, url = _text(resource, "id"), _text(entry, "fullUrl")
        label, path = _label(resource, entry, number), kind or "$this"
        nested.append(Located(resource, kind, key, label, path, "entry", url, entry, bare, number))
    return bare, nested


class _Stub(dict[str, Any]):
    """A placeholder for a resource that is traversed on its own; its class keeps it from being traversed twice."""


def _nested(parent: Located, node: Mapping[str, Any]) -> Located:
    path = parent.path_to(node) or ()
    kind = _type(node)
    role: Literal["contained", "inner"] = "contained" if len(path) == 2 and path[0] == "contained" else "inner"
    return Located(node, kind, _text(node, "id"), parent.label, parent.path + expression(path), role, parent=parent)


def _is_resource(located: Located, node: Mapping[str, Any]) -> bool:
    """Whether it is a resource, not an object with an element called resourceType, as ExampleScenario has."""
    path = located.path_to(node) or ()
    return next((step for step in reversed(path) if isinstance(step, str)), "") in _RESOURCE_ELEMENTS


def _type(resource: Mapping[str, Any]) -> str:
    return _text(resource, "resourceType")


def _text(node: Mapping[str, Any], name: str) -> str:
    found = node.get(name)
    return found if isinstance(found, str) else ""


def _label(resource: Mapping[str, Any], entry: Mapping[str, Any], number: int | None) -> str:
    kind = _type(resource) or "resource"
    if number is None and kind == "Bundle":
        return ""
    key = _text(resource, "id")
    if key:
        return f"{kind}/{key}"
    if number is None:
        return kind
    url = entry.get("fullUrl")
    return f"{kind} ({url})" if isinstance(url, str) else f"{kind} (entry {number})"

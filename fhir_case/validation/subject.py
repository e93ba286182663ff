"""What is looked at: every resource of a Bundle with its place, and the elements that the rules ask for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from fhir_case.validation.resolving import find_links, index

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from fhir_case.issues import Issue
    from fhir_case.validation.resolving import Index, Links

__all__ = [
    "ABSENT",
    "MAXIMUM_DEPTH",
    "Elements",
    "FhirVersion",
    "Located",
    "Path",
    "Subject",
    "expression",
    "look_at",
]

FhirVersion = Literal["R4", "R5"]
Path = tuple[str | int, ...]

MAXIMUM_DEPTH = 200
"""How deep objects may be nested. The deepest official example has 17 levels; what is deeper is an attack or a bug."""

ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
"""The extension that says why something is absent."""

_RESOURCE_ELEMENTS = frozenset({"contained", "resource", "outcome", "issues"})


@dataclass(slots=True, eq=False)  # to make frozen ones takes ten times as long: 0.2 of 1.8 ms for 120 resources
class Located:
    """
    One resource and its place. Nothing changes it.

    Args:
        resource: The resource; of a Bundle, the Bundle without the resources in its entries.
        type: Its resourceType; empty when it has none that is text.
        id: Its logical id; empty when it has none that is text.
        label: ``Type/id``, or what else names it; of a contained resource, the label of the one that contains it.
        path: Where it begins, in the resource that the label names: ``Patient`` or ``Patient.contained[0]``.
        role: How it is held: the document itself, by an entry of a Bundle, by ``contained``, or by another element.
        full_url: The fullUrl of the Bundle entry that holds it; empty when there is none.
        entry: That entry; None when none holds it.
        owner: The resource that holds it; None for the document itself.
    """

    resource: Mapping[str, Any]
    type: str
    id: str
    label: str
    path: str
    role: Literal["document", "entry", "contained", "inner"] = "document"
    full_url: str = ""
    entry: Mapping[str, Any] | None = None
    owner: Located | None = None
    # Made when there is first something to say about a place. Not whole paths: a deep one would have too many.
    _above: dict[int, tuple[int, str | int]] = field(default_factory=dict, init=False, repr=False)

    def place(self, node: object) -> str:
        """Return the expression of a dict or list inside this resource; the resource's own when it is not in it."""
        return self.path + expression(self.steps(node) or ())

    def steps(self, node: object) -> Path | None:
        """Return the steps to a dict or list inside this resource; None when it is not in it."""
        if not self._above:
            self._above.update(_above(self.resource))
        path: list[str | int] = []
        key = id(node)
        while key != id(self.resource):
            if key not in self._above:
                return None
            key, step = self._above[key]
            path.append(step)
        return tuple(reversed(path))

    def at(self, path: Path) -> Any:
        """Return what is at the end of the steps."""
        node: Any = self.resource
        for step in path:
            node = node[step]
        return node

    def holder(self, node: object) -> tuple[Any, str]:
        """Return the object that has a dict or list as an element, and the name of the element."""
        path = self.steps(node)
        return (self.at(path[:-1]), path[-1]) if path and isinstance(path[-1], str) else (None, "")


Element = tuple["Located", Any]


@dataclass(frozen=True, slots=True)
class Elements:
    """
    Those elements that the rules ask for, each with the resource that it is in.

    Args:
        references: Each resource with what has a ``reference`` in it.
        by_system: The codings, identifiers and quantities of each system.
        periods: What has a ``start`` or an ``end``.
        ranges: What has ``low`` and ``high``.
        data: What has ``data``.
        absences: Extensions that say why something is absent.
        lists_with_null: Lists that hold null.
    """

    references: list[tuple[Located, list[Mapping[str, Any]]]] = field(default_factory=list)
    by_system: dict[str, list[Element]] = field(default_factory=dict)
    periods: list[Element] = field(default_factory=list)
    ranges: list[Element] = field(default_factory=list)
    data: list[Element] = field(default_factory=list)
    absences: list[Element] = field(default_factory=list)
    lists_with_null: list[Element] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Subject:
    """
    One Bundle or resource under check.

    Args:
        document: What was given.
        fhir: The release it is written in.
        resources: Every resource in it, nested ones after the one that holds them.
        elements: The elements of all of them that the rules ask for.
        too_deep: Whether the document is nested deeper than `MAXIMUM_DEPTH`; then nothing below that was looked at.
        code_tables: Known codes: (system, code) to the displays that are right for it.
        closed: Whether every reference must resolve inside the document.
    """

    document: Mapping[str, Any]
    fhir: FhirVersion
    resources: tuple[Located, ...]
    elements: Elements
    too_deep: bool = False
    code_tables: Mapping[tuple[str, str], Collection[str]] = field(default_factory=dict)
    closed: bool = False

    @property
    def bundle_type(self) -> str:
        """Return the type of the Bundle; empty when the document is no Bundle."""
        found = self.document.get("type") if self.document.get("resourceType") == "Bundle" else ""
        return found if isinstance(found, str) else ""

    @property
    def is_bundle(self) -> bool:
        """Whether the document is a Bundle."""
        return self.document.get("resourceType") == "Bundle"

    @cached_property
    def by_type(self) -> dict[str, list[Located]]:
        """Return the resources of each type, contained ones included."""
        found: dict[str, list[Located]] = {}
        for located in self.resources:
            found.setdefault(located.type, []).append(located)
        return found

    @cached_property
    def index(self) -> Index:
        """Return the ways to find what a reference points to."""
        return index(self)

    @cached_property
    def schema_issues(self) -> dict[str, list[Issue]]:
        """Return what the strict schema and the invariants in it find, by the name of the check."""
        from fhir_case.validation.strict import schema_issues  # it needs this module

        return schema_issues(self)

    @cached_property
    def entries(self) -> tuple[Located, ...]:
        """Return the resources in the entries of the document itself."""
        root = self.resources[0]
        return tuple(located for located in self.resources if located.role == "entry" and located.owner is root)

    @cached_property
    def links(self) -> Links:
        """Return the literal references with what they point to, by what can be wrong with them."""
        return find_links(self)

    @cached_property
    def claims(self) -> list[tuple[Located, str]]:
        """Return each profile that a resource claims in ``meta.profile``, once a resource."""
        found = []
        for located in self.resources:
            meta = located.resource.get("meta")
            profiles = meta.get("profile") if isinstance(meta, dict) else None
            if isinstance(profiles, list):
                found += [(located, one) for one in dict.fromkeys(one for one in profiles if isinstance(one, str))]
        return found

    @property
    def by_system(self) -> dict[str, list[Element]]:
        """Return the codings, identifiers and quantities of each system."""
        return self.elements.by_system

    @cached_property
    def urls(self) -> set[str]:
        """Return every ``url``. This goes through the whole document again, for the few that ask."""
        found: set[str] = set()
        waiting: list[Any] = [located.resource for located in self.resources]
        while waiting:
            node = waiting.pop()
            if isinstance(node, dict):
                waiting += node.values()
                found.add(str(node.get("url", "")))
            elif isinstance(node, list):
                waiting += node
        return found - {""}


def expression(path: Path) -> str:
    """Write the steps into a resource as the tail of an expression: ``.name[0].given``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)


def look_at(
    document: Mapping[str, Any],
    fhir: FhirVersion,
    *,
    code_tables: Mapping[tuple[str, str], Collection[str]] | None = None,
    closed: bool = False,
) -> Subject:
    """Find every resource in a document, and in each the elements that the rules ask for."""
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
        nested += [_inside(located, node) for node in inner]
        waiting.extend(reversed(nested))
    return Subject(document, fhir, tuple(resources), elements, too_deep, code_tables or {}, closed)


def _collect(  # noqa: C901, PLR0912 - the innermost loop of all rules: calls in it would double its time
    located: Located, elements: Elements
) -> tuple[list[Mapping[str, Any]], bool]:
    """
    Go through a resource level by level, which is fast and counts the depth.

    An object is kept for the rules that are about its kind, which its elements tell.

    Returns:
        The resources inside, which are looked at on their own, and whether the depth ended the search.
    """
    nested: list[Mapping[str, Any]] = []
    references: list[Mapping[str, Any]] = []
    by_system = elements.by_system
    level: list[Any] = [located.resource]
    below: list[Any] = []
    for depth in range(MAXIMUM_DEPTH):
        below = []
        for node in level:
            if "resourceType" in node and depth and _holds_resource(located, node):
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
                if node["url"] == ABSENT:
                    elements.absences.append((located, node))
            elif "start" in node or "end" in node:
                elements.periods.append((located, node))
            elif "low" in node and "high" in node:
                elements.ranges.append((located, node))
            if "data" in node:
                elements.data.append((located, node))
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
                            elements.lists_with_null.append((located, value))
                        elif item.__class__ is list:  # never right, as the strict schema says; here it adds depth
                            below.append({"": item})
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
    held: list[Located] = []
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
        held.append(Located(resource, kind, key, _label(resource, entry, number), kind, "entry", url, entry, bare))
    return bare, held


class _Stub(dict[str, Any]):
    """Stand for a resource that is looked at on its own; its class keeps it from being taken for a nested one."""


def _inside(owner: Located, node: Mapping[str, Any]) -> Located:
    path = owner.steps(node) or ()
    kind = _type(node)
    role: Literal["contained", "inner"] = "contained" if len(path) == 2 and path[0] == "contained" else "inner"
    return Located(node, kind, _text(node, "id"), owner.label, owner.path + expression(path), role, owner=owner)


def _holds_resource(located: Located, node: Mapping[str, Any]) -> bool:
    """Whether it is a resource and no element that is called resourceType, as ExampleScenario has."""
    path = located.steps(node) or ()
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
    if isinstance(resource.get("id"), str):
        return f"{kind}/{resource['id']}"
    if number is None:
        return kind
    url = entry.get("fullUrl")
    return f"{kind} ({url})" if isinstance(url, str) else f"{kind} (entry {number})"


def _above(tree: object) -> dict[int, tuple[int, str | int]]:
    """Return for each dict and list in a tree, by identity, the one that holds it and the step from there."""
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

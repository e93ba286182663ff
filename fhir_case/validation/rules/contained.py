"""Rules about contained resources, and about the text that each resource should have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.fhir.wire import mapping
from fhir_case.validation.check import Finding, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.validation.located import Located
    from fhir_case.validation.subject import Subject

__all__ = ["CONTAINED_RULES"]

_CONTAINED = "https://hl7.org/fhir/R4/references.html#contained"
_DOMAIN = "https://hl7.org/fhir/R4/domainresource.html#invs"

# These are not DomainResources, so they have no text.
_WITHOUT_TEXT = frozenset({"", "Binary", "Bundle", "Parameters"})


def _unless_contained(subject: Subject) -> str:
    return "" if any(True for _ in _contained(subject)) else "there is no contained resource"


def _contained(subject: Subject) -> Iterator[Located]:
    return (located for located in subject.resources if located.role == "contained")


@rule("dom-2", "Contained resources are not nested.", _DOMAIN, _unless_contained)
def _not_nested(subject: Subject) -> Iterator[Finding]:
    for located in _contained(subject):
        if "contained" in located.resource:
            yield Finding(located, "a contained resource contains no resources", tail=".contained")


@rule("dom-3", "A contained resource is referred to, or refers to its container.", _DOMAIN, _unless_contained)
def _is_used(subject: Subject) -> Iterator[Finding]:
    texts: dict[int, set[str]] = {}  # of what contains resources: it is searched once, however many they are
    for located in _contained(subject):
        key = id(located.parent)
        if key not in texts:
            texts[key] = _strings(located.parent.resource) if located.parent is not None else set()
        used = f"#{located.id}" in texts[key]
        if not used and "#" not in _strings(located.resource):
            message = f"nothing in the resource refers to '#{located.id}', so it can be left out"
            yield Finding(located, message)


def _strings(tree: object) -> set[str]:
    """Return all texts in a resource: canonical, uri and url elements point to contained resources as well."""
    found: set[str] = set()
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            found.add(node)
        elif isinstance(node, dict):
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node
    return found


@rule("dom-4", "A contained resource has no versionId and no lastUpdated.", _DOMAIN, _unless_contained)
def _no_version(subject: Subject) -> Iterator[Finding]:
    for located in _contained(subject):
        meta = mapping(located.resource.get("meta"))
        for name in ("versionId", "lastUpdated"):
            if name in meta:
                message = f"a contained resource has no {name}"
                yield Finding(located, message, node=meta, tail=f".{name}")


@rule("dom-5", "A contained resource has no security labels.", _DOMAIN, _unless_contained)
def _no_security(subject: Subject) -> Iterator[Finding]:
    for located in _contained(subject):
        meta = mapping(located.resource.get("meta"))
        if "security" in meta:
            message = "a contained resource has no security labels of its own"
            yield Finding(located, message, node=meta, tail=".security")


@rule("dom-6", "A resource should have a narrative.", _DOMAIN)
def _has_text(subject: Subject) -> Iterator[Finding]:
    for located in subject.resources:
        if located.role == "contained" or located.type in _WITHOUT_TEXT:
            continue
        if not mapping(located.resource.get("text")).get("div"):
            message = "there is no narrative, so that a person cannot read the resource without software for it"
            yield Finding(located, message, severity="warning", tail=".text", code="business-rule")


@rule("contained-id", "Contained resources have ids, each its own.", _CONTAINED, _unless_contained)
def _unique_ids(subject: Subject) -> Iterator[Finding]:
    seen: set[tuple[int, str]] = set()
    for located in _contained(subject):
        key = (id(located.parent), located.id)
        if not located.id:
            yield Finding(located, "a contained resource needs an id", tail=".id")
        elif key in seen:
            yield Finding(located, f"two contained resources have the id '{located.id}'", tail=".id")
        seen.add(key)


CONTAINED_RULES = (
    _not_nested,
    _is_used,
    _no_version,
    _no_security,
    _has_text,
    _unique_ids,
)

"""The differences that make an assertion fail, as text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fhir_case.fhir import wire
from fhir_case.fhir.compare import compare
from fhir_case.fhir.identifiers import identifiers_of
from fhir_case.server.redaction import without_secrets
from fhir_case.testing.resource import has_floats, resource_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fhir_case.fhir.compare import Difference
    from fhir_case.fhir.wire import Resource

__all__ = ["describe_differences"]

_TEXTS = {
    "added": "added by the server",
    "rewritten": "in another spelling",
    "precision": "the same number with other digits",
    "changed": "another value",
    "missing": "not stored",
    "unexpected": "was not sent",
    "unresolved": "a link that leads nowhere on the server",
    "duplicate": "stored more than once",
}
_LONGEST = 200
_BEFORE = 40  # characters of a long text that are shown before its first difference
_LISTED = 20


@dataclass(frozen=True, slots=True)
class _Rules:
    ignore: tuple[str, ...]
    places: Mapping[str, str]
    base_url: str
    strict: bool
    digits: bool

    def fails(self, difference: Difference) -> bool:
        """Whether a difference is a failure."""
        if self.strict:
            return True
        tolerated = {"added", "rewritten"} if self.digits else {"added", "rewritten", "precision"}
        return difference.kind not in tolerated

    def ignores(self, difference: Difference) -> bool:
        """Whether the element, or one above it, may differ."""
        kind, _, path = difference.path.partition(".")
        spellings = (path, re.sub(r"\[\d+\]", "", path))
        wanted = [each.removeprefix(f"{kind}.") for each in self.ignore]
        return any(f"{path}.".startswith((f"{each}.", f"{each}[")) for path in spellings for each in wanted)


def describe_differences(
    sent: object,
    stored: object,
    *,
    ignore: tuple[str, ...],
    places: Mapping[str, str],
    base_url: str,
    strict: bool,
) -> str:
    """
    Return how two resources, or two Bundles, differ; an empty text when they do not.

    Raises:
        BundleError: One of the two is not a resource.
    """
    rules = _Rules(ignore, places, base_url, strict, digits=not (has_floats(sent) or has_floats(stored)))
    before, after = resource_of(sent), resource_of(stored)
    if before["resourceType"] != after["resourceType"]:
        return f"{before['resourceType']} was sent, and this is {after['resourceType']}{_outcome(after)}"
    found = _bundles(before, after, rules) if before["resourceType"] == "Bundle" else [_one(before, after, rules)]
    return "\n".join(filter(None, found))


def _outcome(resource: Resource) -> str:
    """Return the text of an OperationOutcome; empty for another resource."""
    issues = resource.get("issue") if resource["resourceType"] == "OperationOutcome" else None
    texts = [str(each.get("diagnostics") or each.get("code")) for each in issues or () if isinstance(each, dict)]
    return f": {'; '.join(texts)}" if texts else ""


def _one(sent: Resource, stored: Resource, rules: _Rules) -> str:
    found = compare(sent, stored, locations=rules.places, base_url=rules.base_url)
    counting = [each for each in found if not rules.ignores(each)]
    failures = [each for each in counting if rules.fails(each)]
    if not failures:
        return ""
    number = "1 difference" if len(failures) == 1 else f"{len(failures)} differences"
    lines = [f"{_name(sent)} is not stored as it was sent, {number}:"]
    lines += [line for each in failures[:_LISTED] for line in _lines(each)]
    if len(failures) > _LISTED:
        lines.append(f"  … and {len(failures) - _LISTED} more")
    if harmless := [each.path.partition(".")[2] for each in counting if each not in failures]:
        lines.append(f"  not a failure, what servers add or rewrite: {', '.join(harmless[:_LISTED])}")
    return "\n".join(lines)


def _name(resource: Resource) -> str:
    resource_id = resource.get("id")
    return f"{resource['resourceType']}/{resource_id}" if resource_id else f"the {resource['resourceType']}"


def _lines(difference: Difference) -> Iterator[str]:
    yield f"  {difference.path}: {_TEXTS[difference.kind]}"
    sent, stored = _cut(_written(difference.sent), _written(difference.stored))
    if difference.sent is not None:
        yield f"    sent:   {sent}"
    if difference.stored is not None:
        yield f"    stored: {stored}"


def _written(value: Any) -> str:
    """Return a value as JSON without secrets: of one that is cut later, a part would not be known for it."""
    return "" if value is None else without_secrets(wire.dump(value).decode())


def _cut(sent: str, stored: str) -> tuple[str, str]:
    """Cut both so that the first sign in which they differ is seen."""
    same = next((at for at, (one, other) in enumerate(zip(sent, stored, strict=False)) if one != other), 0)
    start = max(0, same - _BEFORE) if max(len(sent), len(stored)) > _LONGEST else 0

    def cut(text: str) -> str:
        part = text[start : start + _LONGEST]
        return f"{'…' if start else ''}{part}{'…' if len(text) > start + _LONGEST else ''}"

    return cut(sent), cut(stored)


def _bundles(sent: Resource, stored: Resource, rules: _Rules) -> Iterator[str]:
    there = [resource for _, resource in _entries(stored)]
    by_name = {_name(each): each for each in there}
    by_identifier = {f"{each['resourceType']}?{token}": each for each in there for token in identifiers_of(each)}
    pairs: list[tuple[Resource, Resource | None]] = []
    places = dict(rules.places)
    for full_url, resource in _entries(sent):
        name = _name(resource)
        wanted = [rules.places.get(full_url), rules.places.get(name), name if resource.get("id") else None]
        keys = [f"{resource['resourceType']}?{token}" for token in identifiers_of(resource)]
        found = next((by_name[each] for each in wanted if each in by_name), None) or next(
            (by_identifier[each] for each in keys if each in by_identifier), None
        )
        pairs.append((resource, found))
        if found is not None:
            places |= {each: _name(found) for each in (full_url, name) if each}
    inner = _Rules(rules.ignore, places, rules.base_url, rules.strict, rules.digits)
    for resource, found in pairs:
        yield f"{_name(resource)} is not there" if found is None else _one(resource, found, inner)
    matched: Sequence[int] = [id(found) for _, found in pairs]
    for resource in there if rules.strict else ():
        if id(resource) not in matched:
            yield f"{_name(resource)} was not sent"


def _entries(bundle: Resource) -> Iterator[tuple[str, Resource]]:
    for entry in bundle.get("entry") or ():
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict) and isinstance(resource.get("resourceType"), str):
            yield str(entry.get("fullUrl") or ""), resource

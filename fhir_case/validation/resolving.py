"""Resolve references inside a document, and find which of its resources are connected."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from fhir_case.fhir.identity import is_logical_id
from fhir_case.fhir.references import RELATIVE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fhir_case.validation.located import Located

__all__ = ["Index", "Link", "Links", "Target", "connected", "find_links", "index"]

Kind = Literal["found", "contained", "urn", "relative", "absolute", "conditional", "malformed"]

_RELATIVE = re.compile(rf"(?:(?P<base>https?://\S+)/)?(?P<key>{RELATIVE})(?:/_history/(?P<version>\S+))?")


@dataclass(slots=True)  # to make a frozen one takes several times as long
class Target:
    """
    What a reference resolves to. Nothing changes it.

    Args:
        kind: ``found`` when it resolves; else the form of the reference.
        located: The resource that it points to, when found.
        outermost: The resource that this is a part of; mostly itself.
        opaque: Whether the reference does not show the type: ``#id`` and ``urn:``.
        guessed: Whether only type and id agree, while the fullUrl of the resource is another than the reference calls.
    """

    kind: Kind
    located: Located | None = None
    outermost: Located | None = None
    opaque: bool = False
    guessed: bool = False


@dataclass(slots=True)
class Link:
    """
    One reference and its target.

    Args:
        located: The resource that it is in.
        node: The Reference.
        reference: Its text.
        target: What it resolves to.
    """

    located: Located
    node: Mapping[str, Any]
    reference: str
    target: Target


@dataclass(frozen=True, slots=True)
class Links:
    """
    The references of a document by what can be wrong with them, which for most is nothing.

    Args:
        unresolved: Those whose target is not in the document.
        typed: Those that resolve, and have ``Reference.type``.
        opaque: Those that resolve, and whose text does not show the type of the target.
        guessed: Those for which there is a resource of the type and id, with another fullUrl.
        neighbours: The resources that each resource points to; those in a resource count as part of it.
    """

    unresolved: list[Link] = field(default_factory=list)
    typed: list[Link] = field(default_factory=list)
    opaque: list[Link] = field(default_factory=list)
    guessed: list[Link] = field(default_factory=list)
    neighbours: dict[Located, set[Located]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Index:
    """
    The resources of a document by what a reference can call them.

    Args:
        by_url: By the fullUrl of the entry.
        by_key: By ``Type/id``.
        contained: By the identity of the resource that contains it, and the id.
        resolved: Targets that were found already: by the base of the resource that the reference is in, and the
            reference.
    """

    by_url: Mapping[str, Located]
    by_key: Mapping[str, Located]
    contained: Mapping[tuple[int, str], Located]
    resolved: dict[str, dict[str, Target]] = field(default_factory=dict)

    def resolve(self, reference: str, origin: Located) -> Target:
        """Return the target of a reference in the resource `origin`."""
        if reference.startswith("#"):
            # A resource in Parameters contains its own; one that is contained refers to those beside it.
            container = origin.parent if origin.role == "contained" and origin.parent else origin
            if reference == "#":
                return _target("contained", container)
            return _target("contained", self.contained.get((id(container), reference[1:])))
        base = _base_of(_outermost(origin))
        return self.resolved_from(base).get(reference) or self.find(reference, base)

    def resolved_from(self, base: str) -> dict[str, Target]:
        """Return the targets that were found already for resources of one base."""
        return self.resolved.setdefault(base, {})

    def find(self, reference: str, base: str) -> Target:
        """Return the target of a reference that leaves its resource, and remember it."""
        target = self.resolved_from(base)[reference] = self._find(reference, base)
        return target

    def _find(self, reference: str, base: str) -> Target:
        if reference.startswith("urn:"):
            return _target("urn", self.by_url.get(reference))
        match = _RELATIVE.fullmatch(reference)
        if match is None:
            return _other(reference, self.by_url)
        outer, key, version = match.groups()
        if outer:
            return _target("absolute", self.by_url.get(f"{outer}/{key}"))
        if version and not is_logical_id(version):
            return Target("malformed")
        # The base of the fullUrl comes first, as the specification says; then any resource of that type and id.
        by_url = self.by_url.get(f"{base}/{key}")
        target = _target("relative", by_url or self.by_key.get(key))
        target.guessed = by_url is None and target.located is not None and target.located.full_url != ""
        return target


def _base_of(outermost: Located) -> str:
    """Return the base of a fullUrl that ends in ``Type/id``; empty when there is none."""
    url, tail = outermost.full_url, f"/{outermost.label}"
    return url[: -len(tail)] if url.endswith(tail) else ""


def _other(reference: str, by_url: Mapping[str, Located]) -> Target:
    if reference in by_url:
        return _target("found", by_url[reference])
    if re.match(r"[A-Z][A-Za-z]+\?\S+$", reference):
        return Target("conditional")
    return Target("absolute" if re.match(r"[a-z][a-z0-9+.-]*:\S+$", reference) else "malformed")


def _target(kind: Kind, located: Located | None) -> Target:
    if located is None:
        return Target(kind)
    return Target("found", located, _outermost(located), kind in ("contained", "urn"))


def index(resources: Iterable[Located]) -> Index:
    """Make the index of the resources of a document."""
    by_url: dict[str, Located] = {}
    by_key: dict[str, Located] = {}
    contained: dict[tuple[int, str], Located] = {}
    for located in resources:
        if located.role == "contained":
            contained.setdefault((id(located.parent), located.id), located)
            continue
        if located.full_url:
            by_url.setdefault(located.full_url, located)
        if located.id and located.type:
            by_key.setdefault(f"{located.type}/{located.id}", located)
    return Index(by_url, by_key, contained)


def find_links(references: Iterable[tuple[Located, Sequence[Mapping[str, Any]]]], at: Index) -> Links:
    """Return the literal references of some resources with their targets, by what can be wrong with them."""
    links = Links()
    for located, nodes in references:
        outermost = _outermost(located)
        base = _base_of(outermost)
        known = at.resolved_from(base)
        beside = links.neighbours.setdefault(outermost, set())
        for node in nodes:
            reference = node["reference"]
            if not isinstance(reference, str):
                continue
            target = known.get(reference)
            if target is None:
                within = reference.startswith("#")
                target = at.resolve(reference, located) if within else at.find(reference, base)
            if target.outermost is None:
                links.unresolved.append(Link(located, node, reference, target))
                continue
            beside.add(target.outermost)
            if "type" in node:
                links.typed.append(Link(located, node, reference, target))
            if target.opaque:
                links.opaque.append(Link(located, node, reference, target))
            elif target.guessed:
                links.guessed.append(Link(located, node, reference, target))
    return links


def connected(entries: Sequence[Located], links: Links) -> set[Located]:
    """Return the entries that are connected with a Patient by references, in either direction."""
    ahead = links.neighbours
    reached = {located for located in entries if located.type == "Patient"}
    patients = frozenset(reached)
    for located, others in ahead.items():  # mostly that is all
        if not patients.isdisjoint(others):
            reached.add(located)
            reached |= others
    if reached.issuperset(entries):
        return reached
    back: dict[Located, list[Located]] = {}
    for located, others in ahead.items():
        for other in others:
            back.setdefault(other, []).append(located)
    waiting = list(reached)
    while waiting:
        located = waiting.pop()
        new = ahead.get(located, set()).union(back.get(located, ())) - reached
        reached |= new
        waiting.extend(new)
    return reached


def _outermost(located: Located) -> Located:
    while located.role in ("contained", "inner") and located.parent is not None:
        located = located.parent
    return located

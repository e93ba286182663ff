"""Find what a reference points to inside a Bundle, and how its resources hang together."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_case.validation.subject import Located, Subject

__all__ = ["Index", "Target", "base_of", "connected", "index"]

Kind = Literal["found", "contained", "urn", "relative", "absolute", "conditional", "malformed"]

_RELATIVE = re.compile(r"(?:(?P<base>https?://\S+)/)?(?P<key>[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64})(?:/_history/\S+)?")


@dataclass(frozen=True, slots=True)
class Target:
    """
    Say what a reference is.

    Args:
        kind: ``found`` when it resolves; else of which form it is.
        located: What it points to, when found.
    """

    kind: Kind
    located: Located | None = None


@dataclass(frozen=True, slots=True)
class Index:
    """
    Hold the ways to find a resource.

    Args:
        by_url: By the fullUrl of its entry.
        by_key: By ``Type/id``.
        contained: By the identity of the resource that contains it, and the id.
    """

    by_url: Mapping[str, Located]
    by_key: Mapping[str, Located]
    contained: Mapping[tuple[int, str], Located]

    def resolve(self, reference: str, origin: Located) -> Target:
        """Find the target of a reference that stands in `origin`."""
        if reference.startswith("#"):
            holder = origin.owner if origin.role in ("contained", "inner") and origin.owner else origin
            if reference == "#":
                return Target("found", holder)
            return _target("contained", self.contained.get((id(holder), reference[1:])))
        if reference.startswith("urn:"):
            return _target("urn", self.by_url.get(reference))
        match = _RELATIVE.fullmatch(reference)
        if match is None:
            return _other(reference, self.by_url)
        if match["base"]:
            return _target("absolute", self.by_url.get(f"{match['base']}/{match['key']}"))
        return _target("relative", self._nearest(match["key"], origin))

    def _nearest(self, key: str, origin: Located) -> Located | None:
        """Take the base of the fullUrl first, as the specification says; then any resource of that type and id."""
        return self.by_url.get(f"{base_of(origin)}/{key}") or self.by_key.get(key)


def base_of(located: Located) -> str:
    """Give the base of a fullUrl that ends in ``Type/id``; empty when there is none."""
    url, tail = located.full_url, f"/{located.label}"
    return url[: -len(tail)] if url.endswith(tail) else ""


def _other(reference: str, by_url: Mapping[str, Located]) -> Target:
    if reference in by_url:
        return Target("found", by_url[reference])
    if re.match(r"[A-Z][A-Za-z]+\?\S+$", reference):
        return Target("conditional")
    return Target("absolute" if re.match(r"[a-z][a-z0-9+.-]*:\S+$", reference) else "malformed")


def _target(kind: Kind, located: Located | None) -> Target:
    return Target(kind) if located is None else Target("found", located)


def index(subject: Subject) -> Index:
    """Make the index of a subject."""
    by_url: dict[str, Located] = {}
    by_key: dict[str, Located] = {}
    contained: dict[tuple[int, str], Located] = {}
    for located in subject.resources:
        if located.role == "contained" and located.owner is not None:
            contained.setdefault((id(located.owner), located.id), located)
            continue
        if located.full_url:
            by_url.setdefault(located.full_url, located)
        if located.id and located.type:
            by_key.setdefault(f"{located.type}/{located.id}", located)
    return Index(by_url, by_key, contained)


def connected(subject: Subject) -> set[int]:
    """
    Find what hangs together with a Patient through references, whichever way they point.

    Returns:
        The identities (`id`) of the `Located` entries that can be reached.
    """
    neighbours: dict[int, set[int]] = {}
    for link in subject.links:
        if link.target.located is not None:
            here, there = id(_outermost(link.located)), id(_outermost(link.target.located))
            neighbours.setdefault(here, set()).add(there)
            neighbours.setdefault(there, set()).add(here)
    waiting = [id(located) for located in subject.entries if located.type == "Patient"]
    reached = set(waiting)
    while waiting:
        new = neighbours.get(waiting.pop(), set()) - reached
        reached |= new
        waiting.extend(new)
    return reached


def _outermost(located: Located) -> Located:
    while located.role in ("contained", "inner") and located.owner is not None:
        located = located.owner
    return located

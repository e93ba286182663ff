"""The codes of value sets, as far as the packages of FHIR list them."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["ValueSets"]


class ValueSets(NamedTuple):
    """
    Value sets and the code systems that they take their codes from.

    Args:
        value_sets: By URL.
        code_systems: By URL.
    """

    value_sets: dict[str, Any]
    code_systems: dict[str, Any]

    def expand(self, url: str, seen: frozenset[str]) -> set[tuple[str, str]] | None:
        """Return the (system, code) pairs of a value set; None when they cannot all be told from the package."""
        value_set = self.value_sets.get(url)
        if value_set is None or url in seen:
            return None
        compose = value_set.get("compose", {})
        found: set[tuple[str, str]] = set()
        for include in compose.get("include", []):
            part = self.include(include, seen | {url})
            if part is None:
                return None
            found |= part
        for exclude in compose.get("exclude", []):
            part = self.include(exclude, seen | {url})
            if part is None:
                return None
            found -= part
        return found or None

    def include(self, include: Any, seen: frozenset[str]) -> set[tuple[str, str]] | None:
        """Return the pairs of one include: those of its system, that are also in each of its value sets."""
        parts: list[set[tuple[str, str]]] = []
        for url in include.get("valueSet", []):
            part = self.expand(url.split("|")[0], seen)
            if part is None:
                return None
            parts.append(part)
        system = include.get("system")
        if system and "concept" in include:
            parts.append({(system, concept["code"]) for concept in include["concept"]})
        elif system:
            part = self.of_system(system, include.get("filter", []))
            if part is None:
                return None
            parts.append(part)
        return set.intersection(*parts) if parts else None

    def of_system(self, system: str, filters: list[Any]) -> set[tuple[str, str]] | None:
        """Return the codes of a code system that pass the filters."""
        code_system = self.code_systems.get(system)
        if code_system is None or code_system.get("content") != "complete":
            return None
        concepts = _flat(code_system.get("concept", []), ())
        for one in filters:
            if one["property"] in ("concept", "code") and one["op"] in ("is-a", "descendent-of", "is-not-a"):
                root, wanted = one["value"], one["op"] != "is-not-a"
                proper = one["op"] == "descendent-of"
                concepts = {
                    code: (concept, above)
                    for code, (concept, above) in concepts.items()
                    if (root in above or (code == root and not proper)) == wanted
                }
            elif one["op"] == "=":
                concepts = {c: pair for c, pair in concepts.items() if _has_property(pair[0], one)}
            else:
                return None
        return {(system, code) for code in concepts}


def _flat(concepts: list[Any], above: tuple[str, ...]) -> dict[str, tuple[Any, tuple[str, ...]]]:
    """Return each concept of a hierarchy with the codes above it, nested ones and those named by subsumedBy."""
    found: dict[str, tuple[Any, tuple[str, ...]]] = {}
    for concept in concepts:
        parents = [
            one["valueCode"]
            for one in concept.get("property", [])
            if one["code"] in ("subsumedBy", "parent", "subsumed-by")
        ]
        found[concept["code"]] = (concept, (*above, *parents))
        found.update(_flat(concept.get("concept", []), (*above, concept["code"])))
    return found


def _has_property(concept: Any, one: Any) -> bool:
    return any(
        have["code"] == one["property"]
        and str(next((v for k, v in have.items() if k != "code"), "")).lower() == one["value"]
        for have in concept.get("property", [])
    )

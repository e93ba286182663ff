"""Choose from a history the version of each resource that is the newest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.errors import BundleError
from fhir_case.fhir import wire
from fhir_case.fhir.references import location_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["newest"]

Numbered = tuple[int, Any]


def newest(entries: Sequence[Numbered]) -> tuple[list[Numbered], list[str]]:
    """
    Return the first entry of each resource, unless it says that it was deleted, and warnings about the others.

    A history has the newest version first; an entry that is malformed is given too, so that what reads it says so.

    Args:
        entries: Each with its number.

    Source: https://hl7.org/fhir/R4/http.html#history

    Raises:
        BundleError: The versions of a resource are in another order.
    """
    chosen: list[Numbered] = []
    seen: dict[str, int] = {}
    older = deleted = 0
    for number, entry in entries:
        name, version = _version_of(entry)
        if name and name in seen:
            if version > seen[name] >= 0:
                raise BundleError(
                    f"version {version} of {name} comes after version {seen[name]}: this history is not newest first",
                    where=f"Bundle.entry[{number}]",
                    hint="keep the version of each resource that shall be loaded, and make it a collection",
                )
            older += 1
            continue
        seen[name] = version
        if isinstance(entry, dict) and "resource" not in entry and name:
            deleted += 1
        else:
            chosen.append((number, entry))
    words = {"older versions of the same resource": older, "what was deleted in the end": deleted}
    return chosen, [f"left out of a history, {what}: {count}" for what, count in words.items() if count]


def _version_of(entry: object) -> tuple[str, int]:
    """Return ``Type/id`` and the number of the version; empty and -1 where the entry does not say."""
    parts = wire.mapping(entry)
    resource, request, response = (wire.mapping(parts.get(name)) for name in ("resource", "request", "response"))
    place = location_of(str(request.get("url") or ""))
    name = f"{resource.get('resourceType')}/{resource.get('id')}" if resource else place.reference if place else ""
    tag = str(response.get("etag") or "").removeprefix("W/").strip('"')
    version = str(wire.mapping(resource.get("meta")).get("versionId") or tag or (place.version if place else ""))
    return name, int(version) if version.isascii() and version.isdigit() else -1

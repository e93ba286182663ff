"""Keep every version of every resource, in memory. What is stored is never changed, so that a copy costs little."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from .distortions import distorted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.fhir.wire import Resource

    from .behaviour import Behaviour

__all__ = ["SOURCE_LENGTH", "Store", "Version"]

SOURCE_LENGTH = 17
"""So many characters of ``#`` and X-Request-ID are kept, as HAPI does."""


@dataclass(frozen=True, slots=True)
class Version:
    """
    One version of a resource.

    Args:
        kind: The resource type.
        id: The logical id.
        number: Counts the versions from 1.
        instant: When it was written.
        method: How: ``POST``, ``PUT``, ``PATCH`` or ``DELETE``.
        resource: None for the version that says that the resource is deleted.
    """

    kind: str
    id: str
    number: int
    instant: datetime
    method: str
    resource: Resource | None

    @property
    def name(self) -> str:
        """Return ``Type/id``."""
        return f"{self.kind}/{self.id}"

    @property
    def content(self) -> Resource:
        """Return the resource; empty when it is deleted."""
        return self.resource or {}


def written_instant(instant: datetime) -> str:
    """Write an instant as FHIR does, so finely that one tells what was written first."""
    return instant.isoformat(timespec="microseconds").replace("+00:00", "Z")


class Store:
    """The versions by type and id. Who uses it sees to it that only one does at a time."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._versions: dict[str, dict[str, tuple[Version, ...]]] = {}
        self._created = 0
        self._ids = 1000

    def copy(self) -> Store:
        """Return a store to try things in."""
        other = Store(self._behaviour)
        other.adopt(self)
        return other

    def adopt(self, other: Store) -> None:
        """Become as another store is."""
        self._versions = {kind: dict(by_id) for kind, by_id in other._versions.items()}
        self._created = other._created
        self._ids = other._ids

    def new_id(self) -> str:
        """Return an id that no resource has."""
        self._ids += 1
        return str(self._ids) if self._behaviour.has("counts-ids") else str(uuid4())

    def versions(self, kind: str, resource_id: str) -> tuple[Version, ...]:
        """Return all versions of a resource, the oldest first; none when there never was one."""
        return self._versions.get(kind, {}).get(resource_id, ())

    def latest(self, kind: str, resource_id: str) -> Version | None:
        """Return the last version, which may say that the resource is deleted; None when there never was one."""
        found = self.versions(kind, resource_id)
        return found[-1] if found else None

    def there(self, kind: str, resource_id: str) -> Version | None:
        """Return the last version of a resource that is not deleted."""
        found = self.latest(kind, resource_id)
        return found if found is not None and found.resource is not None else None

    def all(self, kind: str) -> Iterator[Version]:
        """Return the last version of each resource of a type that is not deleted, in the order of their creation."""
        return (found[-1] for found in self._versions.get(kind, {}).values() if found[-1].resource is not None)

    def everything(self) -> Iterator[Version]:
        """Return the last version of each resource that is not deleted."""
        return (version for kind in self._versions for version in self.all(kind))

    def write(self, kind: str, resource_id: str, resource: Resource, method: str, source: str = "") -> Version:
        """
        Store a new version of a resource; return it as it is stored.

        Args:
            source: The header X-Request-ID of the request.
        """
        version = Version(kind, resource_id, *self._next(kind, resource_id), method, None)
        if source and self._behaviour.has("keeps-request-id"):
            resource = {**resource, "meta": {**resource.get("meta", {}), "source": f"#{source}"[:SOURCE_LENGTH]}}
        version = replace(version, resource=_owned(version, distorted(resource, self._behaviour.faults)))
        if version.number == 1:
            self._created += 1
            if self._behaviour.has("loses-one-of-a-hundred") and self._created % 100 == 0:
                return version
        return self._put(version)

    def delete(self, kind: str, resource_id: str) -> Version:
        """Store a version that says that a resource is deleted."""
        return self._put(Version(kind, resource_id, *self._next(kind, resource_id), "DELETE", None))

    def amend(self, version: Version, resource: Resource) -> Version:
        """Store another content for a version that was just written."""
        amended = replace(version, resource=_owned(version, resource))
        found = self.versions(version.kind, version.id)
        if version in found:  # it is not, when it was lost
            self._versions[version.kind][version.id] = (*found[:-1], amended)
        return amended

    def restore(self, kind: str, resource_id: str, resource: Resource) -> None:
        """Store a resource just as it is, under the version that its meta names."""
        number = int(resource.get("meta", {}).get("versionId", 1))
        self._put(Version(kind, resource_id, number, datetime.now(UTC), "PUT", resource))

    def without_equal(self, version: Version) -> Version:
        """Take a version back that is equal to the one before it, where the server does so; return what is there."""
        found = self.versions(version.kind, version.id)
        if not self._behaviour.has("skips-equal-updates") or len(found) < 2 or found[-1] != version:
            return version
        before = found[-2]
        if before.resource is None or _compared(before.resource) != _compared(version.content):
            return version
        self._versions[version.kind][version.id] = found[:-1]
        return before

    def _next(self, kind: str, resource_id: str) -> tuple[int, datetime]:
        return len(self.versions(kind, resource_id)) + 1, datetime.now(UTC)

    def _put(self, version: Version) -> Version:
        by_id = self._versions.setdefault(version.kind, {})
        by_id[version.id] = (*by_id.get(version.id, ()), version)
        return version


def _compared(resource: Resource) -> Resource:
    """Return a resource without what is the server's."""
    own = ("versionId", "lastUpdated", "source")
    return {**resource, "meta": {name: each for name, each in resource["meta"].items() if name not in own}}


def _owned(version: Version, resource: Resource) -> Resource:
    """
    Write what is the server's into a resource; all else in meta stays.

    Source: https://hl7.org/fhir/R4/resource.html#Meta
    """
    own = {"versionId": str(version.number), "lastUpdated": written_instant(version.instant)}
    head = {"resourceType": version.kind, "id": version.id, "meta": {**resource.get("meta", {}), **own}}
    return {**head, **{name: value for name, value in resource.items() if name not in head}}

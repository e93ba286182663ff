"""
Read, create, update, patch and delete single resources, also under conditions.

Source: https://hl7.org/fhir/R4/http.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fhir_case.fhir.identity import is_logical_id

from .checking import checked, resource_of
from .elements import values
from .exchange import Refusal, target
from .patching import patched
from .query import read_query
from .search import find

if TYPE_CHECKING:
    from .behaviour import Behaviour
    from .exchange import Pairs
    from .storage import Store, Version

__all__ = ["Interactions"]

_SHORT_ID = 36
_SHORT_STRING = 500


class Interactions:
    """Act on a store; what is refused is raised as `Refusal`, and nothing is changed then."""

    def __init__(self, store: Store, behaviour: Behaviour, base_url: str, source: str = "") -> None:
        self._store = store
        self._behaviour = behaviour
        self._base_url = base_url
        self._source = source

    def read(self, kind: str, resource_id: str) -> Version:
        """Return the last version; 404 when there never was one, 410 when it was deleted."""
        return self._there(self._versions(kind, resource_id)[-1])

    def vread(self, kind: str, resource_id: str, number: str) -> Version:
        """Return one version; 404 when there is none, 410 when it is a deletion."""
        for version in self._versions(kind, resource_id):
            if str(version.number) == number:
                return self._there(version)
        raise Refusal(404, f"{kind}/{resource_id} has no version {number}")

    def history(self, kind: str, resource_id: str) -> list[Version]:
        """Return all versions, the last one first; 404 when there never was one."""
        found = self._versions(kind, resource_id)
        if self._behaviour.has("history-misses-version") and len(found) > 1:
            found = found[1:]
        return list(reversed(found))

    def create(self, kind: str, body: Any, criteria: str) -> tuple[int, Version]:
        """
        Create a resource, unless one meets the criteria; return 201 or 200, and the one that is there now.

        Args:
            criteria: Search parameters, also with the type before them; empty for none.

        Source: https://hl7.org/fhir/R4/http.html#ccreate
        """
        if criteria:
            _, _, query = criteria.rpartition("?")
            found = self.matches(kind, target(f"?{query}")[1])
            if len(found) > 1:
                raise _several(found, f"{kind}?{query}")
            if found:
                return 200, found[0]
        resource = {name: each for name, each in resource_of(body, kind).items() if name != "id"}
        return 201, self._write(kind, self._store.new_id(), resource, "POST")

    def update(self, kind: str, resource_id: str, body: Any, if_match: str) -> tuple[int, Version]:
        """
        Store a new version; return 201 when the resource was not there, else 200.

        Source: https://hl7.org/fhir/R4/http.html#update
        """
        if not is_logical_id(resource_id) and not self._behaviour.has("accepts-any-id"):
            raise Refusal(400, f"{resource_id} cannot be an id")
        if len(resource_id) > _SHORT_ID and self._behaviour.has("refuses-long-ids"):
            raise Refusal(400, f"{resource_id} is longer than {_SHORT_ID} characters")
        resource = resource_of(body, kind)
        if resource.get("id") != resource_id:
            raise Refusal(400, f"the id in the resource is {resource.get('id')}, and that of the URL {resource_id}")
        self._check_version(self._store.latest(kind, resource_id), if_match)
        is_there = self._store.there(kind, resource_id) is not None
        if not is_there and not self._behaviour.can("update-create"):
            raise Refusal(405, f"there is no {kind}/{resource_id}, and a client may not choose an id")
        if not is_there and resource_id.isdigit() and self._behaviour.has("refuses-numeric-ids"):
            raise Refusal(400, f"HAPI-0960: Can not create resource with ID[{kind}/{resource_id}], clients may only "
                          "assign IDs which contain at least one non-numeric character")  # fmt: skip
        return 200 if is_there else 201, self._write(kind, resource_id, resource, "PUT")

    def conditional_update(self, kind: str, pairs: Pairs, body: Any, if_match: str) -> tuple[int, Version]:
        """
        Update what meets the criteria, or create it.

        Source: https://hl7.org/fhir/R4/http.html#cond-update
        """
        resource = resource_of(body, kind)
        found = self.matches(kind, pairs)
        given = resource.get("id")
        if len(found) > 1:
            raise _several(found, kind)
        if found:
            if given not in (None, found[0].id):
                raise Refusal(400, f"the id in the resource is {given}, and {found[0].name} meets the criteria")
            return self.update(kind, found[0].id, {**resource, "id": found[0].id}, if_match)
        if given is None:
            self._check_version(None, if_match)
            return 201, self._write(kind, self._store.new_id(), resource, "PUT")
        if self._store.there(kind, str(given)):
            raise Refusal(409, f"{kind}/{given} is there and does not meet the criteria")
        return self.update(kind, str(given), resource, if_match)

    def patch(self, kind: str, resource_id: str, operations: Any, if_match: str) -> tuple[int, Version]:
        """
        Store what a JSON Patch makes of the last version.

        Source: https://hl7.org/fhir/R4/http.html#patch
        """
        before = self._there(self._versions(kind, resource_id)[-1])
        self._check_version(before, if_match)
        resource = patched(before.resource, operations)
        if not isinstance(resource, dict) or (resource.get("resourceType"), resource.get("id")) != (kind, resource_id):
            raise Refusal(422, "a patch may change neither the id nor the resource type", code="business-rule")
        if self._behaviour.has("patch-ignored"):
            checked(resource, self._behaviour)
            return 200, before
        return 200, self._write(kind, resource_id, resource, "PATCH")

    def conditional_patch(self, kind: str, pairs: Pairs, operations: Any, if_match: str) -> tuple[int, Version]:
        """Patch the one that meets the criteria; 404 when there is none."""
        found = self.matches(kind, pairs)
        if not found:
            raise Refusal(404, f"no {kind} meets the criteria")
        if len(found) > 1:
            raise _several(found, kind)
        return self.patch(kind, found[0].id, operations, if_match)

    def delete(self, kind: str, resource_id: str, if_match: str) -> Version | None:
        """
        Delete a resource; return the version that says so, None when there is nothing to delete.

        Source: https://hl7.org/fhir/R4/http.html#delete
        """
        self._check_version(self._store.latest(kind, resource_id), if_match)
        if self._store.there(kind, resource_id) is None:
            return None
        return self._store.delete(kind, resource_id)

    def conditional_delete(self, kind: str, pairs: Pairs, if_match: str) -> Version | None:
        """
        Delete the one that meets the criteria; 412 when there are several.

        Source: https://hl7.org/fhir/R4/http.html#3.1.0.7.1
        """
        found = self.matches(kind, pairs)
        if len(found) > 1:
            raise _several(found, kind)
        return self.delete(kind, found[0].id, if_match) if found else None

    def matches(self, kind: str, pairs: Pairs) -> list[Version]:
        """Return what meets criteria; criteria that the server does not know never meet everything."""
        query = read_query(kind, pairs, self._behaviour, base_url=self._base_url, strict=True)
        if not query.conditions:
            raise Refusal(412, "the criteria select nothing")
        return find(self._store, query, self._base_url)

    def _write(self, kind: str, resource_id: str, resource: Any, method: str) -> Version:
        resource = checked(resource, self._behaviour)
        if self._behaviour.has("breaks-on-long-strings") and any(
            len(str(each)) > _SHORT_STRING
            for path in ("identifier.value", "name.family")
            for each in values(resource, path)
        ):
            raise Refusal(500, "value too long for type character varying(500)")
        return self._store.without_equal(self._store.write(kind, resource_id, resource, method, self._source))

    def _versions(self, kind: str, resource_id: str) -> tuple[Version, ...]:
        found = self._store.versions(kind, resource_id)
        if not found:
            raise Refusal(404, f"there is no {kind}/{resource_id}")
        return found

    def _there(self, version: Version) -> Version:
        if version.resource is not None:
            return version
        if self._behaviour.has("read-after-delete-200"):
            return next(each for each in reversed(self._versions(version.kind, version.id)) if each.resource)
        raise Refusal(410, f"{version.name} was deleted")

    def _check_version(self, version: Version | None, if_match: str) -> None:
        # https://hl7.org/fhir/R4/http.html#concurrency
        if not if_match or not self._behaviour.can("versioned-update") or self._behaviour.has("ignores-if-match"):
            return
        wanted = re.fullmatch(r'(?:W/)?"([^"]*)"', if_match.strip())
        if wanted is None:
            raise Refusal(400, f'If-Match: {if_match}: must be a version such as W/"1"')
        if version is None or wanted[1] != str(version.number):
            if self._behaviour.has("version-conflict-409"):
                raise Refusal(409, f"HAPI-0989: Trying to update version {wanted[1]}, which is not the current version")
            there = f"version {version.number}" if version else "nothing"
            raise Refusal(412, f"version {wanted[1]} was to be changed, and {there} is there")


def _several(found: list[Version], where: str) -> Refusal:
    names = ", ".join(version.name for version in found[:5])
    return Refusal(412, f"{len(found)} resources meet the criteria of {where}: {names}", code="multiple-matches")

"""The logical id, the business identifier and the label of each resource, which says that it is test data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.errors import MappingError
from fhir_case.fhir.datatypes import TEST_DATA
from fhir_case.fhir.identity import identifier, is_logical_id, logical_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fhir_case.fhir.wire import Resource

__all__ = ["business_key", "id_of", "named"]


def business_key(resource: Resource) -> str:
    """Return ``Type/key`` of a resource as the mappings give it, ``Type/id`` once it is named."""
    return f"{resource['resourceType']}/{resource['id']}"


def named(resource: Resource, namespace: str, known: set[str], security: Sequence[Resource] = (TEST_DATA,)) -> Resource:
    """Return a resource its id, identifier and label, and turn keys into ids in its references."""
    kind, key = resource["resourceType"], resource["id"]
    new_id = logical_id(namespace, key)
    if not is_logical_id(new_id):
        raise MappingError(
            f"the id '{new_id}' is not allowed: at most 64 letters, digits, hyphens and points",
            hint="shorten the key of the entry, or the namespace",
        )
    own = identifier(kind, namespace, key)
    given = resource.get("identifier")
    if given is not None and own and isinstance(own["identifier"], list):
        if not isinstance(given, list):
            raise MappingError(f"the identifier of {kind} '{key}' is not a list", hint="write [{…}]")
        own = {"identifier": [*own["identifier"], *given]}
    elif given is not None:
        own = {"identifier": given}
    rest = {
        name: value
        for name, value in resource.items()
        if name not in {"resourceType", "id", "meta", "text", "identifier"}
    }
    return {
        "resourceType": kind,
        "id": new_id,
        **_meta(resource, security),
        **({"text": resource["text"]} if "text" in resource else {}),
        **own,
        **{name: _with_ids(value, namespace, known) for name, value in rest.items()},
    }


def _meta(resource: Resource, security: Sequence[Resource]) -> dict[str, Any]:
    meta = {**resource.get("meta", {}), **({"security": [*security]} if security else {})}
    return {"meta": meta} if meta else {}


def _with_ids(value: Any, namespace: str, known: set[str]) -> Any:
    if isinstance(value, list):
        return [one if one.__class__ is str else _with_ids(one, namespace, known) for one in value]
    if not isinstance(value, dict):
        return value
    changed = {
        name: part if part.__class__ is str else _with_ids(part, namespace, known) for name, part in value.items()
    }
    target = value.get("reference")
    if isinstance(target, str) and target in known:
        changed["reference"] = id_of(target, namespace)
    return changed


def id_of(name: str, namespace: str) -> str:
    """Return ``Type/id`` for ``Type/key``."""
    kind, _, key = name.partition("/")
    return f"{kind}/{logical_id(namespace, key)}"

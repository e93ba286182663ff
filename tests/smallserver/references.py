"""Referential integrity in Bundles, as HAPI FHIR enforces it: nothing refers to what is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .elements import local_name, references
from .exchange import Refusal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from .behaviour import Behaviour
    from .exchange import Request
    from .storage import Store, Version

__all__ = ["PLACEHOLDER", "check_deleted", "check_targets"]

PLACEHOLDER = {"url": "http://hapifhir.io/fhir/StructureDefinition/resource-placeholder", "valueBoolean": True}


def check_deleted(store: Store, deleted: Collection[str]) -> None:
    """
    Refuse to delete what is still referred to.

    Args:
        deleted: ``Type/id`` of what was just deleted.

    Raises:
        Refusal: A resource that is still there refers to one of them.
    """
    for version in store.everything() if deleted else ():
        for reference in references(version.content, primitives=False):
            if reference in deleted:
                raise Refusal(
                    409,
                    f"HAPI-0550: Unable to delete {reference} because at least one resource has a reference to this "
                    f"resource. First reference found was resource {version.name}",
                )


def check_targets(store: Store, behaviour: Behaviour, written: Iterable[Version], request: Request) -> None:
    """
    Refuse, or make placeholders for, references to what is not there.

    Raises:
        Refusal: One that was written refers to what is not there.
    """
    for version in written:
        for reference in references(version.content, primitives=False):
            kind, resource_id = local_name(reference, request.base_url)
            if not kind or store.there(kind, resource_id):
                continue
            if not behaviour.has("makes-placeholders"):
                raise Refusal(
                    400, f"HAPI-1094: Resource {reference} not found, specified in path: {version.name}"
                )  # fmt: skip
            placeholder = {"resourceType": kind, "extension": [PLACEHOLDER]}
            store.write(kind, resource_id, placeholder, "PUT", request.headers.get("x-request-id", ""))

"""What is loaded into the servers: cases, built for each, and other Bundles, moved into a namespace."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from fhir_case.errors import BundleError
from fhir_case.fhir.identity import is_logical_id, logical_id
from fhir_case.fhir.references import rewritten

if TYPE_CHECKING:
    from collections.abc import Callable

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["Input", "bundle_input", "case_input", "in_namespace"]


@dataclass(frozen=True, slots=True)
class Input:
    """
    Something to load.

    Args:
        name: What reports call it.
        bundle: Makes the Bundle for a release of FHIR and a namespace; it raises FhirCaseError where it cannot.
        all_ours: Whether also the identifiers are of the namespace, so that nothing of it can be on the server before.
    """

    name: str
    bundle: Callable[[str, str], Resource]
    all_ours: bool = False

    def own_name(self, resource: str, namespace: str) -> str:
        """Return ``Type/id`` of a resource without the namespace, so that two runs call it the same."""
        kind, _, resource_id = resource.partition("/")
        return f"{kind}/{resource_id.removeprefix(logical_id(namespace, ''))}"


def case_input(name: str, case: Case) -> Input:
    """Return a case, which is built for the release of each server."""

    def built(release: str, namespace: str) -> Resource:
        from fhir_case.bundle import build_bundle

        if release not in ("R4", "R5"):
            raise BundleError(f"cases are built in R4 and R5, and the server speaks {release}")
        return build_bundle(case, namespace=namespace, fhir="R5" if release == "R5" else "R4")

    return Input(name, built, all_ours=True)


def bundle_input(name: str, bundle: Resource, fhir: str) -> Input:
    """
    Return a Bundle; the same ids begin with the namespace on each server.

    Args:
        fhir: The release in which it is written; empty where it goes to servers of any release.
    """

    def moved(release: str, namespace: str) -> Resource:
        if fhir and release != fhir:
            raise BundleError(f"the Bundle is written in {fhir}, and the server speaks {release}")
        return in_namespace(bundle, namespace)

    return Input(name, moved)


def in_namespace(bundle: Resource, namespace: str) -> Resource:
    """Return a Bundle whose ids begin with a namespace, in the resources and wherever something refers to them."""
    entries = [each for each in bundle.get("entry") or [] if isinstance(each, dict)]
    moved: dict[str, str] = {}
    for entry in entries:
        resource = entry.get("resource")
        if isinstance(resource, dict) and isinstance(resource.get("id"), str):
            kind, old = str(resource.get("resourceType")), resource["id"]
            moved[f"{kind}/{old}"] = f"{kind}/{_moved_id(namespace, old)}"
    for entry in entries:
        full_url = entry.get("fullUrl")
        if isinstance(full_url, str) and (new := _moved_url(full_url, moved)):
            moved[full_url] = new
    return {**bundle, "entry": [_moved_entry(entry, moved) for entry in entries]}


def _moved_id(namespace: str, old: str) -> str:
    new = logical_id(namespace, old)
    if is_logical_id(new):
        return new
    # Long ids are cut, with something of the whole, so that two that begin alike stay two.
    mark = sha256(old.encode()).hexdigest()[:8]
    return logical_id(namespace, f"{old[: 64 - len(namespace) - 2 - len(mark)]}-{mark}")


def _moved_url(url: str, moved: dict[str, str]) -> str:
    head, _, resource_id = url.rpartition("/")
    base, _, kind = head.rpartition("/")
    new = moved.get(f"{kind}/{resource_id}", "")
    return f"{base}/{new}" if new and base else ""


def _moved_entry(entry: dict[str, Any], moved: dict[str, str]) -> dict[str, Any]:
    changed: dict[str, Any] = rewritten(entry, lambda text: moved.get(text, text))
    if isinstance(changed.get("fullUrl"), str):
        changed["fullUrl"] = moved.get(changed["fullUrl"], changed["fullUrl"])
    resource = changed.get("resource")
    if isinstance(resource, dict) and isinstance(resource.get("id"), str):
        place = moved[f"{resource.get('resourceType')}/{resource['id']}"]
        changed["resource"] = {**resource, "id": place.partition("/")[2]}
    return changed

"""
Write the versions of a resource as a Bundle.

Source: https://hl7.org/fhir/R4/http.html#history
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .storage import written_instant

if TYPE_CHECKING:
    from fhir_case.fhir.wire import Resource

    from .storage import Version

__all__ = ["history_bundle"]


def history_bundle(versions: list[Version], base_url: str) -> Resource:
    """Return the history of one resource; the versions come in the order in which they are to be."""
    return {
        "resourceType": "Bundle",
        "type": "history",
        "total": len(versions),
        "link": [{"relation": "self", "url": f"{base_url}/{versions[0].name}/_history"}],
        "entry": [_entry(version, base_url) for version in versions],
    }


def _entry(version: Version, base_url: str) -> dict[str, Any]:
    deleted = version.resource is None
    status = "204 No Content" if deleted else "201 Created" if version.number == 1 else "200 OK"
    return {
        "fullUrl": f"{base_url}/{version.name}",
        **({} if deleted else {"resource": version.resource}),
        "request": {"method": version.method, "url": version.kind if version.method == "POST" else version.name},
        "response": {
            "status": status,
            "etag": f'W/"{version.number}"',
            "lastModified": written_instant(version.instant),
        },
    }

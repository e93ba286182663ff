"""Put the answer about one version together: its headers, and as much of it as is preferred."""

from __future__ import annotations

from email.utils import format_datetime
from typing import TYPE_CHECKING

from .exchange import Reply, outcome

if TYPE_CHECKING:
    from fhir_case.fhir.wire import Resource

    from .behaviour import Behaviour
    from .exchange import Request
    from .storage import Version

__all__ = ["headers_of", "said", "written"]


def headers_of(behaviour: Behaviour, version: Version) -> dict[str, str]:
    """
    Return the headers that tell a version.

    Source: https://hl7.org/fhir/R4/http.html#versioning
    """
    found = {"Last-Modified": format_datetime(version.instant, usegmt=True)}
    if not behaviour.has("no-etag"):
        found["ETag"] = f'W/"{1 if behaviour.has("wrong-etag") else version.number}"'
    return found


def written(behaviour: Behaviour, request: Request, status: int, version: Version) -> Reply:
    """
    Answer a create, an update or a patch.

    Source: https://hl7.org/fhir/R4/http.html#ops
    """
    headers = headers_of(behaviour, version)
    if request.method == "POST" or status == 201:
        headers["Location"] = f"{request.base_url}/{version.name}/_history/{version.number}"
    body = {"minimal": None, "OperationOutcome": said(f"version {version.number} is stored")}
    return Reply(status, body.get(request.prefers("return"), version.resource), headers, version)


def said(text: str) -> Resource:
    """Return an OperationOutcome that only tells something."""
    return outcome([{"severity": "information", "code": "informational", "diagnostics": text}])

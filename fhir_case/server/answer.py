"""The successful answer of a server, and the resource in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fhir_case.errors import ServerError
from fhir_case.fhir import wire
from fhir_case.fhir.references import location_of
from fhir_case.server.outcome import page_text
from fhir_case.server.redaction import holds_secret, without_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping, Sequence

    import requests

    from fhir_case.fhir.wire import Resource

__all__ = ["NO_FHIR", "Answer", "resource_of", "without_places"]

NO_FHIR = "no FHIR in the answer"
"""The cause of an error for an answer that is no resource."""

_PLACES = ("Content-Location", "ETag", "Location")


@dataclass(frozen=True, slots=True)
class Answer:
    """
    A successful answer of a server.

    Args:
        status: The HTTP status, 200 to 299.
        body: The resource; None when the answer is empty.
        headers: The headers; their names are case-insensitive.
    """

    status: int
    body: Resource | None
    headers: Mapping[str, str] = field(default_factory=dict)


def resource_of(response: requests.Response, where: str, secrets: Sequence[str], *, exact: bool) -> Resource | None:
    """
    Return the resource of an answer; None when it is empty.

    Args:
        secrets: What the server may repeat of our credentials: it is hidden in the outcomes of a Bundle.
        exact: Whether the decimals matter; without them it is read in a quarter of the time.

    Raises:
        ServerError: There is something else in it.
    """
    if not response.content.strip():
        return None
    try:
        body = wire.parse_foreign(response.content, exact=exact)
    except ValueError:
        body = None
    if isinstance(body, dict) and isinstance(body.get("resourceType"), str):
        _hide_in_outcomes(body, secrets)
        return body
    kind = response.headers.get("Content-Type", "").partition(";")[0] or "something without a type"
    shown = page_text(kind, secrets)
    raise ServerError(
        f"what answers is not a FHIR server: HTTP {response.status_code} with {shown}, not a FHIR resource",
        where=where,
        hint="check the base URL",
        status=response.status_code,
        perhaps_done=response.request.method not in ("GET", "HEAD"),
        cause=NO_FHIR,
    )


def without_places(headers: MutableMapping[str, str]) -> Mapping[str, str]:
    """Return headers without a place or a version that repeats a secret: it would be kept in the journal."""
    for name in _PLACES:
        if _repeats_secret(headers.get(name)):
            del headers[name]
    return headers


def _repeats_secret(place: object) -> bool:
    """Whether a version, or the id in a location, holds a secret; the address before the id is our own."""
    text = str(place or "")
    location = location_of(text)
    return holds_secret(f"{location.reference.partition('/')[2]} {location.version}" if location else text)


def _hide_in_outcomes(bundle: Resource, secrets: Sequence[str]) -> None:
    """Hide secrets in what the entries say of themselves; the resources stay as they are."""
    for entry in wire.objects(bundle.get("entry")) if secrets else ():
        response = entry.get("response")
        if not isinstance(response, dict):
            continue
        for name in ("etag", "location"):
            if _repeats_secret(response.get(name)):
                del response[name]
        if "outcome" in response:
            text = without_secrets(wire.dump(response["outcome"]).decode(), secrets)
            try:
                response["outcome"] = wire.parse(text)
            except ValueError:  # a secret such as 1234 was a number in it
                del response["outcome"]

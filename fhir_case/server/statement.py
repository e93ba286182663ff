"""Make sure that a FHIR server is there before anything is sent to it: that it has a CapabilityStatement."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fhir_case.errors import FhirCaseError, RejectedError, ServerError
from fhir_case.server.answer import NO_FHIR
from fhir_case.server.capabilities import UNKNOWN
from fhir_case.server.client import Client
from fhir_case.server.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.server.capabilities import Capabilities

__all__ = ["capabilities_of", "no_statement", "refuse_without_statement"]

_PATHS = ("fhir", "baseR4", "baseR5", "r4", "R4", "r5", "fhir/R4", "fhir/r4", "hapi-fhir/fhir", "api/fhir", "base")
_PATHS_OF_PRODUCTS = ("fhir-server/api/v4", "openmrs/ws/fhir2/R4", "fhir/r5", "hapi/fhir")
_TIMEOUT_S = (3.0, 10.0)


def capabilities_of(client: Client) -> Capabilities:
    """
    Return what a server can do; `UNKNOWN` where it has no CapabilityStatement, so that nothing must be sent to it.

    Raises:
        ServerError: The server was not reached, is overloaded, or is not a FHIR server.
    """
    try:
        return client.capabilities()
    except ServerError as error:
        if error.cause != NO_FHIR:
            raise
        raise ServerError(
            error.message, where=error.where, hint=_hint(client), status=error.status, again=False, cause=error.cause
        ) from None


def refuse_without_statement(client: Client) -> None:
    """
    Refuse to send anything to a server without a CapabilityStatement.

    Raises:
        FhirCaseError: It has none; or it was not reached.
    """
    if capabilities_of(client) is UNKNOWN:
        raise no_statement(client)


def no_statement(client: Client) -> FhirCaseError:
    """Return the error for a server without a CapabilityStatement; its hint names an address nearby that has one."""
    where = f"GET {client.base_url}/metadata"
    try:
        body = client.request("GET", "metadata").body or {}
        reason = f"it is a resource of the type {body.get('resourceType', 'none')}"
    except RejectedError as error:
        if error.status in (401, 403):
            return error
        reason = error.message
    except FhirCaseError as error:
        return error
    return RejectedError(
        f"there is no CapabilityStatement: this is not a FHIR server, and nothing is sent: {reason}",
        where=where,
        hint=_hint(client),
    )


def _hint(client: Client) -> str:
    found = _nearby(client)
    return f"{found} has a CapabilityStatement: use that as base URL" if found else "check the base URL"


def _nearby(client: Client) -> str:
    """Return an address on the same server that has a CapabilityStatement; it is asked by GET, without credentials."""
    connection = Connection(certificates=client.certificates)
    for url in _addresses(client.base_url):
        with Client(url, timeout_s=_TIMEOUT_S, connection=connection) as other:
            try:
                if other.capabilities() is not UNKNOWN:
                    return url
            except ServerError as error:
                if not error.status:  # nobody answers any more
                    return ""
            except FhirCaseError:
                continue
    return ""


def _addresses(base_url: str) -> Iterator[str]:
    """Return where the base URL may be meant to lead: further down, then further up, then beside it."""
    parts = urlsplit(base_url)
    root = f"{parts.scheme}://{parts.netloc}"
    steps = [step for step in parts.path.split("/") if step]
    below = [f"{base_url}/{path}" for path in (*_PATHS, *_PATHS_OF_PRODUCTS)]
    above = [f"{root}/{'/'.join(steps[:count])}".rstrip("/") for count in range(len(steps) - 1, -1, -1)]
    beside = [f"{root}/{path}" for path in _PATHS] if steps else []
    yield from (url for url in dict.fromkeys((*below, *above, *beside)) if url != base_url)

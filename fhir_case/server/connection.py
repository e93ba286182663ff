"""How to reach a FHIR server: who asks, what each request carries, and which certificates count."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fhir_case.errors import RejectedError, ServerError
from fhir_case.http.address import is_loopback, origin
from fhir_case.http.limits import Limits
from fhir_case.server.certificates import Certificates
from fhir_case.server.guard import refuse_plain_http
from fhir_case.server.redaction import hide, secrets_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import requests

    from fhir_case.server.auth.access import Access
    from fhir_case.server.auth.schemes import Authenticator

__all__ = ["Connection", "connect", "prepared_session"]

_CONNECTS_S, _TOKEN_ENDPOINT_ANSWERS_S = 10.0, 30.0


@dataclass(frozen=True, slots=True)
class Connection:
    """
    What the requests to one FHIR server need. Its repr does not show the secrets.

    Args:
        auth: Signs the requests; None: nobody signs in.
        headers: Further headers, treated as secrets.
        certificates: Which to trust and which to show.
        limits: How much of each response is read at most.
        plain_json: Set once the server has refused ``application/fhir+json`` and taken ``application/json``.

    Raises:
        ServerError: A header has a character that HTTP does not allow. Its value is not repeated.
    """

    auth: Authenticator | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    certificates: Certificates = field(default_factory=Certificates)
    limits: Limits = field(default_factory=Limits)
    plain_json: Event = field(default_factory=Event, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, value in self.headers.items():
            if not (name + value).isascii() or not (name + value).isprintable():
                raise ServerError(f"the header {name!r} has a character that HTTP does not allow")
        hide(*secrets_of(self.headers, self.headers))

    @property
    def has_credentials(self) -> bool:
        """Whether anything of it must not be sent to another server."""
        return self.auth is not None or bool(self.headers) or self.certificates.client_certificate is not None


def connect(
    base_url: str,
    access: Access,
    *,
    timeout_s: float,
    limits: Limits | None = None,
    clock: Callable[[], float] = time.time,
) -> Connection:
    """
    Return the connection to a server. No token is fetched yet.

    Args:
        timeout_s: The seconds to wait for an answer, also for that of a token endpoint.
        limits: How much of each response is read at most; those of a token endpoint have their own.
        clock: Returns the seconds since 1970.

    Raises:
        ServerError: Something cannot be used. No secret is repeated.
        CheckerError: authlib is needed, and not installed.
    """
    from fhir_case.server.auth.access import authenticator
    from fhir_case.server.auth.token_endpoint import Transport

    if access.kind != "none" and any(name.lower() == "authorization" for name in access.headers):
        raise ServerError(
            f"a header Authorization and {access.kind} both sign in",
            hint="keep one of them; signing in by none leaves the header",
        )
    access.certificates.check()
    timeouts = (min(_CONNECTS_S, timeout_s), min(_TOKEN_ENDPOINT_ANSWERS_S, timeout_s))
    auth = authenticator(base_url, access, Transport(timeouts, access.certificates), clock)
    made = Connection(auth, dict(access.headers), access.certificates, limits or Limits())
    refuse_plain_http(base_url, made.has_credentials)
    return made


def prepared_session(connection: Connection, base_url: str) -> requests.Session:
    """
    Return a session that speaks to one FHIR server.

    It follows no redirect to plain http on another server: whoever is on the way could answer in its place. Where the
    connection has credentials, the session sends nothing to another scheme, host or port, and follows no redirect there
    at all: it raises RejectedError for the redirect, and ServerError for a request.

    Raises:
        ServerError: Credentials would go over plain http to another machine.
    """
    from fhir_case.http.session import Session

    refuse_plain_http(base_url, connection.has_credentials)
    home, certificates = origin(base_url), connection.certificates.options()

    class OneServer(Session):
        def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
            if connection.has_credentials and origin(str(request.url)) != home:
                raise ServerError(
                    "the request would take credentials to another server",
                    where=f"{request.method} {str(request.url).partition('?')[0]}",
                    hint="use its address as base URL",
                )
            return super().prepare_request(request)

        def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
            super().rebuild_auth(prepared_request, response)
            target = str(prepared_request.url)
            if origin(target) == home:
                return
            among_loopback = is_loopback(str(response.url)) and is_loopback(target)
            open_wire = urlsplit(target).scheme != "https" and not among_loopback
            if connection.has_credentials or open_wire:
                host = urlsplit(target).netloc.rpartition("@")[2]
                reason = "gets no credentials" if connection.has_credentials else "is reached by plain http"
                raise RejectedError(
                    f"HTTP {response.status_code}: the server redirects to {urlsplit(target).scheme}://{host}, "
                    f"another server, which {reason}",
                    where=f"{response.request.method} {str(response.url).partition('?')[0]}",
                    hint="use the new address as base URL if it is to be trusted",
                    status=response.status_code,
                )

        def merge_environment_settings(
            self, url: str | bytes | None, proxies: Any, stream: Any, verify: Any, cert: Any
        ) -> Any:
            # requests would let REQUESTS_CA_BUNDLE win over the certificates of the session.
            chosen = certificates["verify"] if verify is None else verify
            return super().merge_environment_settings(url, proxies, stream, chosen, cert)

    session = OneServer(connection.limits)
    if connection.auth is not None:
        session.auth = connection.auth
    session.headers.update(connection.headers)
    session.cert = certificates["cert"]
    return session

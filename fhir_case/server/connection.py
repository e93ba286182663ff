"""How to reach a FHIR server: who asks, what each request carries, and which certificates count."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fhir_case.errors import RejectedError, ServerError
from fhir_case.server.auth.oauth2 import Transport, transport_options
from fhir_case.server.guard import origin, refuse_plain_http

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import requests

    from fhir_case.server.auth.schemes import Authenticator

__all__ = ["Connection", "check_certificates", "prepared_session"]


@dataclass(frozen=True, slots=True)
class Connection:
    """
    What the requests to one FHIR server need. Its repr does not show the secrets.

    Args:
        auth: Signs the requests; None: nobody signs in.
        headers: Further headers, taken for secrets.
        ca_file: The certificates to trust, PEM; None: those that requests trusts.
        client_certificate: The certificate that we show, PEM.
        client_key: Its key, PEM, where it is not in the same file.
    """

    auth: Authenticator | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    ca_file: Path | None = None
    client_certificate: Path | None = None
    client_key: Path | None = None

    @property
    def has_credentials(self) -> bool:
        """Whether anything of it must not be sent to another server."""
        return self.auth is not None or bool(self.headers) or self.client_certificate is not None


def check_certificates(
    *, ca_file: Path | None = None, client_certificate: Path | None = None, client_key: Path | None = None
) -> None:
    """
    Load the certificates once: a key with a password would make OpenSSL ask for it on the terminal later on.

    Raises:
        ServerError: A file cannot be read, holds no certificate or key, or key and certificate do not belong together.
    """
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ValueError):  # ssl.SSLError is an OSError
            raise ServerError("it holds no certificates", where=str(ca_file), hint="write them as PEM") from None
    if client_certificate is not None:
        try:
            context.load_cert_chain(client_certificate, client_key, password="")
        except (OSError, ValueError):
            raise ServerError(
                "client certificate and key cannot be used",
                where=str(client_certificate),
                hint="write both as PEM, the key without a password, and check that they belong together",
            ) from None


def prepared_session(connection: Connection, base_url: str) -> requests.Session:
    """
    Return a session that speaks to one FHIR server.

    Where the connection has credentials, the session sends nothing to another scheme, host or port, and follows no
    redirect there: it raises RejectedError for the redirect, and ServerError for a request.

    Raises:
        ServerError: Credentials would go over plain http to another machine.
    """
    import requests

    refuse_plain_http(base_url, connection.has_credentials)
    home = origin(base_url)

    class OneServer(requests.Session):
        def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
            if connection.has_credentials and origin(str(request.url)) != home:
                raise ServerError(
                    "the request would take credentials to another server",
                    where=f"{request.method} {str(request.url).partition('?')[0]}",
                    hint="give its address as base URL",
                )
            return super().prepare_request(request)

        def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
            # requests would only drop Authorization, and then look for other credentials in ~/.netrc.
            target = str(prepared_request.url)
            if origin(target) == home:
                return
            prepared_request.headers.pop("Authorization", None)
            if connection.has_credentials:
                host = urlsplit(target).netloc.rpartition("@")[2]
                raise RejectedError(
                    f"HTTP {response.status_code}: the server sends us on to {urlsplit(target).scheme}://{host}, "
                    "another server, which gets no credentials",
                    where=f"{response.request.method} {str(response.url).partition('?')[0]}",
                    hint="give the new address as base URL if it is to be trusted",
                    status=response.status_code,
                )

        def merge_environment_settings(
            self, url: str | bytes | None, proxies: Any, stream: Any, verify: Any, cert: Any
        ) -> Any:
            # requests would let REQUESTS_CA_BUNDLE win over the certificates of the session.
            chosen = str(connection.ca_file) if verify is None and connection.ca_file is not None else verify
            return super().merge_environment_settings(url, proxies, stream, chosen, cert)

    session = OneServer()
    session.auth = connection.auth or (lambda request: request)  # with None requests would look into ~/.netrc
    session.headers.update(connection.headers)
    session.cert = transport_options(
        Transport(client_certificate=connection.client_certificate, client_key=connection.client_key)
    )["cert"]
    return session

"""Who asks a server and how it is reached, as options or ``servers.toml`` say."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fhir_case.server.auth import schemes
from fhir_case.server.certificates import Certificates

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fhir_case.server.auth.schemes import Authenticator
    from fhir_case.server.auth.token_endpoint import Transport

__all__ = ["Access", "authenticator"]


@dataclass(frozen=True, slots=True)
class Access:
    """
    Who asks and how a server is reached. Its repr does not show the secrets.

    Args:
        kind: The sign-in method, a key of `METHODS`.
        values: Its settings by name; nothing that it needs is missing.
        headers: Further headers, treated as secrets.
        certificates: Which to trust and which to show.
    """

    kind: str = "none"
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    certificates: Certificates = field(default_factory=Certificates)


def authenticator(
    base_url: str, access: Access, transport: Transport, clock: Callable[[], float]
) -> Authenticator | None:
    """
    Return what signs the requests to a server; None where nobody signs in.

    Args:
        transport: How a token endpoint is reached.
        clock: Returns the seconds since 1970.

    Raises:
        ServerError: A setting cannot be used. No secret is repeated.
        CheckerError: authlib is needed, and not installed.
    """
    values = access.values
    if access.kind == "none":
        return None
    if access.kind in ("basic", "netrc"):
        user, password = schemes.of_netrc(base_url) if access.kind == "netrc" else (values["user"], values["password"])
        return schemes.basic(user, password, clock=clock)
    if access.kind == "bearer":
        if file := values.get("token_file"):
            return schemes.bearer_file(Path(file), clock=clock)
        return schemes.bearer(values["token"], clock=clock)
    from fhir_case.server.auth import oauth2

    if access.kind == "oauth2":
        return oauth2.client_credentials(
            values["token_url"],
            values["client_id"],
            values["client_secret"],
            scope=values.get("scope", ""),
            transport=transport,
            clock=clock,
        )
    return oauth2.backend_service(
        base_url,
        values["client_id"],
        Path(values["private_key_file"]),
        key_id=values.get("key_id", ""),
        scope=values["scope"],
        token_url=values.get("token_url", ""),
        transport=transport,
        clock=clock,
    )

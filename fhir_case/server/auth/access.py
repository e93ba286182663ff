"""The ways to sign in, for options and ``servers.toml``: what each needs, and the connection that is made of it."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fhir_case.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fhir_case.server.auth.oauth2 import Transport
    from fhir_case.server.auth.schemes import Authenticator
    from fhir_case.server.connection import Connection

__all__ = ["WAYS", "Access", "Setting", "connected", "is_header_name", "missing", "variable"]

_CONNECTS_S, _TOKEN_ENDPOINT_ANSWERS_S = 10.0, 30.0
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


@dataclass(frozen=True, slots=True)
class Setting:
    """
    Name one thing that a way to sign in takes.

    Args:
        name: Its name in ``servers.toml``.
        needed: Whether it has to be there.
        secret: Whether it must not be written down.
        instead: The setting that may be there instead.
        example: What it may look like.
    """

    name: str
    needed: bool = True
    secret: bool = False
    instead: str = ""
    example: str = ""


_CLIENT = Setting("client_id")
_SCOPES = "system/*.cruds (SMART 2) or system/*.* (SMART 1)"

WAYS: Mapping[str, tuple[Setting, ...]] = {
    "none": (),
    "basic": (Setting("user"), Setting("password", secret=True)),
    "bearer": (Setting("token", secret=True, instead="token_file"), Setting("token_file", needed=False)),
    "oauth2": (
        _CLIENT,
        Setting("client_secret", secret=True),
        Setting("token_url"),
        Setting("scope", needed=False),
    ),
    "smart": (
        _CLIENT,
        Setting("private_key_file"),
        Setting("scope", example=_SCOPES),
        Setting("key_id", needed=False),
        Setting("token_url", needed=False),
    ),
}
"""What each way to sign in takes."""


def variable(setting: str) -> str:
    """Return the environment variable that holds a setting where no ``servers.toml`` does."""
    return f"FHIR_CASE_{setting.upper()}"


def missing(kind: str, values: Mapping[str, str]) -> tuple[Setting, ...]:
    """Return what a way to sign in needs and does not have; what is empty is not there."""
    return tuple(
        each for each in WAYS[kind] if each.needed and not values.get(each.name) and not values.get(each.instead)
    )


def is_header_name(text: str) -> bool:
    """Whether a header may have this name."""
    return _HEADER_NAME.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Access:
    """
    Who asks and how a server is reached. Its repr does not show the secrets.

    Args:
        kind: The way to sign in, a key of `WAYS`.
        values: Its settings by name; nothing that it needs is missing.
        headers: Further headers, taken for secrets.
        ca_file: The certificates to trust, PEM; None: those that requests trusts.
        client_certificate: The certificate that we show, PEM.
        client_key: Its key, PEM, where it is not in the same file.
    """

    kind: str = "none"
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    ca_file: Path | None = None
    client_certificate: Path | None = None
    client_key: Path | None = None


def connected(base_url: str, access: Access, *, timeout_s: float, clock: Callable[[], float] = time.time) -> Connection:
    """
    Return the connection to a server. No token is fetched yet.

    Args:
        timeout_s: The seconds to wait for an answer, also for that of a token endpoint.
        clock: Gives the seconds since 1970.

    Raises:
        ServerError: Something cannot be used. No secret is repeated.
        CheckerError: authlib is needed, and not installed.
    """
    from fhir_case.server.auth.oauth2 import Transport
    from fhir_case.server.connection import Connection, check_certificates
    from fhir_case.server.guard import refuse_plain_http

    for name, value in access.headers.items():
        if not value.isascii() or not value.isprintable():
            raise ServerError(f"the value of the header {name} has a character that HTTP does not allow")
    if access.kind != "none" and any(name.lower() == "authorization" for name in access.headers):
        raise ServerError(
            f"a header Authorization and {access.kind} both sign in",
            hint="keep one of them; signing in by none leaves the header",
        )
    files = {
        "ca_file": access.ca_file,
        "client_certificate": access.client_certificate,
        "client_key": access.client_key,
    }
    check_certificates(**files)
    timeouts = (min(_CONNECTS_S, timeout_s), min(_TOKEN_ENDPOINT_ANSWERS_S, timeout_s))
    auth = _authenticator(base_url, access, Transport(timeouts, **files), clock)
    made = Connection(auth, dict(access.headers), **files)
    refuse_plain_http(base_url, made.has_credentials)
    return made


def _authenticator(
    base_url: str, access: Access, transport: Transport, clock: Callable[[], float]
) -> Authenticator | None:
    from fhir_case.server.auth import schemes as auth

    values = access.values
    if access.kind == "none":
        return None
    if access.kind == "basic":
        return auth.basic(values["user"], values["password"], clock=clock)
    if access.kind == "bearer":
        if file := values.get("token_file"):
            return auth.bearer_file(Path(file), clock=clock)
        return auth.bearer(values["token"], clock=clock)
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

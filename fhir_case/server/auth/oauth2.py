"""Sign by OAuth2 client credentials: with a secret, or with an assertion signed by a private key (SMART)."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

from fhir_case.bounded import read_bounded
from fhir_case.errors import CheckerError, ServerError
from fhir_case.fhir import wire
from fhir_case.server.auth.schemes import Authenticator
from fhir_case.server.auth.token_endpoint import check_endpoint, discover_endpoint, request_token
from fhir_case.server.guard import refuse_plain_http
from fhir_case.server.redaction import hide, hide_basic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from joserfc.jwk import ECKey, RSAKey

    from fhir_case.server.auth.schemes import Signature
    from fhir_case.server.auth.token_endpoint import Transport

__all__ = ["backend_service", "client_credentials"]

_MOST_BYTES = 1_000_000
_ASSERTION_LASTS_S = 240  # SMART allows five minutes; clocks differ


def client_credentials(
    token_url: str,
    client_id: str,
    client_secret: str,
    *,
    scope: str = "",
    transport: Transport,
    clock: Callable[[], float],
) -> Authenticator:
    """
    Sign by tokens that a client gets for its id and secret.

    Args:
        scope: The scopes, parted by spaces; empty leaves them to the token endpoint.
        clock: Returns the seconds since 1970.

    Source: https://www.rfc-editor.org/rfc/rfc6749#section-4.4

    Raises:
        ServerError: The token endpoint cannot be used.
        CheckerError: authlib is not installed.
    """
    _need_authlib()
    check_endpoint(token_url)
    hide_basic(client_id, client_secret)
    hide_basic(quote_plus(client_id), quote_plus(client_secret))

    def obtain() -> Signature:
        method = "client_secret_basic"
        return request_token(
            token_url, client_secret, method, client_id=client_id, scope=scope, transport=transport, clock=clock
        )

    return Authenticator(obtain, clock=clock)


def backend_service(
    base_url: str,
    client_id: str,
    key_file: Path,
    *,
    key_id: str = "",
    scope: str,
    token_url: str = "",
    transport: Transport,
    clock: Callable[[], float],
) -> Authenticator:
    """
    Sign by tokens that a client gets for an assertion signed by its private key (SMART Backend Services).

    Args:
        base_url: The FHIR server, whose SMART configuration names the token endpoint where ``token_url`` is empty.
        key_file: The private key, PEM or JWK: RSA (signs RS384), or EC on the curve P-384 (signs ES384).
        key_id: The id under which the key is registered; may be empty for a JWK that has one.
        clock: Returns the seconds since 1970.

    Source: https://hl7.org/fhir/smart-app-launch/backend-services.html

    Raises:
        ServerError: The key or the token endpoint cannot be used.
        CheckerError: authlib is not installed.
    """
    _need_authlib()
    refuse_plain_http(base_url, has_credentials=True)
    if token_url:
        check_endpoint(token_url)
    key = _private_key(key_file)
    private = key.as_dict(private=True)
    hide(*(str(private[name]) for name in ("d", "p", "q", "dp", "dq", "qi") if name in private))
    hide(*(line for line in key.as_pem(private=True).decode().splitlines() if not line.startswith("-")))
    header = {"typ": "JWT", "kid": key_id or key.kid or ""}
    if not header["kid"]:
        raise ServerError(
            "the private key has no id",
            where=str(key_file),
            hint="FHIR_CASE_KEY_ID, or key_id in servers.toml, names the one that was registered",
        )

    def obtain() -> Signature:
        from authlib.oauth2.rfc7523 import PrivateKeyJWT

        endpoint = token_url or discover_endpoint(base_url, transport)
        now = int(clock())
        # A new one each time: authlib would use the same jti again.
        claims = {"iat": now, "exp": now + _ASSERTION_LASTS_S, "jti": secrets.token_urlsafe(24)}
        algorithm = "RS384" if key.key_type == "RSA" else "ES384"
        method = PrivateKeyJWT(endpoint, claims=claims, headers=dict(header), alg=algorithm)
        return request_token(endpoint, key, method, client_id=client_id, scope=scope, transport=transport, clock=clock)

    return Authenticator(obtain, clock=clock)


def _need_authlib() -> None:
    from importlib.util import find_spec

    if find_spec("authlib") is None:
        raise CheckerError(
            "signing in by OAuth2 or SMART needs authlib, which is not installed",
            hint="pip install 'fhir-case[auth]'",
        )


def _private_key(file: Path) -> RSAKey | ECKey:
    """Read a private key. No text of an exception is repeated: it may quote the key."""
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, RSAKey

    hint = "it is a private key, PEM without a password or JWK: RSA, or EC on the curve P-384"
    try:
        text = read_bounded(file, _MOST_BYTES)
    except OSError as error:
        raise ServerError(f"the private key cannot be read: {error.strerror}", where=str(file), hint=hint) from None
    for kind in (RSAKey, ECKey):
        try:
            key = kind.import_key(wire.parse(text) if text.lstrip().startswith(b"{") else text)
            usable = key.is_private and (not isinstance(key, ECKey) or key.curve_name == "P-384")
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            continue
        if usable:
            return key
    raise ServerError("this private key cannot be used", where=str(file), hint=hint)

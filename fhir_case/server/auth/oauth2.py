"""
Fetch tokens by OAuth2 client credentials: with a secret, or with an assertion signed by a private key (SMART).

The requests to a token endpoint follow no redirect, and no text of an answer is repeated: it may echo what was sent.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fhir_case.errors import CheckerError, RejectedError, ServerError
from fhir_case.fhir import wire
from fhir_case.server.auth.schemes import Authenticator, Signature, bearer_signature
from fhir_case.server.failures import plain_words
from fhir_case.server.guard import is_loopback, refuse_plain_http

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import requests
    from joserfc.jwk import ECKey, RSAKey

__all__ = ["Transport", "backend_service", "client_credentials", "transport_options"]

_EARLY_S = 30
_ASSERTION_LASTS_S = 240  # SMART allows five minutes; clocks differ
_REASONS = {
    "invalid_client": "it does not know the client, or refuses its secret or key",
    "invalid_grant": "it does not accept the client's assertion",
    "invalid_request": "it does not understand the request",
    "invalid_scope": "it does not give the scope that was asked for",
    "unauthorized_client": "the client may not ask for a token in this way",
    "unsupported_grant_type": "it does not offer client credentials",
}


@dataclass(frozen=True, slots=True)
class Transport:
    """
    Say how the connections to a server and to its token endpoint are made.

    Args:
        timeout_s: The seconds to wait for a connection, and for the next byte of an answer.
        ca_file: The certificates to trust, PEM; None: those that requests trusts.
        client_certificate: The certificate that we show, PEM.
        client_key: Its key, PEM, where it is not in the same file.
    """

    timeout_s: tuple[float, float] = (10, 30)
    ca_file: Path | None = None
    client_certificate: Path | None = None
    client_key: Path | None = None


def transport_options(transport: Transport) -> dict[str, Any]:
    """Return the options ``verify`` and ``cert`` of requests."""
    certificate = None if transport.client_certificate is None else str(transport.client_certificate)
    return {
        "verify": None if transport.ca_file is None else str(transport.ca_file),
        "cert": certificate if transport.client_key is None else (certificate, str(transport.client_key)),
    }


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
        clock: Gives the seconds since 1970.

    Source: https://www.rfc-editor.org/rfc/rfc6749#section-4.4

    Raises:
        ServerError: The token endpoint cannot be used.
        CheckerError: authlib is not installed.
    """
    _need_authlib()
    _check_endpoint(token_url)

    def obtain() -> Signature:
        method = "client_secret_basic"
        return _token(
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
        key_id: The id by which the server knows the key; may be empty for a JWK that has one.
        clock: Gives the seconds since 1970.

    Source: https://hl7.org/fhir/smart-app-launch/backend-services.html

    Raises:
        ServerError: The key or the token endpoint cannot be used.
        CheckerError: authlib is not installed.
    """
    _need_authlib()
    refuse_plain_http(base_url, has_credentials=True)
    if token_url:
        _check_endpoint(token_url)
    key = _private_key(key_file)
    header = {"typ": "JWT", "kid": key_id or key.kid or ""}
    if not header["kid"]:
        raise ServerError(
            "the private key has no id",
            where=str(key_file),
            hint="FHIR_CASE_KEY_ID, or key_id in servers.toml, gives the one that was registered",
        )

    def obtain() -> Signature:
        from authlib.oauth2.rfc7523 import PrivateKeyJWT

        endpoint = token_url or _discovered(base_url, transport)
        now = int(clock())
        # A new one each time: authlib would use the same jti again.
        claims = {"iat": now, "exp": now + _ASSERTION_LASTS_S, "jti": secrets.token_urlsafe(24)}
        algorithm = "RS384" if key.key_type == "RSA" else "ES384"
        method = PrivateKeyJWT(endpoint, claims=claims, headers=dict(header), alg=algorithm)
        return _token(endpoint, key, method, client_id=client_id, scope=scope, transport=transport, clock=clock)

    return Authenticator(obtain, clock=clock)


def _need_authlib() -> None:
    from importlib.util import find_spec

    if find_spec("authlib") is None:
        raise CheckerError(
            "signing in by OAuth2 or SMART needs authlib, which is not installed",
            hint="pip install 'fhir-case[auth]'",
        )


def _token(
    token_url: str,
    client_secret: object,
    method: object,
    *,
    client_id: str,
    scope: str,
    transport: Transport,
    clock: Callable[[], float],
) -> Signature:
    """Ask a token endpoint for a token."""
    import requests
    from authlib.integrations.requests_client import OAuth2Session

    where = f"POST {token_url.partition('?')[0]}"
    session = OAuth2Session(client_id, client_secret, token_endpoint_auth_method=method, scope=scope or None)
    session.register_compliance_hook("access_token_response", lambda response: _accepted(response, where))
    asked = clock()
    try:
        token = session.fetch_token(
            token_url,
            grant_type="client_credentials",
            timeout=transport.timeout_s,
            **_options(token_url, transport),
        )
    except requests.RequestException as error:
        raise _unreachable(error, token_url, where, transport) from None
    except (ValueError, TypeError, OverflowError):
        raise _no_token(where) from None
    finally:
        session.close()
    lifetime_s = int(token.get("expires_in") or 0)
    renew_at = asked + lifetime_s - min(_EARLY_S, lifetime_s / 2) if lifetime_s > 0 else None
    return bearer_signature(token["access_token"], where=where, renew_at=renew_at)


def _accepted(response: requests.Response, where: str) -> requests.Response:
    """Pass an answer on that holds a token; the rest of the answers are errors here already."""
    status = response.status_code
    if status >= 500 or status in (408, 425, 429):
        raise ServerError(f"the token endpoint answers HTTP {status}", where=where, hint="try again later")
    if 300 <= status < 400:
        raise RejectedError(
            f"HTTP {status}: the token endpoint sends us on, and the client's secret or assertion is not sent there",
            where=where,
            hint="give the new address as FHIR_CASE_TOKEN_URL, or token_url in servers.toml",
            status=status,
        )
    answer = _object(response)
    if status >= 400 or "error" in answer:
        code = answer.get("error")
        reason = _REASONS.get(code, "") if isinstance(code, str) else ""
        raise RejectedError(
            f"the token endpoint gives no token: {f'{reason} ({code})' if reason else f'HTTP {status}'}",
            where=where,
            hint="check client id, secret or key, scope, and the clock of this machine",
            status=status,
        )
    kind = answer.get("token_type", "Bearer")
    if not isinstance(answer.get("access_token"), str) or not isinstance(kind, str) or kind.lower() != "bearer":
        raise _no_token(where)
    return response


def _no_token(where: str) -> ServerError:
    return ServerError("what the token endpoint answers is no bearer token", where=where, hint="check its URL")


def _discovered(base_url: str, transport: Transport) -> str:
    """
    Ask a FHIR server for its token endpoint.

    Source: https://hl7.org/fhir/smart-app-launch/conformance.html
    """
    import requests

    url = f"{base_url.rstrip('/')}/.well-known/smart-configuration"
    where = f"GET {url}"
    hint = "give the token endpoint as FHIR_CASE_TOKEN_URL, or token_url in servers.toml"
    try:
        response = requests.get(
            url,
            headers={"Accept": "application/json"},
            timeout=transport.timeout_s,
            auth=lambda request: request,  # else requests would look into ~/.netrc
            **_options(url, transport),
        )
    except requests.RequestException as error:
        raise _unreachable(error, url, where, transport) from None
    if response.status_code != 200:
        raise RejectedError(
            f"the server has no SMART configuration: HTTP {response.status_code}",
            where=where,
            hint=hint,
            status=response.status_code,
        )
    endpoint = _object(response).get("token_endpoint")
    if not isinstance(endpoint, str):
        raise ServerError("the SMART configuration names no token endpoint", where=where, hint=hint)
    _check_endpoint(endpoint)
    return endpoint


def _options(url: str, transport: Transport) -> dict[str, Any]:
    proxies = {"no_proxy": urlsplit(url).hostname} if is_loopback(url) else None
    return {
        "allow_redirects": False,
        "proxies": proxies,
        **transport_options(transport),
    }


def _unreachable(error: requests.RequestException, url: str, where: str, transport: Transport) -> ServerError:
    message, hint = plain_words(error, host=urlsplit(url).netloc, timeout_s=transport.timeout_s)
    return ServerError(f"no token: {message}", where=where, hint=hint)


def _object(response: requests.Response) -> Mapping[str, Any]:
    try:
        body = wire.parse(response.content)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _check_endpoint(url: str) -> None:
    """Refuse a token endpoint that cannot be used. The message does not repeat it: it may hold a secret."""
    hint = "a token endpoint looks like https://signin.example/oauth2/token"
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0 and parts.scheme in ("http", "https")
    except ValueError:
        raise ServerError("the token endpoint is no URL", hint=hint) from None
    if not usable or "@" in parts.netloc or parts.fragment:
        raise ServerError("the token endpoint is no http or https URL without user name and fragment", hint=hint)
    refuse_plain_http(url, has_credentials=True)


def _private_key(file: Path) -> RSAKey | ECKey:
    """Read a private key. No text of an exception is repeated: it may quote the key."""
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, RSAKey

    hint = "it is a private key, PEM without a password or JWK: RSA, or EC on the curve P-384"
    try:
        text = file.read_bytes()
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

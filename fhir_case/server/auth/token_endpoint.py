"""
Ask a token endpoint for a token, and a FHIR server for its token endpoint.

The requests follow no redirect, and no text of an answer is repeated: it may echo what was sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from fhir_case.errors import RejectedError, ServerError
from fhir_case.fhir import wire
from fhir_case.http.limits import Limits
from fhir_case.server.auth.schemes import Signature, bearer_signature
from fhir_case.server.certificates import Certificates
from fhir_case.server.failures import OVERLOADED, failure_of
from fhir_case.server.guard import is_loopback, refuse_plain_http
from fhir_case.server.redaction import hide, hide_query, hide_sent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import requests

__all__ = ["Transport", "check_endpoint", "discover_endpoint", "request_token"]

_EARLY_S = 30
_LIMITS = Limits(bytes=1_000_000)
_REASONS = {
    "invalid_client": "it does not know the client, or refuses its secret or key",
    "invalid_grant": "it does not accept the client's assertion",
    "invalid_request": "it does not understand the request",
    "invalid_scope": "it does not grant the requested scope",
    "unauthorized_client": "the client may not ask for a token in this way",
    "unsupported_grant_type": "it does not offer client credentials",
}


@dataclass(frozen=True, slots=True)
class Transport:
    """
    How a token endpoint is reached.

    Args:
        timeout_s: The seconds to wait for a connection, and for the whole of an answer.
        certificates: Which to trust and which to show.
    """

    timeout_s: tuple[float, float] = (10, 30)
    certificates: Certificates = field(default_factory=Certificates)


def request_token(
    token_url: str,
    client_secret: object,
    method: object,
    *,
    client_id: str,
    scope: str,
    transport: Transport,
    clock: Callable[[], float],
) -> Signature:
    """
    Ask a token endpoint for a token.

    Args:
        client_secret: The secret, or the key that signs the assertion.
        method: How the client authenticates, as authlib takes it.

    Raises:
        ServerError: It was not reached, is overloaded, or what it answers is not a bearer token.
        RejectedError: It refused.
    """
    import requests
    from authlib.integrations.requests_client import OAuth2Session

    from fhir_case.http.session import bound

    where = f"POST {token_url.partition('?')[0]}"
    hide_query(token_url)
    session = OAuth2Session(client_id, client_secret, token_endpoint_auth_method=method, scope=scope or None)
    bound(session, _LIMITS)
    session.register_compliance_hook("access_token_response", lambda response: _accepted(response, where))
    requested_at = clock()
    try:
        token = session.fetch_token(
            token_url, grant_type="client_credentials", timeout=transport.timeout_s, **_options(token_url, transport)
        )
        lifetime_s = int(token.get("expires_in") or 0)
        renew_at = requested_at + lifetime_s - min(_EARLY_S, lifetime_s / 2) if lifetime_s > 0 else None
    except requests.RequestException as error:
        raise _unreachable(error, token_url, where, transport) from None
    except (ValueError, TypeError, ArithmeticError, RecursionError):
        raise _not_a_token(where) from None
    finally:
        session.close()
    return bearer_signature(token["access_token"], where=where, renew_at=renew_at)


def _accepted(response: requests.Response, where: str) -> requests.Response:
    """Return an answer that holds a token; raise for every other."""
    _hide_sent(response.request)
    status = response.status_code
    if status >= 500 or status in OVERLOADED:
        raise ServerError(f"the token endpoint answers HTTP {status}", where=where, hint="try again later")
    if 300 <= status < 400:
        raise RejectedError(
            f"HTTP {status}: the token endpoint redirects, and the client's secret or assertion is not sent there",
            where=where,
            hint="set the new address as FHIR_CASE_TOKEN_URL, or token_url in servers.toml",
            status=status,
        )
    answer = _object(response)
    if status >= 400 or "error" in answer:
        code = answer.get("error")
        reason = _REASONS.get(code, "") if isinstance(code, str) else ""
        raise RejectedError(
            f"the token endpoint refuses a token: {f'{reason} ({code})' if reason else f'HTTP {status}'}",
            where=where,
            hint="check client id, secret or key, scope, and the clock of this machine",
            status=status,
        )
    kind = answer.get("token_type", "Bearer")
    if not isinstance(answer.get("access_token"), str) or not isinstance(kind, str) or kind.lower() != "bearer":
        raise _not_a_token(where)
    return response


def _hide_sent(request: requests.PreparedRequest) -> None:
    """Hide how the client has proved who it is: the same machine may repeat it elsewhere."""
    body = request.body.decode(errors="replace") if isinstance(request.body, bytes) else str(request.body or "")
    hide_sent(request.headers)
    hide(*parse_qs(body).get("client_assertion", ()))


def _not_a_token(where: str) -> ServerError:
    return ServerError("what the token endpoint answers is not a bearer token", where=where, hint="check its URL")


def discover_endpoint(base_url: str, transport: Transport) -> str:
    """
    Ask a FHIR server for its token endpoint.

    Source: https://hl7.org/fhir/smart-app-launch/conformance.html

    Raises:
        ServerError: It was not reached, or names no token endpoint that can be used.
        RejectedError: It has no SMART configuration.
    """
    import requests

    from fhir_case.http.session import Session

    url = f"{base_url.rstrip('/')}/.well-known/smart-configuration"
    where = f"GET {url}"
    hint = "set the token endpoint as FHIR_CASE_TOKEN_URL, or token_url in servers.toml"
    try:
        with Session(_LIMITS) as session:
            response = session.get(
                url,
                headers={"Accept": "application/json"},
                timeout=transport.timeout_s,
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
    check_endpoint(endpoint)
    return endpoint


def _options(url: str, transport: Transport) -> dict[str, Any]:
    proxies = {"no_proxy": urlsplit(url).hostname} if is_loopback(url) else None
    options = transport.certificates.options()
    return {"allow_redirects": False, "proxies": proxies, **options}


def _unreachable(error: requests.RequestException, url: str, where: str, transport: Transport) -> ServerError:
    failure = failure_of(error, host=urlsplit(url).netloc, timeout_s=transport.timeout_s)
    return ServerError(f"no token: {failure.message}", where=where, hint=failure.hint)


def _object(response: requests.Response) -> Mapping[str, Any]:
    try:
        body = wire.parse_foreign(response.content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def check_endpoint(url: str) -> None:
    """
    Refuse a token endpoint that cannot be used.

    Raises:
        ServerError: It cannot be used. The message does not repeat it: it may hold a secret.
    """
    hint = "a token endpoint looks like https://signin.example/oauth2/token"
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0 and parts.scheme in ("http", "https")
    except ValueError:
        raise ServerError("the token endpoint is not a URL", hint=hint) from None
    if not usable or "@" in parts.netloc or parts.fragment:
        raise ServerError("the token endpoint is not an http or https URL without user name and fragment", hint=hint)
    refuse_plain_http(url, has_credentials=True)

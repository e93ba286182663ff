"""The failures of HTTP as errors of this library, with message and hint."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urljoin, urlsplit

from fhir_case.errors import RejectedError, ServerError
from fhir_case.fhir import wire
from fhir_case.server.outcome import outcome_text, page_text
from fhir_case.server.redaction import without_secrets

if TYPE_CHECKING:
    from collections.abc import Sequence

    import requests

    from fhir_case.fhir.wire import Resource

__all__ = [
    "LARGER",
    "OVERLOADED",
    "UNCLEAR",
    "Failure",
    "broke_off",
    "failure_of",
    "never_done",
    "never_sent",
    "perhaps_done",
    "perhaps_going_on",
    "refusal",
    "retry_after_s",
    "was_refused",
]

LARGER = "if that is right, allow more by --max-response-bytes and --max-response-ratio, or [response] in servers.toml"
"""What to do about a response that is too large."""

_READING = ("GET", "HEAD")
OVERLOADED = frozenset({408, 425, 429, 460, 499, *range(500, 1000)} - {501, 505})
"""
The statuses that do not say that a request was refused: the server, or what stands before it, is in trouble.

Gateways have made up many, such as 499 of nginx, 460 of AWS, 520 to 530 of Cloudflare, 598 and 599. So all from 500 on
count, except 501 and 505, by which a server says that it never does such a thing; and what is no status of HTTP counts
as 500 does.

Source: https://www.rfc-editor.org/rfc/rfc9110#section-15
"""

UNCLEAR = frozenset(range(300, 400)) - {301, 302, 307, 308}
"""
The statuses that say where to look, or that nothing is new: to a request that writes they are no answer.

303 sends a client away when its request is done; 301, 302, 307 and 308 ask for the same request at another place.

Source: https://www.rfc-editor.org/rfc/rfc9110#section-15.4
"""

_HINTS = {401: "the server wants you to sign in", 403: "the server knows who asks, and does not allow it"}


def retry_after_s(response: requests.Response) -> float:
    """
    Return the seconds after which the server wants the request again; 0 when it does not say.

    A date counts from the date of the answer, so that clocks need not agree.

    Source: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    stated = response.headers.get("Retry-After", "")
    if stated.isascii() and stated.isdigit():
        return float(stated[:9])
    then, now = (_seconds(text) for text in (stated, response.headers.get("Date", "")))
    if then is None:
        return 0.0
    return max(0.0, then - (datetime.now(UTC).timestamp() if now is None else now))


def _seconds(text: str) -> float | None:
    """Return the seconds since 1970 at a date; None where a header holds none."""
    try:
        found = parsedate_to_datetime(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, TypeError, IndexError):  # years of any length, and what email takes for a date
        return None


def was_refused(error: BaseException) -> bool:
    """Whether the connection was refused: the server cannot have seen the request, and may be starting."""
    return isinstance(_reason(error).__cause__, ConnectionRefusedError)


def never_sent(error: BaseException) -> bool:
    """Whether there was no connection, so that the server cannot have seen the request."""
    from requests.exceptions import ConnectTimeout
    from urllib3.exceptions import NewConnectionError

    return isinstance(error, ConnectTimeout) or isinstance(_reason(error), NewConnectionError)


def never_done(status: int) -> bool:
    """Whether a server that answers with this status has done nothing: too early, or too many requests."""
    return status in (425, 429)


def perhaps_done(status: int) -> bool:
    """Whether a server that answers with this status may have done what it was asked for."""
    return (status in OVERLOADED and not never_done(status)) or status in UNCLEAR


def perhaps_going_on(status: int) -> bool:
    """Whether a server may still be at work: there was no answer (0), or a gateway gave one in its place."""
    return status == 0 or (perhaps_done(status) and status not in (500, 503))


def broke_off(error: BaseException) -> bool:
    """Whether a connection was refused or lost: a request that only reads may then be sent again."""
    from requests.exceptions import ChunkedEncodingError
    from urllib3.exceptions import ProtocolError

    return was_refused(error) or isinstance(error, ChunkedEncodingError) or isinstance(_reason(error), ProtocolError)


def _reason(error: BaseException) -> BaseException:
    """Return what urllib3 reports inside an exception of requests."""
    inner: object = error.args[0] if error.args else None
    inner = getattr(inner, "reason", None) or inner
    return inner if isinstance(inner, BaseException) else error


_NOT_TLS = ("wrong_version_number", "record_layer_failure", "unknown_protocol")  # as versions of OpenSSL call it


class Failure(NamedTuple):
    """What happened to a request that got no answer; the cause is short enough for a table."""

    message: str
    hint: str
    cause: str = "connection lost"
    again: bool = True


def failure_of(error: requests.RequestException, *, host: str, timeout_s: tuple[float, float]) -> Failure:
    """
    Return what happened to a request that got no answer.

    No text of the exception is repeated: it may name a proxy with its password.
    """
    from requests import exceptions as kinds
    from urllib3.exceptions import NameResolutionError, NewConnectionError, ReadTimeoutError

    from fhir_case.http.errors import RedirectError, ResponseTooLargeError

    reason = _reason(error)
    if isinstance(reason, NameResolutionError):
        return Failure(f"the host name of {host} is not known", "check the spelling, and whether you are online")
    if was_refused(error):
        return Failure(f"nothing listens at {host}", "start the server, or check host and port", "connection refused")
    connect_s, read_s = timeout_s
    tls = f"no secure connection to {host}: {_tls(reason)}"
    failures: dict[type[BaseException], Failure] = {
        kinds.ConnectTimeout: Failure(
            f"no connection to {host} within {connect_s:g} s", "check host and port", "no connection in time"
        ),
        kinds.ReadTimeout: Failure(f"no answer from {host} within {read_s:g} s", "", "no answer in time"),
        kinds.SSLError: Failure(tls, _hint_of_tls(reason, host)),
        ResponseTooLargeError: Failure(
            f"the answer of {host} is too large: {error}", LARGER, "answer too large", again=False
        ),
        RedirectError: Failure(f"{host} redirects to an address that is no URL", "check the base URL", again=False),
        kinds.ProxyError: Failure("the proxy that the environment names does not answer", "check the proxy settings"),
        kinds.TooManyRedirects: Failure(f"{host} redirects in a loop", "check the base URL"),
        kinds.ChunkedEncodingError: Failure(f"the answer of {host} was cut off", "", "answer cut off"),
        kinds.ContentDecodingError: Failure(f"the answer of {host} was cut off", "", "answer cut off"),
        kinds.InvalidURL: Failure("the URL cannot be used", "check the base URL"),
        kinds.InvalidSchema: Failure("the URL cannot be used", "check the base URL"),
    }
    for kind, failure in failures.items():
        if isinstance(error, kind):
            return failure
    reasons: dict[type[BaseException], Failure] = {
        ReadTimeoutError: Failure(
            f"the answer of {host} was not complete within {read_s:g} s", "", "no answer in time"
        ),
        NewConnectionError: Failure(f"{host} cannot be reached", "check the address, and whether you are online"),
    }
    lost = f"{host} closed the connection before it answered"
    other = lost if isinstance(error, kinds.ConnectionError) else f"the request failed ({type(error).__name__})"
    return next((each for kind, each in reasons.items() if isinstance(reason, kind)), Failure(other, ""))


def _hint_of_tls(reason: BaseException, host: str) -> str:
    from ssl import SSLCertVerificationError

    if isinstance(reason.args[0] if reason.args else reason, SSLCertVerificationError):
        return (
            "if the certificate is from an authority of your own, name that by --ca-file (ca_file in servers.toml), or "
            "in the environment variable REQUESTS_CA_BUNDLE"
        )
    if _tls(reason) in _NOT_TLS:
        return f"it does not answer in https; is the base URL http://{host}…?"
    return "check the certificate, or https and http"


def _tls(reason: BaseException) -> str:
    cause = reason.args[0] if reason.args else reason
    return str(getattr(cause, "verify_message", "") or getattr(cause, "reason", "") or "the handshake failed").lower()


def refusal(response: requests.Response, where: str, *, secrets: Sequence[str] = ()) -> ServerError | RejectedError:
    """
    Return the error for an answer that is not a success: ServerError where the server is overloaded, else a refusal.

    Args:
        secrets: The credentials, which a server may repeat and which are not shown.
    """
    from http.client import responses as phrases

    status = response.status_code
    head = f"HTTP {status} {phrases.get(status, '')}".rstrip()
    if status in UNCLEAR and response.request.method not in _READING:
        message = f"{head}, which does not say whether it was carried out"
        return ServerError(message, where=where, hint="check the base URL", status=status, perhaps_done=True)
    if 300 <= status < 400:
        target = _without_credentials(response.url, response.headers.get("Location", ""))
        return RejectedError(
            f"{head}: the server redirects to {without_secrets(target, secrets)}, where this request would lose its "
            "content",
            where=where,
            hint="use the new address as base URL",
            status=status,
        )
    outcome = _outcome(response, secrets)
    text = outcome_text(outcome) if outcome else page_text(response.text, secrets)
    message = f"{head}: {text}".replace(": \n", ":\n") if text else head
    if status in OVERLOADED:
        wait = retry_after_s(response)
        hint = f"try again in {wait:g} s" if wait else "try again later"
        done = perhaps_done(status) and response.request.method not in _READING
        return ServerError(message, where=where, hint=hint, status=status, wait_s=wait, perhaps_done=done)
    hint = _HINTS.get(status, "") or ("check the base URL" if status in (404, 405) and not outcome else "")
    return RejectedError(message, where=where, hint=hint, status=status, outcome=outcome)


def _outcome(response: requests.Response, secrets: Sequence[str]) -> Resource | None:
    try:
        body = wire.parse_foreign(without_secrets(response.content.decode(), secrets).encode())
    except ValueError:
        return None
    return body if isinstance(body, dict) and body.get("resourceType") == "OperationOutcome" else None


def _without_credentials(base_url: str, location: str) -> str:
    try:
        parts = urlsplit(urljoin(base_url, location))
    except ValueError:
        return "an address that is no URL"
    return page_text(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}")

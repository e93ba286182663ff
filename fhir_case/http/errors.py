"""What goes wrong with a response beyond the exceptions of requests; each says it in words."""

from __future__ import annotations

from requests import RequestException
from requests.exceptions import ConnectionError as NoConnectionError
from requests.exceptions import InvalidURL, ProxyError, SSLError, Timeout

__all__ = ["OWN_AUTHORITY", "RedirectError", "ResponseTooLargeError", "failed_download"]

OWN_AUTHORITY = (
    "if the certificate is from an authority of your own, name that in the environment variable REQUESTS_CA_BUNDLE"
)
"""What to do where the certificate of a download is not accepted."""


class ResponseTooLargeError(RequestException):
    """A response beyond the limits; the rest of it was not read."""


class RedirectError(InvalidURL):
    """A redirect to an address that is none."""


def failed_download(error: Exception) -> str:
    """Return in words why a download failed; an exception is not repeated, since it may name a proxy's password."""
    reasons: list[tuple[type[Exception], str]] = [
        (SSLError, f"the certificate was not accepted; {OWN_AUTHORITY}"),
        (ProxyError, "the proxy could not be used"),
        (Timeout, "no answer in time"),
        (NoConnectionError, "no connection"),
    ]
    return next((text for kind, text in reasons if isinstance(error, kind)), type(error).__name__)

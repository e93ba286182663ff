"""What goes wrong with a response beyond the exceptions of requests; each says it in words."""

from __future__ import annotations

from requests import RequestException
from requests.exceptions import InvalidURL

__all__ = ["OWN_AUTHORITY", "RedirectError", "ResponseTooLargeError"]

OWN_AUTHORITY = (
    "if the certificate is from an authority of your own, name that in the environment variable REQUESTS_CA_BUNDLE"
)
"""What to do where the certificate of a download is not accepted."""


class ResponseTooLargeError(RequestException):
    """A response beyond the limits; the rest of it was not read."""


class RedirectError(InvalidURL):
    """A redirect to an address that is none."""

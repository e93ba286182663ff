"""What goes wrong with a response beyond the exceptions of requests; each says it in words."""

from __future__ import annotations

from requests import RequestException
from requests.exceptions import InvalidURL

__all__ = ["RedirectError", "ResponseTooLargeError"]


class ResponseTooLargeError(RequestException):
    """A response beyond the limits; the rest of it was not read."""


class RedirectError(InvalidURL):
    """A redirect to an address that is none."""

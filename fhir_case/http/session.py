"""The only place that makes sessions of requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import requests

from fhir_case.http.adapter import BoundedAdapter
from fhir_case.http.address import is_loopback, origin
from fhir_case.http.errors import RedirectError
from fhir_case.http.limits import Limits

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

__all__ = ["Session", "bound"]


class Session(requests.Session):
    """
    A session that sends no credentials of the environment (``~/.netrc``); its proxies and certificates count.

    Args:
        limits: For each response.
        connections: How many connections to one host stay open.
    """

    def __init__(self, limits: Limits | None = None, *, connections: int = 10) -> None:
        super().__init__()
        bound(self, limits, connections=connections)

    def rebuild_auth(self, prepared_request: PreparedRequest, response: Response) -> None:
        """Take the credentials off a redirect to another server; requests would then look into ``~/.netrc``."""
        if origin(str(prepared_request.url)) != origin(str(response.url)):
            prepared_request.headers.pop("Authorization", None)

    def get_redirect_target(self, resp: Response) -> str | None:
        """
        Return where a response redirects to; None where it does not.

        Raises:
            RedirectError: That is no address.
        """
        try:
            target = super().get_redirect_target(resp)
            if target is not None:
                parts = urlsplit(urljoin(str(resp.url), target))
                _ = parts.hostname, parts.port
        except ValueError:
            raise RedirectError("it is not a URL", request=resp.request) from None
        return target

    def request(self, method: str | bytes, url: str | bytes, *arguments: Any, **options: Any) -> Response:
        """
        Send one request.

        Raises:
            RequestException: Whatever went wrong.
        """
        try:
            if is_loopback(str(url)):  # a proxy cannot reach our own machine
                options["proxies"] = {"no_proxy": urlsplit(str(url)).hostname or "", **(options.get("proxies") or {})}
            return super().request(method, url, *arguments, **options)
        except requests.RequestException:
            raise
        except ValueError:  # urllib3 and the codecs, about the address of a redirect
            raise RedirectError("it is not a URL") from None


def bound(session: requests.Session, limits: Limits | None = None, *, connections: int = 10) -> None:
    """Bound the responses of a session, and keep the credentials of the environment out of it."""
    session.auth = session.auth or _unsigned  # with None requests would look into ~/.netrc
    for scheme in ("https://", "http://"):
        session.mount(scheme, BoundedAdapter(limits or Limits(), connections=connections))


def _unsigned(request: PreparedRequest) -> PreparedRequest:
    return request

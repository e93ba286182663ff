"""Bring one request to the target and its whole answer back."""

from __future__ import annotations

from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .faults import NO_ANSWER, Answer

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

__all__ = ["NotReachedError", "forward"]

CONNECT_S = 10
_OF_ONE_CONNECTION = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


class NotReachedError(Exception):
    """Nothing of the request went to the target."""


def forward(
    target: str,
    method: str,
    path: str,
    headers: Iterable[tuple[str, str]],
    body: bytes,
    *,
    tracked: Callable[[socket.socket], AbstractContextManager[None]],
    sent: Callable[[], None],
) -> Answer:
    """
    Send a request to the target, with the Host that the client wrote, and await the whole answer.

    A connection of its own for each request: none can be stale when the target was started anew.

    Args:
        tracked: Holds the connection for as long as it is used, so that others can cut it off.
        sent: Is called when the request has left, before the answer is awaited.

    Returns:
        `NO_ANSWER` when the target broke off.

    Raises:
        NotReachedError: There is no connection to the target.
    """
    place = urlsplit(target)
    connection = HTTPConnection(place.hostname or "", place.port, timeout=CONNECT_S)
    with closing(connection):
        try:
            connection.connect()
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        except (OSError, HTTPException, ValueError) as error:
            raise NotReachedError from error
        connection.sock.settimeout(None)
        with tracked(connection.sock):
            for name, value in _lasting(headers):
                connection.putheader(name, value)
            connection.putheader("Connection", "close")
            if body or method in {"POST", "PUT", "PATCH"}:
                connection.putheader("Content-Length", str(len(body)))
            with suppress(ConnectionError):  # a server may answer and close before it has read all
                connection.endheaders(body)
            sent()
            try:
                with connection.getresponse() as response:
                    kept = tuple(_lasting(response.getheaders(), head=method == "HEAD"))
                    return Answer(response.status, kept, response.read(), response.reason)
            except (OSError, HTTPException):
                return NO_ANSWER


def _lasting(headers: Iterable[tuple[str, str]], *, head: bool = False) -> Iterable[tuple[str, str]]:
    """Return the headers that go on to the other side; the answer to HEAD keeps the length of what it does not hold."""
    for name, value in headers:
        if name.lower() not in _OF_ONE_CONNECTION or (head and name.lower() == "content-length"):
            yield name, value

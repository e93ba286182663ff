"""Connections of urllib3 that read each response within a number of bytes and within a time."""

from __future__ import annotations

import io
import time
from functools import cache
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

if TYPE_CHECKING:
    import socket

    from fhir_case.http.limits import Limits

__all__ = ["TooMuchError", "metered_pools"]

_PIECE = 1 << 18
_HEAD = 1 << 20  # bytes for status line and headers, those of interim responses included
_FRAMED = 2  # how many times as large as its content a chunked response may be


class TooMuchError(Exception):
    """
    More than the limits allow; neither an OSError nor an HTTPException, so that urllib3 lets it pass as it is.

    Args:
        what: What there is too much of, such as ``more than 10 MB``.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(what)


class _Meter(io.RawIOBase):
    """The bytes of one response as they come from its socket; the end of the time is a TimeoutError."""

    def __init__(self, inner: Any, sock: socket.socket, pause_s: float | None, seconds: float | None) -> None:
        self._inner = inner
        self._sock = sock
        self._pause_s = pause_s
        self._end = None if seconds is None else time.monotonic() + seconds
        self._left = _HEAD
        self._name = "a head of more than 1 MB"

    def allow(self, count: int, name: str) -> None:
        """Set how many bytes may come from now on, and the name of what is more."""
        self._left, self._name = count, name

    def readinto(self, buffer: Any) -> int | None:
        """Read what has come, and wait for it no longer than the time that is left."""
        if self._end is not None:
            left_s = self._end - time.monotonic()
            if left_s <= 0:
                raise TimeoutError("the time for the response is over")
            self._sock.settimeout(left_s if self._pause_s is None else min(self._pause_s, left_s))
        count: int | None = self._inner.readinto(buffer)
        self._left -= count or 0
        if self._left < 0:
            raise TooMuchError(self._name)
        return count

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def close(self) -> None:
        """Close the stream of the socket."""
        self._inner.close()
        super().close()


class _Piecewise:
    """Send a large body in pieces: the timeout holds for each, not for all of it, on a line however slow."""

    def send(self, data: Any) -> None:
        whole = isinstance(data, bytes) and len(data) > _PIECE
        for start in range(0, len(data), _PIECE) if whole else (0,):
            super().send(memoryview(data)[start : start + _PIECE] if whole else data)  # type: ignore[misc]


@cache
def metered_pools(limits: Limits) -> dict[str, type[HTTPConnectionPool]]:
    """Return the classes of connection pools, by scheme, whose connections read within the limits."""

    class Response(HTTPResponse):
        def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
            super().__init__(sock, *arguments, **options)
            pause_s = sock.gettimeout()
            seconds = pause_s if limits.seconds is None else limits.seconds
            self._meter = _Meter(self.fp.detach(), sock, pause_s, seconds)
            self.fp = io.BufferedReader(self._meter)

        def begin(self) -> None:
            super().begin()
            self._meter.allow(_HEAD + _FRAMED * limits.bytes, "more than its content could need")

    class Plain(_Piecewise, HTTPConnection):
        response_class = Response

    class Secure(_Piecewise, HTTPSConnection):
        response_class = Response

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain  # pyright: ignore[reportAssignmentType]  # its protocol is not that of its own classes

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure  # pyright: ignore[reportAssignmentType]

    return {"http": PlainPool, "https": SecurePool}

"""The server: it listens on loopback, and lets one request after the other at what is stored."""

from __future__ import annotations

import socket
from contextlib import suppress
from functools import partial
from http.server import ThreadingHTTPServer
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, ClassVar, Self

from .behaviour import FAULTS, FEATURES, Behaviour
from .connection import Connection
from .exchange import Refusal, Reply
from .paging import Pages
from .routes import Routes
from .storage import Store

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from .exchange import Request

__all__ = ["SmallServer"]


class SmallServer:
    """
    Serve FHIR R4 from memory, for as long as the ``with`` block runs.

    Args:
        faults: The names of the faults planted, see `FAULTS`; none for a correct server.
        without: The names of capabilities that the server does not have and does not claim, see `FEATURES`.
        port: 0 for a free one.

    Attributes:
        base_url: What the client is to use, known inside the ``with`` block.

    Raises:
        ValueError: There is no such fault or capability.
        OSError: The port is taken, at the start of the ``with`` block.
    """

    FAULTS: ClassVar[Mapping[str, str]] = FAULTS
    FEATURES: ClassVar[Mapping[str, str]] = FEATURES

    def __init__(self, faults: Collection[str] = (), *, without: Collection[str] = (), port: int = 0) -> None:
        self.base_url = ""
        self._behaviour = Behaviour(frozenset(faults), frozenset(without))
        self._routes = Routes(Store(self._behaviour), self._behaviour, Pages(self._behaviour))
        self._port = port
        self._lock = Lock()

    def __enter__(self) -> Self:
        self._http = _Http(self._port, partial(Connection, self.answer))
        self.base_url = f"http://127.0.0.1:{self._http.server_port}/fhir"
        # The interval is how long it takes to stop.
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop at once: connections that wait for a next request are cut off."""
        self._http.shutdown()
        self._thread.join()
        self._http.cut_off()
        self._http.server_close()

    def answer(self, request: Request) -> Reply:
        """Answer one request; no other one sees what it has done by half."""
        if self._behaviour.has("answers-200-to-everything") and request.path != ("metadata",):
            empty = {"resourceType": "Bundle", "type": "searchset", "total": 0}
            return Reply(200, request.body if isinstance(request.body, dict) else empty)
        try:
            with self._lock:
                return self._routes.answer(request)
        except Refusal as refusal:
            return refusal.reply()


class _Http(ThreadingHTTPServer):
    """Serve each connection in a thread of its own; at the end, wait for them."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, port: int, handler: Any) -> None:
        self._open: set[socket.socket] = set()
        self._guard = Lock()
        self._stopping = False
        super().__init__(("127.0.0.1", port), handler)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection, and hold it so that the end of the server ends it too."""
        with self._guard:
            self._open.add(request)
            if self._stopping:
                _shut(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._guard:
                self._open.discard(request)

    def cut_off(self) -> None:
        """End all connections."""
        with self._guard:
            self._stopping = True
            for each in self._open:
                _shut(each)


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):  # the client was faster
        connection.shutdown(socket.SHUT_RDWR)

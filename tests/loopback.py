"""Speak HTTP/1.1 on loopback, for the servers and proxies of the tests: connections that can be reset or cut off."""

from __future__ import annotations

import socket
import struct
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["LoopbackConnection", "LoopbackServer"]


class LoopbackConnection(BaseHTTPRequestHandler):
    """Serve the requests of one connection, one after the other; `respond` gets the whole body of each."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def respond(self, body: bytes) -> None:
        """Answer one request of any method."""
        raise NotImplementedError

    def respond_to_unknown_length(self) -> None:
        """Answer a request the length of whose body is not known; the connection ends afterwards."""
        self.send_error(400)

    def handle(self) -> None:
        """Serve until the client goes away or the server stops."""
        with suppress(OSError):
            super().handle()

    def finish(self) -> None:
        """End the connection, also when the client was faster."""
        with suppress(OSError):
            super().finish()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (as in the base class)
        """Print nothing."""

    def do_GET(self) -> None:
        """Serve one request of any method."""
        try:
            body = self._body()
        except ValueError:
            self.close_connection = True
            self.respond_to_unknown_length()
            return
        self.respond(body)

    do_DELETE = do_HEAD = do_OPTIONS = do_PATCH = do_POST = do_PUT = do_GET  # noqa: N815 (the base class wants these)

    def _body(self) -> bytes:
        """
        Read the whole body of the request.

        Raises:
            ValueError: Its length is not a number.
            ConnectionError: The client went away.
        """
        if self.headers.get("Transfer-Encoding", "").strip().lower() != "chunked":
            return self._read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline(1024).partition(b";")[0], 16):
            chunks.append(self._read(size))
            self._read(2)
        while self.rfile.readline(65536).strip():
            pass  # trailers
        return b"".join(chunks)

    def _read(self, size: int) -> bytes:
        if size < 0:
            raise ValueError("a negative length")
        data = self.rfile.read(size)
        if len(data) < size:
            raise ConnectionAbortedError
        return data

    def reset(self) -> None:
        """End the connection the hard way: with no time to linger, the system sends a reset instead of a farewell."""
        self.close_connection = True
        with suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # The reader of the connection would keep it open: closed is what the system calls it.
        descriptor = self.connection.detach()
        if descriptor >= 0:
            socket.close(descriptor)


class LoopbackServer(ThreadingTCPServer):
    """
    Serve each connection in a thread of its own; the end of the ``with`` block cuts off those that are open.

    Args:
        port: 0 for a free one.
        handler: Serves one connection, as `LoopbackConnection` does.
    """

    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, port: int, handler: Callable[..., Any]) -> None:
        self._open: set[socket.socket] = set()
        self._guard = Lock()
        self._stopping = False
        super().__init__(("127.0.0.1", port), handler)

    @property
    def port(self) -> int:
        """Return the port that it listens on."""
        return int(self.server_address[1])

    def __enter__(self) -> Self:
        # The interval is how long it takes to stop.
        self._thread = Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.shutdown()
        self._thread.join()
        with self._guard:
            self._stopping = True
            for each in self._open:
                _cut_off(each)
        self.server_close()

    @contextmanager
    def tracked(self, connection: socket.socket) -> Iterator[None]:
        """Keep a connection so that the end of the server ends it too."""
        with self._guard:
            self._open.add(connection)
            if self._stopping:
                _cut_off(connection)
        try:
            yield
        finally:
            with self._guard:
                self._open.discard(connection)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection."""
        with self.tracked(request):
            super().process_request_thread(request, client_address)


def _cut_off(connection: socket.socket) -> None:
    with suppress(OSError):  # the other side was faster
        connection.shutdown(socket.SHUT_RDWR)

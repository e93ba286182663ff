"""
Pass bytes between a client and a server, and do to those of some requests what networks do; HTTP is only counted.

On one connection requests and answers take turns: what comes from the client after an answer is the next request.
"""

from __future__ import annotations

import re
import socket
import struct
from contextlib import closing, suppress
from random import Random
from selectors import EVENT_READ, DefaultSelector
from socketserver import BaseRequestHandler
from threading import Condition
from time import monotonic, sleep
from typing import TYPE_CHECKING, NamedTuple, Self
from urllib.parse import urlsplit

from loopback import LoopbackServer

from .toxics import TOXICS, Toxic

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Hit", "TcpProxy"]

_BLOCK = 65_536
_LONGEST_ANSWER_S = 60
_REQUEST = re.compile(rb"(?P<method>[A-Z]+) (?P<path>[^ ]*) HTTP/1")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Hit(NamedTuple):
    """One request that met a fault: its number among those that may be hit, and the name of the fault."""

    number: int
    fault: str


class TcpProxy:
    """
    Stand in front of one server, on loopback, for as long as the ``with`` block runs.

    Args:
        target: The base URL of the server, http only.
        schedule: The name of the fault for each POST to the base URL in turn, None for none, and none after its end.
        seed: What chance starts from: how many bytes pass, how late they are.
        silence_s: How long the connection stays where nothing passes any more.
        late_s: The most by which bytes are late.
        bytes_s: How many bytes pass in a second where they pass slowly.

    Attributes:
        base_url: What the client is to use, known inside the ``with`` block.
        hits: The requests that met a fault.

    Raises:
        ValueError: A fault has no such name.
    """

    def __init__(
        self,
        target: str,
        schedule: Iterable[str | None],
        *,
        seed: int = 0,
        silence_s: float = 60,
        late_s: float = 0.2,
        bytes_s: float = 100_000,
    ) -> None:
        parts = urlsplit(target)
        self.address = (parts.hostname or "", parts.port or 80)
        self.base_url = ""
        self.hits: list[Hit] = []
        self.late_s = late_s
        self.bytes_s = bytes_s
        self._path = parts.path.rstrip("/")
        self._seed = seed
        self._arrived = 0
        self._open = 0
        self._change = Condition()
        self.plan(schedule, silence_s=silence_s)

    def plan(self, schedule: Iterable[str | None], *, silence_s: float) -> None:
        """
        Set what happens from now on.

        Raises:
            ValueError: A fault has no such name.
        """
        planned = tuple(schedule)
        if unknown := {name for name in planned if name} - TOXICS.keys():
            raise ValueError(f"no fault is named {', '.join(sorted(unknown))}; there are {', '.join(TOXICS)}")
        self._schedule = iter(planned)
        self.silence_s = silence_s

    def __enter__(self) -> Self:
        self._server = LoopbackServer(0, lambda *arguments: _Connection(self, *arguments))
        self.base_url = f"http://127.0.0.1:{self._server.port}{self._path}"
        self._server.__enter__()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.__exit__()

    def next_fault(self, start: bytes) -> tuple[Toxic | None, Random]:
        """Return what happens to a request that begins like this, and the chance that belongs to it."""
        line = _REQUEST.match(start)
        if not line or line["method"] != b"POST" or line["path"].decode().rstrip("/") != self._path:
            return None, Random(0)  # noqa: S311 - nothing is drawn from it
        with self._change:
            self._arrived += 1
            name = next(self._schedule, None)
            if name:
                self.hits.append(Hit(self._arrived, name))
            chance = Random(f"{self._seed} {self._arrived}")  # noqa: S311 - to be repeated, not to be secret
        return (TOXICS[name] if name else None), chance

    def count(self, change: int) -> None:
        """Count the requests that the server has and has not answered."""
        with self._change:
            self._open += change
            self._change.notify_all()

    def settle(self, timeout_s: float = 30) -> bool:
        """Wait until the server has answered all that reached it whole, and tell whether that is so."""
        with self._change:
            return self._change.wait_for(lambda: not self._open, timeout_s)


class _Connection(BaseRequestHandler):
    """Pass on the bytes of one connection, in turns."""

    def __init__(self, proxy: TcpProxy, *arguments: object) -> None:
        self._proxy = proxy
        super().__init__(*arguments)  # type: ignore[arg-type]

    def handle(self) -> None:
        """Serve one client until one of both sides ends."""
        with suppress(OSError), socket.create_connection(self._proxy.address, 10) as server, DefaultSelector() as both:
            server.settimeout(None)
            for each in (self.request, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                both.register(each, EVENT_READ)
            _Turns(self._proxy, self.request, server, both).take()


class _EndError(Exception):
    """The connection is at its end."""


class _Turns:
    """The request that is under way on one connection, and the answer to it."""

    def __init__(self, proxy: TcpProxy, client: socket.socket, server: socket.socket, both: DefaultSelector) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._both = both
        self._answering = True  # so that the first bytes begin a request
        self._toxic: Toxic | None = None
        self._chance = Random(0)  # noqa: S311
        self._passed = 0
        self._passes = 0
        self._under_way = False

    def take(self) -> None:
        """Pass bytes on until there are none any more."""
        with suppress(_EndError):
            while True:
                for key, _ in self._both.select():
                    source = key.fileobj
                    assert isinstance(source, socket.socket)
                    data = source.recv(_BLOCK)
                    if source is self._client:
                        self._of_client(data)
                    else:
                        self._of_server(data)
        self._answered()

    def _of_client(self, data: bytes) -> None:
        if not data:
            self._await_answer()
            raise _EndError
        if self._answering and _REQUEST.match(data):
            self._answering = False
            self._passed = 0
            self._toxic, self._chance = self._proxy.next_fault(data)
            self._passes = 0
            if self._toxic:
                length = _LENGTH.search(data)
                self._passes = self._toxic.passes(int(length[1]) if length else len(data), self._chance)
            self._proxy.count(1)
            self._under_way = True
        toxic = self._toxic if self._toxic and not self._toxic.of_answer else None
        self._pass(data, self._server, toxic)

    def _of_server(self, data: bytes) -> None:
        begins = not self._answering
        self._answered()
        if not data:
            raise _EndError
        toxic = self._toxic if self._toxic and self._toxic.of_answer else None
        if begins:
            self._answering = True
            self._passed = 0
            self._passes = toxic.passes(len(data), self._chance) if toxic else 0
        self._pass(data, self._client, toxic)

    def _answered(self) -> None:
        if self._under_way:
            self._under_way = False
            self._proxy.count(-1)

    def _pass(self, data: bytes, sink: socket.socket, toxic: Toxic | None) -> None:
        """Pass bytes on, as far as and as fast as a fault lets them."""
        if toxic is None:
            sink.sendall(data)
            return
        before = max(0, self._passes - self._passed)
        if self._passed + len(data) < self._passes:
            sink.sendall(data)
            self._passed += len(data)
            return
        sink.sendall(data[:before])
        self._passed += len(data)
        self._set_in(toxic, data[before:], sink)

    def _set_in(self, toxic: Toxic, rest: bytes, sink: socket.socket) -> None:
        match toxic.action:
            case "delay":
                sleep(self._chance.uniform(0, self._proxy.late_s))
                sink.sendall(rest)
            case "rate":
                self._in_pieces(rest, sink, max(1, int(self._proxy.bytes_s / 50)), 0.02)
            case "slices":
                self._in_pieces(rest, sink, max(1, len(rest) // 20), 0.002)
            case "hold":
                sink.sendall(rest)
                self._both.unregister(self._server)
                self._wait_for_client(self._proxy.late_s)
                raise _EndError
            case "end":
                raise _EndError
            case "reset":
                _reset(self._client)
                self._await_answer()
                raise _EndError
            case "silence":
                self._wait_for_client(self._proxy.silence_s)
                raise _EndError

    def _in_pieces(self, data: bytes, sink: socket.socket, size: int, pause_s: float) -> None:
        for start in range(0, len(data), size):
            sink.sendall(data[start : start + size])
            sleep(pause_s)

    def _wait_for_client(self, seconds: float) -> None:
        """Read and forget what the client sends, until the time is over or it goes away."""
        until = monotonic() + seconds
        while (left := until - monotonic()) > 0:
            self._client.settimeout(left)
            with suppress(TimeoutError):
                if not self._client.recv(_BLOCK):
                    return

    def _await_answer(self) -> None:
        """Let the server finish a request that it has whole; the client does not wait for it any more."""
        toxic = self._toxic
        if self._under_way and (toxic is None or toxic.of_answer or toxic.harmless):
            self._server.settimeout(_LONGEST_ANSWER_S)
            with suppress(OSError):
                self._server.recv(1)


def _reset(connection: socket.socket) -> None:
    with suppress(OSError), closing(connection):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

"""The proxy: it listens, serves each connection in a thread of its own, and keeps the log."""

from __future__ import annotations

from functools import partial
from threading import Condition
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from loopback import LoopbackServer

from .choice import Chooser
from .connection import Connection, Exchange

if TYPE_CHECKING:
    import socket
    from collections.abc import Collection, Iterable, Sequence
    from contextlib import AbstractContextManager

__all__ = ["Exchange", "FaultProxy"]


class FaultProxy:
    """
    Stand in front of one FHIR server, on loopback, for as long as the ``with`` block runs.

    Requests and answers pass as they are. The target is told the Host that the client wrote: a server that builds its
    URLs from that, as HAPI does, gives links that lead through the proxy. Nothing is rewritten for one that does not.
    An answer is passed on when it is there whole. A target that is not there gives 502 with an empty body; one that
    breaks off resets the connection of the client.

    Args:
        target: The base URL of the server, http only.
        faults: The names of the faults among which chance chooses.
        rate: The share of the requests that are hit, from 0 to 1.
        seed: What chance starts from.
        methods: The methods that may be hit; only a burst hits the others too.
        most_in_a_row: How often chance may hit the same request in a row: the same body or, without one, the same URL.
        schedule: The fault for each request of those methods in turn, None for none, and none after its end; then
            chance, the rate and `most_in_a_row` do not count. Requests in a burst take nothing from it.
        port: 0 for a free one.
        silence_s: How long the fault ``silence`` lasts.
        burst_s: How long the fault ``503-burst`` lasts; one by chance keeps to `most_in_a_row` as well.
        retry_after_s: What the two 429 ask for.

    Attributes:
        base_url: What the client is to use, known inside the ``with`` block.
        log: Each request in the order of their ends: see `Exchange`. A record is there before the client sees the
            end, except for ``reset-during``: there `settle` waits for the target.
        target: May be set at any time, to a base URL with the same path.

    Raises:
        ValueError: The target or a name or a number is none.
        OSError: The port is taken, at the start of the ``with`` block.
    """

    def __init__(
        self,
        target: str,
        faults: Sequence[str] = (),
        *,
        rate: float = 0.2,
        seed: int = 0,
        methods: Collection[str] = ("POST",),
        most_in_a_row: int = 2,
        schedule: Iterable[str | None] | None = None,
        port: int = 0,
        silence_s: float = 60,
        burst_s: float = 2,
        retry_after_s: int = 1,
    ) -> None:
        self.chooser = Chooser(
            faults,
            rate=rate,
            seed=seed,
            methods=methods,
            most_in_a_row=most_in_a_row,
            schedule=schedule,
            burst_s=burst_s,
        )
        self.silence_s = silence_s
        self.retry_after_s = retry_after_s
        self.base_url = ""
        self.log: list[Exchange] = []
        self._path = urlsplit(target).path.rstrip("/")
        self.target = target
        self._port = port
        self._arrived = 0
        self._change = Condition()

    @property
    def target(self) -> str:
        """Return the base URL of the server in the back."""
        return self._target

    @target.setter
    def target(self, url: str) -> None:
        parts = urlsplit(url)
        _ = parts.port  # which raises where it is not a number
        if parts.scheme != "http" or not parts.hostname or parts.path.rstrip("/") != self._path:
            raise ValueError(f"{url} is not a base URL of the form http://HOST:PORT{self._path}")
        self._target = url

    def __enter__(self) -> Self:
        self._server = LoopbackServer(self._port, partial(Connection, self))
        self.base_url = f"http://127.0.0.1:{self._server.port}{self._path}"
        self._server.__enter__()
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop at once: what is still under way is cut off on both sides."""
        self._server.__exit__()

    def settle(self, timeout_s: float = 30) -> bool:
        """Wait until each request that arrived has its record, and tell whether that is so."""
        with self._change:
            return self._change.wait_for(lambda: len(self.log) == self._arrived, timeout_s)

    def arrived(self) -> int:
        """Count one more request, and give its number."""
        with self._change:
            self._arrived += 1
            return self._arrived

    def record(self, exchange: Exchange) -> None:
        """Add to the log."""
        with self._change:
            self.log.append(exchange)
            self._change.notify_all()

    def tracked(self, connection: socket.socket) -> AbstractContextManager[None]:
        """Track a connection to the target, so that the end of the proxy ends it too."""
        return self._server.tracked(connection)

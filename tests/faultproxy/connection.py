"""Serve one connection of a client: read its requests, have them forwarded, and give the answer or the fault."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from http.client import responses
from time import monotonic
from typing import TYPE_CHECKING, Any

from loopback import LoopbackConnection

from .faults import FAULTS, NO_ANSWER, Answer
from .forward import NotReachedError, forward

if TYPE_CHECKING:
    from .proxy import FaultProxy

__all__ = ["Connection", "Exchange"]


@dataclass(frozen=True)
class Exchange:
    """
    Record what became of one request.

    Args:
        number: Counts the requests from 1 as they arrive.
        path: With the query.
        fault: The name of the fault that the client met, empty for none.
        forwarded: The target got the request, at least a part of it.
        status: The status that the target answered, 0 if it did not.
        size: The bytes of the body of the request, as they came.
        seconds: From the whole request to the whole answer of the target.
        request_id: The header X-Request-ID of the request.
    """

    number: int
    method: str
    path: str
    fault: str
    forwarded: bool
    status: int
    size: int
    seconds: float
    request_id: str


class Connection(LoopbackConnection):
    """Serve the requests of one connection: have them forwarded, and pass on the answer or the fault."""

    def __init__(self, proxy: FaultProxy, *arguments: Any) -> None:
        self._proxy = proxy
        super().__init__(*arguments)

    def respond(self, body: bytes) -> None:
        """Serve one request of any method; the log of the proxy has it all."""
        number = self._proxy.arrived()
        started = monotonic()
        compressed = self.headers.get("Content-Encoding", "").strip().lower() == "gzip"
        name = self._proxy.chooser.choose(self.command, self.path, body, compressed=compressed, now=started)
        fault = FAULTS.get(name)
        forwarded, answer = False, NO_ANSWER
        if fault is None or fault.forwards:
            forwarded, answer = self._forward(body, reset=fault is not None and fault.ending == "reset-at-once")
            if not forwarded or (not answer.status and name != "reset-during"):
                name = ""  # what the client meets is the state of the target, not the fault
        exchange = Exchange(
            number=number,
            method=self.command,
            path=self.path,
            fault=name,
            forwarded=forwarded,
            status=answer.status,
            size=len(body),
            seconds=monotonic() - started,
            request_id=self.headers.get("X-Request-ID", ""),
        )
        self._proxy.record(exchange)  # before the client can see the end, so that it finds the record
        self._end(exchange, answer)

    def _forward(self, body: bytes, *, reset: bool) -> tuple[bool, Answer]:
        """Return whether the target got the request, and its answer."""
        try:
            answer = forward(
                self._proxy.target,
                self.command,
                self.path,
                self.headers.items(),
                body,
                tracked=self._proxy.tracked,
                sent=self.reset if reset else lambda: None,
            )
        except NotReachedError:
            return False, NO_ANSWER
        return True, answer

    def _end(self, exchange: Exchange, answer: Answer) -> None:
        """Return the client what it is to see."""
        fault = FAULTS.get(exchange.fault)
        if fault is None:
            if answer.status:
                self._answer(answer)
            elif exchange.forwarded:
                self.reset()
            else:
                self._answer(Answer(502))
        elif fault.ending == "answer" and fault.answer is not None:
            self._answer(fault.answer(answer, self._proxy.retry_after_s))
        elif fault.ending == "half":
            self._answer(answer, half=True)
        elif fault.ending == "silence":
            self._keep_silent()
        else:
            self.reset()

    def _answer(self, answer: Answer, *, half: bool = False) -> None:
        """Write an answer in one piece; of half an answer the client is told the whole length, one byte at least."""
        headers = list(answer.headers)
        if self.command != "HEAD" and answer.status not in {204, 304}:
            headers.append(("Content-Length", str(max(len(answer.body), half))))
        elif half:
            headers = []
        if half:
            self.close_connection = True
        if self.close_connection:
            headers.append(("Connection", "close"))
        reason = answer.reason or responses.get(answer.status, "")
        lines = [f"HTTP/1.1 {answer.status} {reason}", *(f"{name}: {value}" for name, value in headers), "", ""]
        body = b"" if self.command == "HEAD" else answer.body
        self.wfile.write("\r\n".join(lines).encode("latin-1") + (body[: len(body) // 2] if half else body))

    def _keep_silent(self) -> None:
        """Say nothing until the time is over, the client goes away, or the proxy stops, which ends the connection."""
        self.close_connection = True
        self.connection.settimeout(self._proxy.silence_s)
        with suppress(OSError):
            self.connection.recv(1)

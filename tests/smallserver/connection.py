"""Speak HTTP with one client: make requests of what it sends, and write the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from requests.structures import CaseInsensitiveDict

from loopback import LoopbackConnection

from .exchange import Refusal, Reply, Request, target
from .formats import chosen, plain, read, written

if TYPE_CHECKING:
    from collections.abc import Callable

    from .behaviour import Behaviour
    from .formats import Format

__all__ = ["Connection"]

_BASE = "/fhir"
_FORM = "application/x-www-form-urlencoded"
_WRITING = ("POST", "PUT", "PATCH")


class Connection(LoopbackConnection):
    """Serve the requests of one connection; where there is no reply to one, the connection is reset."""

    server_version = "small-server"
    wbufsize = -1

    def __init__(self, answer: Callable[[Request], Reply | None], behaviour: Behaviour, *arguments: Any) -> None:
        self._answer = answer
        self._behaviour = behaviour
        self._format: Format = "json"
        super().__init__(*arguments)

    def respond(self, body: bytes) -> None:
        """Serve one request of any method."""
        reply: Reply | None
        try:
            reply = self._answer(self._request(body))
        except Refusal as refusal:
            reply = refusal.reply()
        except Exception as error:  # whatever it is, the client learns of it
            reply = Refusal(500, f"{type(error).__name__}: {error}").reply()
        if reply is None:
            self.reset()
        else:
            self._write(reply)

    def respond_to_unknown_length(self) -> None:
        """Refuse a request the length of whose body is not known."""
        self._write(Refusal(400, "the length of the body is not known").reply())

    def _request(self, body: bytes) -> Request:
        host = self.headers.get("Host", "")
        url = self.path.removeprefix(f"http://{host}")
        if not url.startswith((f"{_BASE}/", f"{_BASE}?")) and url != _BASE:
            raise Refusal(404, f"the base URL of this server ends in {_BASE}")
        path, query = target(url.removeprefix(_BASE))
        of_binary = self.command in ("GET", "HEAD") and path[:1] == ("Binary",) and len(path) > 1
        wanted = self.headers.get("Accept", ""), dict(query).get("_format")
        self._format = "json"
        self._format = chosen(*wanted, self._behaviour, of_binary=of_binary)
        json: Any = None
        if body and self.command in _WRITING:
            body = plain(body, self.headers.get("Content-Encoding", "").strip().lower(), self._behaviour)
            if self._kind() == _FORM:
                query = (*query, *parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
            else:
                json = read(body, self.headers.get("Content-Type", ""), self._behaviour)
        headers = CaseInsensitiveDict(self.headers.items())
        headers.pop("entry", None)  # which tells the entries of Bundles
        return Request(self.command, path, query, headers, json, f"http://{host}{_BASE}", body)

    def _kind(self) -> str:
        return str(self.headers.get("Content-Type", "")).partition(";")[0].strip().lower()

    def _write(self, reply: Reply) -> None:
        body, kind = written(reply, self._format, pretty="_pretty=true" in self.path)
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if request_id := self.headers.get("X-Request-Id"):
            self.send_header("X-Request-Id", request_id)
        if kind:
            self.send_header("Content-Type", kind)
        if reply.status != 204:
            self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

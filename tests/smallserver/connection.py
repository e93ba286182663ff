"""Speak HTTP with one client: make requests of what it sends, and write the answers."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from requests.structures import CaseInsensitiveDict

from loopback import LoopbackConnection

from .digits import dump, parse
from .exchange import Refusal, Reply, Request, target

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Connection"]

_BASE = "/fhir"
_FORM = "application/x-www-form-urlencoded"
_JSON = ("", "application/fhir+json", "application/json", "application/json-patch+json", "text/json")
_FORMATS = {"json", "application/json", "application/fhir+json", "application/fhir json", "text/json"}
_WRITING = ("POST", "PUT", "PATCH")


class Connection(LoopbackConnection):
    """Serve the requests of one connection; where there is no reply to one, the connection is reset."""

    server_version = "small-server"
    wbufsize = -1

    def __init__(self, answer: Callable[[Request], Reply | None], *arguments: Any) -> None:
        self._answer = answer
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
        self._check_format(dict(query).get("_format"))
        json: Any = None
        if body and self.command in _WRITING:
            body = self._plain(body)
            if self._kind() == _FORM:
                query = (*query, *parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
            else:
                json = self._json(body)
        headers = CaseInsensitiveDict(self.headers.items())
        headers.pop("entry", None)  # which tells the entries of Bundles
        return Request(self.command, path, query, headers, json, f"http://{host}{_BASE}", body)

    def _kind(self) -> str:
        return str(self.headers.get("Content-Type", "")).partition(";")[0].strip().lower()

    def _plain(self, body: bytes) -> bytes:
        encoding = self.headers.get("Content-Encoding", "").strip().lower()
        if encoding in ("", "identity"):
            return body
        if encoding != "gzip":
            raise Refusal(415, f"a body encoded as {encoding} cannot be read")
        try:
            return gzip.decompress(body)
        except (OSError, EOFError, zlib.error) as error:
            raise Refusal(400, f"the body is not gzip: {error}") from error

    def _json(self, body: bytes) -> Any:
        if self._kind() not in _JSON:
            raise Refusal(415, f"{self._kind()} is not supported; application/fhir+json is")
        try:
            return parse(body)
        except (ValueError, RecursionError) as error:
            raise Refusal(400, f"the body is not JSON: {error}", code="structure") from error

    def _check_format(self, format_: str | None) -> None:
        # https://hl7.org/fhir/R4/http.html#mime-type
        accepted = [each.partition(";")[0].strip().lower() for each in self.headers.get("Accept", "").split(",")]
        wanted = [format_.lower()] if format_ is not None else accepted
        if not any(each in _FORMATS or each in ("", "*/*", "application/*", *_JSON) for each in wanted):
            raise Refusal(406, f"there is only JSON here, and {', '.join(wanted)} is wanted")

    def _write(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if request_id := self.headers.get("X-Request-Id"):
            self.send_header("X-Request-Id", request_id)
        body = b"" if reply.body is None else dump(reply.body, pretty="_pretty=true" in self.path)
        if reply.body is not None:
            self.send_header("Content-Type", "application/fhir+json;charset=utf-8")
        if reply.status != 204:
            self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

"""Send requests to a server and record them with their answers, as evidence without secrets."""

from __future__ import annotations

import gzip
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Barrier
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from fhir_case.errors import ServerError
from fhir_case.fhir import wire
from fhir_case.fhir.references import location_of
from fhir_case.http.address import is_below
from fhir_case.interop.failure import place_of
from fhir_case.interop.result import Exchange
from fhir_case.server.connection import Connection, prepared_session
from fhir_case.server.failures import failure_of
from fhir_case.server.guard import checked_base_url
from fhir_case.server.redaction import secrets_of, without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType
    from typing import Self

    import requests

    from fhir_case.fhir.wire import Resource

__all__ = ["Recorder", "Reply"]

_JSON = "application/fhir+json"
_RECORDED_HEADERS = ("ETag", "Location", "Content-Location", "Last-Modified", "Content-Type", "Allow")
_MAX_LENGTH = 6_000
_MOST_UNANSWERED = 3


@dataclass(frozen=True, slots=True)
class Reply:
    """
    One answer, whatever its status.

    Args:
        status: The HTTP status.
        headers: The headers; their names may be asked for in any case.
        body: The resource; None when the answer holds none in JSON.
        content: The bytes of the answer.
    """

    status: int
    headers: Mapping[str, str]
    body: Resource | None
    content: bytes = b""

    @property
    def content_type(self) -> str:
        """Return the content type, without its parameters."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    @property
    def ok(self) -> bool:
        """Whether the server says that it did what was asked."""
        return 200 <= self.status < 300

    @property
    def unsupported(self) -> bool:
        """Whether the server says that it has no such interaction."""
        return self.status in (404, 405, 501)

    def location(self) -> str:
        """Return ``Type/id`` of what was created, from the header or from the resource; empty when neither tells."""
        try:
            path = urlsplit(self.headers.get("Location", "")).path
        except ValueError:  # it is no URL
            path = ""
        if location := location_of(path):
            return location.reference
        body = self.body or {}
        if body.get("id") and body.get("resourceType") not in (None, "OperationOutcome", "Bundle"):
            return f"{body['resourceType']}/{body['id']}"
        return ""

    def version(self) -> str:
        """Return the version that ``ETag`` names; empty when there is none."""
        return self.headers.get("ETag", "").removeprefix("W/").strip('"')


@dataclass(slots=True)
class Recorder:
    """
    Requests to one server, each kept with its answer; a context manager that closes the connections.

    Args:
        base_url: The address of the server, without credentials.
        connection: Authentication, and how the server is reached.
        timeout_s: The seconds to wait for a connection, and for the whole of an answer.
        exchanges: What was recorded, in its order.
        sent: How many requests were sent, also those that are not recorded.
        gone: Why nothing more is sent, once several requests in a row got no answer; empty before.
    """

    base_url: str
    connection: Connection = field(default_factory=Connection)
    timeout_s: tuple[float, float] = (10, 60)
    exchanges: list[Exchange] = field(default_factory=list)
    sent: int = 0
    gone: str = ""
    _unanswered: int = 0
    _session: requests.Session | None = None

    def __post_init__(self) -> None:
        self.base_url = checked_base_url(self.base_url)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    @contextmanager
    def unrecorded(self) -> Iterator[None]:
        """Forget what is asked within, when it went well."""
        mark = len(self.exchanges)
        yield
        del self.exchanges[mark:]

    def ask(
        self,
        method: str,
        path: str,
        body: Resource | list[Any] | bytes | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        parameters: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
        content_type: str = _JSON,
        compressed: bool = False,
    ) -> Reply:
        """
        Send one request, once, and keep it with its answer.

        Args:
            path: What follows the base URL; empty for the base URL itself. A whole URL has to be below it.
            parameters: The query.
            compressed: Whether the body is sent compressed with gzip; it is recorded as it was before.

        Raises:
            ServerError: There was no answer, or the URL leads elsewhere.
        """
        import requests

        if self.gone:
            raise ServerError(self.gone)
        url = self._url(path) + (f"?{urlencode(parameters)}" if parameters else "")
        data = body if isinstance(body, bytes) or body is None else wire.dump(body)
        sent = {"Accept": _JSON, "Cache-Control": "no-cache", **({"Content-Type": content_type} if data else {})}
        content = data
        if compressed:
            sent["Content-Encoding"], content = "gzip", gzip.compress(data or b"")
        if self._session is None:
            self._session = prepared_session(self.connection, self.base_url)
        begin = time.perf_counter()
        self.sent += 1
        try:
            response = self._session.request(
                method, url, data=content, headers={**sent, **(headers or {})}, timeout=self.timeout_s,
                allow_redirects=False,
            )  # fmt: skip
        except requests.RequestException as error:
            message, hint, *_ = failure_of(error, host=urlsplit(url).netloc, timeout_s=self.timeout_s)
            self._record(method, url, data, begin, response_body=message)
            self._unanswered += 1
            if self._unanswered >= _MOST_UNANSWERED:
                self.gone = f"the server no longer answers: {message}"
            raise ServerError(message, where=f"{method} {url.partition('?')[0]}", hint=hint) from error
        except ValueError as error:  # for example, the Location of a redirect is no URL
            message = f"the answer cannot be used ({place_of(error)})"
            self._record(method, url, data, begin, response_body=message)
            raise ServerError(message, where=f"{method} {url.partition('?')[0]}") from error
        self._unanswered = 0
        secrets = secrets_of(response.request.headers, self.connection.headers)
        recorded = {
            name: without_secrets(response.headers[name], secrets)
            for name in _RECORDED_HEADERS
            if name in response.headers
        }
        text = without_secrets(response.content.decode("utf-8", "replace"), secrets)
        self._record(method, url, data, begin, status=response.status_code, headers=recorded, response_body=text)
        return Reply(response.status_code, response.headers, _resource(response.content), response.content)

    def at_once(self, number: int, *request: Any, **options: Any) -> list[Reply]:
        """
        Send the same request several times at once, each over a connection of its own, and keep all with their answers.

        Raises:
            ServerError: One got no answer.
        """
        ready = Barrier(number)

        def ask(recorder: Recorder) -> Reply:
            with recorder:
                ready.wait(self.timeout_s[1])
                return recorder.ask(*request, **options)

        recorders = [Recorder(self.base_url, self.connection, self.timeout_s) for _ in range(number)]
        with ThreadPoolExecutor(number) as pool:
            futures = [pool.submit(ask, each) for each in recorders]
        self.sent += sum(each.sent for each in recorders)
        self.exchanges += [exchange for each in recorders for exchange in each.exchanges]
        return [each.result() for each in futures]

    def _url(self, path: str) -> str:
        if path.startswith(("http://", "https://")):
            if not is_below(path, self.base_url):
                raise ServerError(f"the server redirects to another address: {path.partition('?')[0]}")
            return path
        return f"{self.base_url}/{path}".rstrip("/")

    def _record(
        self,
        method: str,
        url: str,
        data: bytes | None,
        begin: float,
        *,
        status: int = 0,
        headers: Mapping[str, str] | None = None,
        response_body: str = "",
    ) -> None:
        sent = (data or b"").decode("utf-8", "replace")
        milliseconds = round(1000 * (time.perf_counter() - begin))
        self.exchanges.append(
            Exchange(method, url, _cut(sent), status, dict(headers or {}), _cut(response_body), milliseconds)
        )


def _cut(text: str) -> str:
    if len(text) <= _MAX_LENGTH:
        return text
    return f"{text[:_MAX_LENGTH]}\n… cut: {len(text) - _MAX_LENGTH:,} more characters"


def _resource(content: bytes) -> Resource | None:
    try:
        body = wire.parse_foreign(content)
    except ValueError:
        return None
    return body if isinstance(body, dict) and isinstance(body.get("resourceType"), str) else None

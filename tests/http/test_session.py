"""One place makes the sessions: no credentials of the environment, and a response within its limits."""

from __future__ import annotations

import ast
import gzip
import itertools
import tracemalloc
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from socketserver import StreamRequestHandler
from typing import TYPE_CHECKING, Any

import pytest
import requests

import fhir_case
from fhir_case.errors import ServerError
from fhir_case.http.errors import RedirectError, ResponseTooLargeError
from fhir_case.http.limits import Limits
from fhir_case.http.session import Session
from fhir_case.server.client import Client
from fhir_case.server.connection import Connection
from loopback import LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import responses

PACKAGE = Path(fhir_case.__file__).parent
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\n"
PIECE = b"a" * 65_536
MEGABYTE = 1_000_000


class Sent:
    """How many bytes a server could send before the client went away."""

    bytes = 0
    requests = 0


@contextmanager
def sending(pieces: Callable[[], Iterable[bytes]]) -> Iterator[tuple[str, Sent]]:
    """Serve these bytes to whoever connects, whatever was asked; the pieces may be without end."""
    sent = Sent()

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            self.connection.recv(65_536)
            sent.requests += 1
            try:
                for piece in pieces():
                    self.connection.sendall(piece)
                    sent.bytes += len(piece)
            except OSError:
                pass

    with LoopbackServer(0, Handler) as server:
        yield f"http://127.0.0.1:{server.port}/fhir", sent


def endless(*first: bytes, then: bytes = PIECE) -> Any:
    return lambda: itertools.chain(first, itertools.repeat(then))


def once(*pieces: bytes) -> Any:
    return lambda: iter(pieces)


def get(url: str, limits: Limits) -> requests.Response:
    with Session(limits) as session:
        return session.get(url, timeout=(5, 5))


def chunk(content: bytes, extension: bytes = b"") -> bytes:
    return b"%x%s\r\n%s\r\n" % (len(content), extension, content)


@pytest.mark.parametrize(
    ("pieces", "what"),
    [
        (endless(OK + b"\r\n"), "more than 1,000,000 bytes"),
        (endless(OK + b"Content-Length: 99999999999\r\n\r\n"), "more than 1,000,000 bytes"),
        (endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", then=chunk(PIECE)), "more than 1,000,000 bytes"),
        (endless(then=b"HTTP/1.1 100 Continue\r\n\r\n" * 1000), "a head of more than 1 MB"),
        (
            endless(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", then=b"Trailer: x\r\n" * 1000),
            "more than its content could need",
        ),
    ],
    ids=["to the end of the connection", "stated length", "chunks", "interim responses", "trailers"],
)
def test_an_endless_response_is_read_no_further_than_its_limit(pieces: Any, what: str) -> None:
    with sending(pieces) as (url, sent), pytest.raises(ResponseTooLargeError, match=what):
        get(url, Limits(bytes=MEGABYTE))

    assert sent.bytes < 12 * MEGABYTE  # what the buffers of both sides take is more than what was read


@pytest.mark.parametrize(
    "pieces",
    [
        endless(b"HTTP/1.1 200 OK\r\nX: ", then=PIECE),
        endless(b"HTTP/1.1 200 OK\r\n", then=b"X: y\r\n" * 1000),
        endless(OK + b"Transfer-Encoding: chunked\r\n\r\n1;", then=PIECE),
        endless(then=PIECE),
    ],
    ids=["one header", "many headers", "chunk extension", "status line"],
)
def test_endless_lines_are_given_up(pieces: Any) -> None:
    with sending(pieces) as (url, sent), pytest.raises(requests.RequestException):
        get(url, Limits(bytes=MEGABYTE))

    assert sent.bytes < 12 * MEGABYTE


def test_a_small_response_that_unpacks_to_a_gigabyte_is_not_unpacked() -> None:
    packed = gzip.compress(bytes(40 * MEGABYTE))
    head = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    with sending(once(head, packed)) as (url, _):
        tracemalloc.start()
        try:
            with pytest.raises(ResponseTooLargeError, match="compressed more than 200 times"):
                get(url, Limits())
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        with pytest.raises(ResponseTooLargeError, match="more than 20,000,000 bytes"):
            get(url, Limits(bytes=20 * MEGABYTE, ratio=10_000))

        assert 40 * MEGABYTE == len(get(url, Limits(ratio=10_000)).content)
    assert peak < 30 * MEGABYTE


def test_the_answer_to_a_large_transaction_passes_packed_and_plain() -> None:
    entries = b",".join(
        b'{"response":{"status":"201 Created","location":"Observation/%d/_history/1","etag":"W/\\"1\\""}}' % number
        for number in range(150_000)
    )
    answer = b'{"resourceType":"Bundle","type":"transaction-response","entry":[%s]}' % entries
    packed = gzip.compress(answer)
    head = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)

    with sending(once(head, packed)) as (url, _):
        assert answer == get(url, Limits()).content
    with sending(once(OK + b"Content-Length: %d\r\n\r\n" % len(answer), answer)) as (url, _):
        assert answer == get(url, Limits()).content


@pytest.mark.parametrize(
    "pieces",
    [
        endless(OK + b"Content-Length: 100000\r\n\r\n", then=b" "),
        endless(then=b"HTTP/1.1 100 Continue\r\n\r\n"),
        endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", then=chunk(b" ")),
    ],
    ids=["drip", "interim responses", "chunks"],
)
def test_the_time_for_a_response_is_over_though_each_byte_comes_in_time(
    pieces: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A clock on which each reading of the socket takes a second: so ten of them are all that there may be.
    seconds = itertools.count()
    monkeypatch.setattr("fhir_case.http.metered.time.monotonic", lambda: float(next(seconds)))
    with sending(pieces) as (url, _), Session(Limits(seconds=10)) as session, pytest.raises(requests.RequestException):
        session.get(url, timeout=5)

    assert next(seconds) < 20


def test_the_timeout_of_a_client_is_for_the_whole_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = itertools.count()
    monkeypatch.setattr("fhir_case.http.metered.time.monotonic", lambda: float(next(seconds)))
    drip = endless(OK + b"Content-Length: 100000\r\n\r\n", then=b" ")
    with (
        sending(drip) as (url, sent),
        Client(url, timeout_s=(5, 20)) as client,
        pytest.raises(ServerError, match=r"the answer of 127.* was not complete within 20 s"),
    ):
        client.request("GET", "metadata")

    assert 1 == sent.requests


def test_an_answer_that_is_too_large_is_not_asked_for_again_and_may_have_been_stored() -> None:
    with (
        sending(endless(OK + b"\r\n")) as (url, sent),
        Client(url, connection=Connection(limits=Limits(bytes=MEGABYTE))) as client,
    ):
        with pytest.raises(ServerError, match=r"too large: more than 1,000,000 bytes; .*--max-response-bytes") as read:
            client.request("GET", "metadata")
        with pytest.raises(ServerError, match="it may have been stored all the same") as written:
            client.transaction({"resourceType": "Bundle"}, repeatable=True)

    assert 2 == sent.requests
    assert (False, False) == (read.value.again, read.value.perhaps_done)
    assert (False, True) == (written.value.again, written.value.perhaps_done)


def test_a_large_body_is_sent_in_pieces_each_within_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    send = HTTPConnection.send

    def note(connection: HTTPConnection, data: Any) -> None:
        sizes.append(len(data))
        if len(data) < 10_000:  # the head of the request; the server of this test wants no body
            send(connection, data)

    monkeypatch.setattr(HTTPConnection, "send", note)
    with sending(once(OK + b"Content-Length: 2\r\n\r\n{}")) as (url, _), Session() as session:
        session.post(url, b"x" * MEGABYTE, timeout=5)

    assert MEGABYTE == sum(size for size in sizes if size > 10_000)
    assert max(sizes) <= 1 << 18


@pytest.mark.parametrize("location", ["http://[::1", "http://127.0.0.1:99999/", "http://a:b:c/", "//[", "http://\xff"])
def test_a_redirect_to_what_is_no_address_is_an_error_in_words(location: str) -> None:
    moved = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: %s\r\n\r\n" % location.encode("latin-1")
    with sending(once(moved)) as (url, _):
        with pytest.raises(requests.RequestException):
            get(url, Limits())
        for method in ("GET", "POST"):
            with Client(url) as client, pytest.raises(ServerError, match=r"redirect|host name"):
                client.request(method, body={} if method == "POST" else None)


def test_redirects_to_what_is_no_address_have_an_error_of_their_own() -> None:
    moved = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: http://[::1\r\n\r\n"
    with sending(once(moved)) as (url, _), pytest.raises(RedirectError):
        get(url, Limits())


@pytest.mark.parametrize("base", ["http://fhir.example/fhir", "https://fhir.example/fhir"])
@pytest.mark.usefixtures("netrc")
def test_nobody_signs_in_by_the_users_netrc(http: responses.RequestsMock, base: str) -> None:
    http.get(f"{base}/Patient", status=302, headers={"Location": f"{base}/Moved"})
    http.get(f"{base}/Moved", json={})
    with Session() as session:
        session.get(f"{base}/Patient")

    assert [None, None] == [call.request.headers.get("Authorization") for call in http.calls]


@pytest.mark.usefixtures("netrc")
def test_the_client_of_the_library_does_not_sign_in_by_netrc(http: responses.RequestsMock) -> None:
    http.get("http://fhir.example/fhir/Patient/1", json={"resourceType": "Patient"})
    with Client("http://fhir.example/fhir") as client:
        client.read("Patient", "1")

    assert "Authorization" not in http.calls[0].request.headers


def test_the_environments_proxies_and_certificates_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))
    with Session() as session:
        settings = session.merge_environment_settings("https://fhir.example/", {}, None, None, None)

    assert ("http://proxy.example:3128", str(tmp_path)) == (settings["proxies"]["https"], settings["verify"])


def test_no_other_module_makes_a_session_or_asks_without_one() -> None:
    names = ("Session", "session", "get", "post", "put", "patch", "delete", "head", "options", "request")
    asking = {f"requests.{name}" for name in names} | {"HTTPConnection", "HTTPSConnection", "urlopen", "PoolManager"}
    imported = {"requests.api", "requests.sessions", "urllib.request", "httpx", "aiohttp"}
    found = []
    for file in sorted(PACKAGE.rglob("*.py")):
        name = file.relative_to(PACKAGE).as_posix()
        text = file.read_text("utf-8")
        for node in ast.walk(ast.parse(text)):
            used = [node.func] if isinstance(node, ast.Call) else getattr(node, "bases", [])
            found += [name for each in used if ast.unparse(each) in asking]
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "OAuth2Session":
                found += [] if "bound(session" in text else [name]
            if isinstance(node, ast.Import):
                found += [name for each in node.names if each.name in imported]
            if isinstance(node, ast.ImportFrom):
                found += [name] if node.module in imported else []
                found += [name for each in node.names if node.module == "requests" and each.name in names]

    assert ["http/metered.py"] * 2 + ["http/session.py"] == found  # the connections, and the session itself


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "netrc"
    file.write_text("default login eve password word\n")
    file.chmod(0o600)
    monkeypatch.setenv("NETRC", str(file))

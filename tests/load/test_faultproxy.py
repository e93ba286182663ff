"""The fault proxy does what each fault says, to the requests that it says, and nothing else."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Barrier, Event, Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from faultproxy import FaultProxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

BODY = b'{"resourceType":"Bundle","type":"transaction"}'
ANSWER = b'{"resourceType":"Bundle","type":"transaction-response"}'
JSON = "application/fhir+json"


@dataclass
class Target:
    """A server that notes what it got, and answers when it is let."""

    base_url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    work: Callable[[], object] = bool  # what it does between a request and its answer


@dataclass(frozen=True)
class Seen:
    """What a client sees."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@contextmanager
def serving() -> Iterator[Target]:
    target = Target()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            target.bodies.append(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
            target.headers.append(dict(self.headers))
            target.work()
            self.send_response(200)
            self.send_header("Content-Type", JSON)
            self.send_header("ETag", 'W/"1"')
            self.send_header("Content-Length", str(len(ANSWER)))
            with suppress(ConnectionError):  # a proxy that stops hangs up
                self.end_headers()
                self.wfile.write(b"" if self.command == "HEAD" else ANSWER)

        do_GET = do_HEAD = do_POST  # noqa: N815 (the base class wants these names)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (as in the base class)
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = False

    with Server(("127.0.0.1", 0), Handler) as server:
        target.base_url = f"http://127.0.0.1:{server.server_address[1]}/fhir"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield target
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def target() -> Iterator[Target]:
    with serving() as target:
        yield target


def connect(proxy: FaultProxy, timeout: float = 10) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(proxy.base_url).netloc, timeout=timeout)


def ask(
    proxy: FaultProxy, body: bytes | Iterable[bytes] | None = BODY, method: str = "POST", path: str = "", **headers: str
) -> Seen:
    """Make one request on a connection of its own."""
    connection = connect(proxy)
    try:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, f"/fhir{path}", body, sent, encode_chunked=True)
        with connection.getresponse() as response:
            return Seen(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()


def fates(proxy: FaultProxy) -> list[tuple[str, bool, int]]:
    return [(one.fault, one.forwarded, one.status) for one in proxy.log]


def test_without_a_fault_requests_and_answers_pass_as_they_are(target: Target) -> None:
    with FaultProxy(target.base_url, ("503",), rate=0) as proxy:
        seen = ask(proxy, X_Request_ID="r-1", Content_Type=JSON, path="?_pretty=true")

    headers = seen.headers
    assert (200, JSON, 'W/"1"', ANSWER) == (seen.status, headers["Content-Type"], headers["ETag"], seen.body)
    assert [BODY] == target.bodies
    assert JSON == target.headers[0]["Content-Type"]
    one = proxy.log[0]
    assert [("", True, 200)] == fates(proxy)
    assert (1, "POST", "/fhir?_pretty=true") == (one.number, one.method, one.path)
    assert (len(BODY), "r-1") == (one.size, one.request_id)


def test_the_target_is_told_the_host_of_the_proxy_so_that_its_links_lead_through_it(target: Target) -> None:
    with FaultProxy(target.base_url) as proxy:
        ask(proxy)

        assert proxy.base_url == f"http://{target.headers[0]['Host']}/fhir"
        assert proxy.base_url != target.base_url


@pytest.mark.parametrize(
    ("name", "status", "header", "value"),
    [
        ("503", 503, "Content-Length", "0"),
        ("429-seconds", 429, "Retry-After", "7"),
        ("401", 401, "WWW-Authenticate", "Bearer"),
        ("413", 413, "Content-Length", "0"),
        ("html-before", 502, "Content-Type", "text/html"),
    ],
)
def test_a_refusal_is_not_forwarded(target: Target, name: str, status: int, header: str, value: str) -> None:
    with FaultProxy(target.base_url, schedule=[name], retry_after_s=7) as proxy:
        seen = ask(proxy)

    assert (status, value) == (seen.status, seen.headers[header])
    assert [] == target.bodies
    assert [(name, False, 0)] == fates(proxy)


def test_a_429_with_a_date_names_a_time_that_is_not_too_early(target: Target) -> None:
    with FaultProxy(target.base_url, schedule=["429-date"], retry_after_s=7) as proxy:
        before = time.time()
        seen = ask(proxy)
        after = time.time()

    assert 429 == seen.status
    assert before + 7 <= parsedate_to_datetime(seen.headers["Retry-After"]).timestamp() <= after + 8
    assert [] == target.bodies


@pytest.mark.parametrize(
    ("name", "status", "kind", "text"),
    [
        ("wrong-type", 200, "text/plain", ANSWER),
        ("wrong-body", 200, JSON, b"This is not JSON."),
        ("html", 502, "text/html", b"<!DOCTYPE html>"),
        ("500", 500, JSON, b'{"resourceType": "OperationOutcome"'),
    ],
)
def test_a_wrong_answer_comes_after_the_server_has_done_its_work(
    target: Target, name: str, status: int, kind: str, text: bytes
) -> None:
    with FaultProxy(target.base_url, schedule=[name]) as proxy:
        seen = ask(proxy)

    assert (status, kind) == (seen.status, seen.headers["Content-Type"])
    assert seen.body.startswith(text)
    assert [BODY] == target.bodies
    assert [(name, True, 200)] == fates(proxy)


@pytest.mark.parametrize(("name", "arrives"), [("reset-before", False), ("reset-after", True)])
def test_a_reset_is_a_reset_and_the_server_has_done_all_or_nothing(target: Target, name: str, arrives: bool) -> None:
    with FaultProxy(target.base_url, schedule=[name]) as proxy:
        with pytest.raises(ConnectionResetError) as caught:
            ask(proxy)

        # The log is read at once: a client that sees the reset may rely on what the server did.
        assert [(name, arrives, 200 if arrives else 0)] == fates(proxy)
    assert not isinstance(caught.value, http.client.RemoteDisconnected)  # that would be an orderly end
    assert [BODY] * arrives == target.bodies


def test_a_reset_during_the_work_does_not_keep_the_server_from_ending_it(target: Target) -> None:
    may_end = Event()
    target.work = lambda: may_end.wait(10)
    with FaultProxy(target.base_url, schedule=["reset-during"]) as proxy:
        with pytest.raises(ConnectionResetError) as caught:
            ask(proxy)
        assert not proxy.settle(timeout_s=0)
        may_end.set()
        assert proxy.settle(timeout_s=10)

    assert not isinstance(caught.value, http.client.RemoteDisconnected)
    assert [("reset-during", True, 200)] == fates(proxy)
    assert [BODY] == target.bodies


def test_half_an_answer_claims_to_be_whole(target: Target) -> None:
    with (
        FaultProxy(target.base_url, schedule=["half"]) as proxy,
        pytest.raises(http.client.IncompleteRead) as caught,
    ):
        ask(proxy)

    half = len(ANSWER) // 2
    assert ANSWER[:half] == caught.value.partial
    assert len(ANSWER) - half == caught.value.expected
    assert [BODY] == target.bodies


def test_silence_ends_without_an_answer_when_its_time_is_over(target: Target) -> None:
    with FaultProxy(target.base_url, schedule=["silence"], silence_s=0.3) as proxy:
        with pytest.raises(http.client.RemoteDisconnected):
            ask(proxy)

        assert [("silence", True, 200)] == fates(proxy)
    assert [BODY] == target.bodies


def test_silence_ends_at_once_when_the_proxy_stops(target: Target) -> None:
    with FaultProxy(target.base_url, schedule=["silence"], silence_s=3600) as proxy:
        connection = connect(proxy)
        connection.request("POST", "/fhir", BODY)
        while not proxy.log:
            time.sleep(0.01)

    with pytest.raises(http.client.RemoteDisconnected):
        connection.getresponse()
    connection.close()


def test_a_server_that_hangs_does_not_keep_the_proxy_from_stopping(target: Target) -> None:
    may_end, works, ended = Event(), Event(), Event()

    def hang() -> None:
        works.set()
        may_end.wait(60)
        ended.set()

    target.work = hang
    with FaultProxy(target.base_url) as proxy:
        connection = connect(proxy)
        connection.request("POST", "/fhir", BODY)
        assert works.wait(60)
    hung = not ended.is_set()
    may_end.set()
    connection.close()

    assert hung
    assert [("", True, 0)] == fates(proxy)


def test_only_a_compressed_request_is_of_an_unsupported_type(target: Target) -> None:
    with FaultProxy(target.base_url, schedule=["415-gzip", "415-gzip"]) as proxy:
        assert 415 == ask(proxy, gzip.compress(BODY), Content_Encoding="gzip").status
        assert 200 == ask(proxy).status

    assert [("415-gzip", False, 0), ("", True, 200)] == fates(proxy)
    assert [BODY] == target.bodies


def test_a_burst_hits_every_request_until_it_is_over(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("faultproxy.connection.monotonic", lambda: now[0])
    with FaultProxy(target.base_url, schedule=["503-burst"], burst_s=0.3) as proxy:
        statuses = [ask(proxy).status, ask(proxy).status, ask(proxy, None, "GET", "/metadata").status]
        now[0] = 0.3
        statuses.append(ask(proxy).status)

    assert [503, 503, 503, 200] == statuses
    assert [BODY] == target.bodies


def test_a_schedule_is_followed_in_turn_by_the_methods_it_is_for_and_then_ends(target: Target) -> None:
    with FaultProxy(target.base_url, schedule=[None, "503", "503", "503"], most_in_a_row=1) as proxy:
        statuses = [ask(proxy).status, ask(proxy, None, "GET").status, *(ask(proxy).status for _ in range(4))]

    assert [200, 200, 503, 503, 503, 200] == statuses


def test_chance_lets_the_same_request_through_in_time(target: Target) -> None:
    packed = gzip.compress(BODY)
    with FaultProxy(target.base_url, ("503",), rate=1, methods=("POST", "GET")) as proxy:
        posts = [ask(proxy).status, ask(proxy, packed, Content_Encoding="gzip").status, ask(proxy).status]
        again = ask(proxy).status
        gets = [ask(proxy, None, "GET", f"/Patient/{key}").status for key in "aabab"]

    assert [503, 503, 200] == posts
    assert 503 == again
    assert [503, 503, 503, 200, 503] == gets


def test_a_server_started_anew_elsewhere_is_reached_through_the_same_proxy(target: Target) -> None:
    with serving() as gone:
        pass
    with FaultProxy(gone.base_url, schedule=["reset-after", "reset-during"]) as proxy:
        missed = [ask(proxy), ask(proxy)]
        proxy.target = target.base_url
        reached = ask(proxy)
        with pytest.raises(ValueError, match="/fhir"):
            proxy.target = "http://127.0.0.1:1/other"

    assert [(502, b"")] * 2 == [(seen.status, seen.body) for seen in missed]
    assert 200 == reached.status
    assert [("", False, 0), ("", False, 0), ("", True, 200)] == fates(proxy)
    assert [BODY] == target.bodies


def test_a_server_that_breaks_off_breaks_off_for_the_client(raw_server: Callable[[bytes], Any]) -> None:
    with raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{") as url, FaultProxy(url) as proxy:
        with pytest.raises(ConnectionResetError):
            ask(proxy)

        assert [("", True, 0)] == fates(proxy)


def test_a_body_in_chunks_arrives_whole(target: Target) -> None:
    with FaultProxy(target.base_url) as proxy:
        assert 200 == ask(proxy, iter([BODY[:7], BODY[7:]]), Transfer_Encoding="chunked").status

    assert [BODY] == target.bodies


def test_a_request_of_many_megabytes_arrives_whole(target: Target) -> None:
    body = json.dumps({"data": "QUFB" * 5_000_000}).encode()
    with FaultProxy(target.base_url) as proxy:
        assert 200 == ask(proxy, body).status

    assert [body] == target.bodies


def test_a_client_that_goes_away_before_its_body_is_whole_reaches_nothing(target: Target) -> None:
    with (
        FaultProxy(target.base_url) as proxy,
        socket.create_connection(("127.0.0.1", urlsplit(proxy.base_url).port or 0)) as connection,
    ):
        connection.sendall(b"POST /fhir HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
        connection.shutdown(socket.SHUT_WR)
        assert b"" == connection.recv(1)

    assert [] == target.bodies


def test_a_length_that_is_no_number_is_a_bad_request(target: Target) -> None:
    with FaultProxy(target.base_url) as proxy:
        assert 400 == ask(proxy, Content_Length="many").status

    assert [] == target.bodies


def test_a_connection_is_kept_for_the_next_request_even_after_a_refusal(target: Target) -> None:
    with FaultProxy(target.base_url, schedule=["503"]) as proxy:
        connection = connect(proxy)
        connection.connect()
        own = connection.sock
        statuses = []
        for method in ("POST", "HEAD", "POST"):
            connection.request(method, "/fhir", BODY if method == "POST" else None)
            with connection.getresponse() as response:
                statuses.append(response.status)
                response.read()
        assert own is connection.sock
        connection.close()

    assert [503, 200, 200] == statuses


def test_eight_requests_are_served_at_once(target: Target) -> None:
    together = Barrier(8)  # none is answered before all have arrived
    target.work = lambda: together.wait(5)
    with FaultProxy(target.base_url) as proxy, ThreadPoolExecutor(8) as pool:
        statuses = [seen.status for seen in pool.map(lambda number: ask(proxy, b"%d" % number), range(8))]

    assert [200] * 8 == statuses
    assert list(range(1, 9)) == sorted(one.number for one in proxy.log)

"""The proxy of bytes does what each fault of TCP says, to the requests that it says, and nothing else."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from faultproxy import TOXICS, TcpProxy
from smallserver import SmallServer

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENT = {"resourceType": "Patient", "name": [{"family": "x" * 3000}]}
BUNDLE = {
    "resourceType": "Bundle",
    "type": "transaction",
    "entry": [{"resource": PATIENT, "request": {"method": "POST", "url": "Patient"}}],
}


@pytest.fixture
def server() -> Iterator[SmallServer]:
    with SmallServer() as small:
        yield small


def ask(proxy: TcpProxy, times: int = 1, *, timeout_s: float = 30) -> list[int | str]:
    """Return the status of the answer to each of some transactions on one connection, or the name of the error."""
    place = urlsplit(proxy.base_url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=timeout_s)
    found: list[int | str] = []
    for _ in range(times):
        try:
            body = json.dumps(BUNDLE)
            connection.request("POST", place.path, body, {"Content-Type": "application/fhir+json"})
            with connection.getresponse() as response:
                json.loads(response.read())
                found.append(response.status)
        except (OSError, http.client.HTTPException) as error:
            found.append(type(error).__name__)
            connection.close()
    connection.close()
    return found


@pytest.mark.parametrize("name", [name for name, toxic in TOXICS.items() if toxic.harmless])
def test_what_only_takes_time_arrives_whole(server: SmallServer, name: str) -> None:
    with TcpProxy(server.url, [name], late_s=0.05) as proxy:
        assert [200] == ask(proxy)
        assert [(1, name)] == proxy.hits

    assert 1 == len(server.names)


@pytest.mark.parametrize("name", [name for name, toxic in TOXICS.items() if not toxic.harmless])
def test_what_ends_a_connection_does_so_at_its_moment(server: SmallServer, name: str) -> None:
    toxic = TOXICS[name]
    with TcpProxy(server.url, [name], silence_s=20) as proxy:
        [found] = ask(proxy, timeout_s=0.5 if toxic.action == "silence" else 30)
        assert proxy.settle()

    expected = {
        "silence": {"TimeoutError"},
        "reset": {"ConnectionResetError", "BrokenPipeError"},
        # What has not been read when the connection is closed makes the system reset it.
        "end": {"RemoteDisconnected", "IncompleteRead", "ConnectionResetError", "BrokenPipeError"},
    }
    assert found in expected[toxic.action]
    assert int(toxic.of_answer) == len(server.names)


def test_only_transactions_in_their_turn_are_hit(server: SmallServer) -> None:
    with TcpProxy(server.url, [None, "rst-commit", None]) as proxy:
        place = urlsplit(proxy.base_url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
        connection.request("GET", f"{place.path}/metadata")
        with connection.getresponse() as response:
            assert 200 == response.status
            response.read()
        connection.close()
        assert [200, "ConnectionResetError", 200, 200] == ask(proxy, 4)
        assert [(2, "rst-commit")] == proxy.hits

    assert 4 == len(server.names)


def test_the_same_seed_lets_the_same_bytes_pass() -> None:
    places = []
    for seed in (1, 1, 2):
        with TcpProxy("http://127.0.0.1:1/fhir", ["limit-answer"], seed=seed) as proxy:
            _, chance = proxy.next_fault(b"POST /fhir HTTP/1.1\r\n")
            places.append(TOXICS["limit-answer"].passes(1000, chance))

    assert places[0] == places[1] != places[2]


def test_a_fault_that_is_none_is_said() -> None:
    with pytest.raises(ValueError, match="no fault is named typo; there are latency-request"):
        TcpProxy("http://127.0.0.1:1/fhir", ["typo"])

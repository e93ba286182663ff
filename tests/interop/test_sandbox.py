"""What a test has stored is removed afterwards, and nothing else ever is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from fhir_case.errors import FhirCaseError
from fhir_case.fhir.wire import parse
from fhir_case.interop.claims import Claims
from fhir_case.interop.exchange import exchange
from fhir_case.interop.inputs import bundle_input, case_input
from fhir_case.interop.recorder import Recorder
from fhir_case.interop.run import interop_server
from fhir_case.interop.sandbox import Sandbox
from fhir_case.interop.verdict import FailError
from fhir_case.load.run.load import Options
from fhir_case.mapping import load_case
from fhir_case.server.client import Client
from fhir_case.server.connection import Connection
from fhir_case.server.retry import RetryPolicy
from smallserver import Reply, Request, SmallServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fhir_case.interop.recorder import Reply as Answer


@pytest.fixture
def server() -> Iterator[SmallServer]:
    with SmallServer() as made:
        yield made


@pytest.fixture
def sandbox(server: SmallServer) -> Iterator[Sandbox]:
    with Recorder(server.url) as recorder:
        yield Sandbox(recorder, Claims(None), "interop-a", wait_s=0.1)


def there(server: SmallServer, kind: str = "Patient") -> set[str]:
    with Client(server.url) as client:
        return {f"{kind}/{each['id']}" for each in client.search(kind, {})}


def store(server: SmallServer, location: str, **elements: Any) -> None:
    kind, _, key = location.partition("/")
    answer = requests.put(f"{server.url}/{location}", json={"resourceType": kind, "id": key, **elements}, timeout=10)
    assert answer.ok


def test_what_was_made_is_removed_and_what_was_there_stays(server: SmallServer, sandbox: Sandbox) -> None:
    store(server, "Patient/somebody")
    sandbox.stored(sandbox.patient("one"))
    assert 2 == len(there(server))

    assert [] == sandbox.clear()
    assert {"Patient/somebody"} == there(server)


def test_what_stands_in_each_others_way_is_removed_together(
    server: SmallServer, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("one", "two"):
        sandbox.stored(sandbox.patient(key))
    delete = Sandbox._delete
    monkeypatch.setattr(  # as a server that enforces referential integrity
        Sandbox, "_delete", lambda sandbox, names: "HTTP 409" if len(names) == 1 else delete(sandbox, names)
    )

    assert [] == sandbox.clear()
    assert set() == there(server)


def test_a_stranger_is_not_removed_although_the_server_says_that_we_created_it(
    server: SmallServer, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(server, "Patient/stranger")
    ask = Recorder.ask

    def confused(recorder: Recorder, method: str, path: str, *rest: Any, **options: Any) -> Answer:
        answered = ask(recorder, "GET", "Patient/stranger") if method == "POST" else None
        return answered or ask(recorder, method, path, *rest, **options)

    monkeypatch.setattr(Recorder, "ask", confused)
    assert "Patient/stranger" == sandbox.create(sandbox.patient("mine")).location()

    assert [] == sandbox.clear()
    assert {"Patient/stranger"} == there(server)


def test_a_resource_of_somebody_else_with_the_same_identifier_is_neither_compared_nor_removed(
    server: SmallServer,
) -> None:
    identifier = [{"system": "urn:theirs", "value": "1"}]
    store(server, "Patient/theirs", identifier=identifier, gender="male")
    entries = [
        {
            "fullUrl": f"urn:uuid:9c9f0d6e-0000-4000-8000-00000000000{number}",
            "resource": {"resourceType": "Patient", "identifier": each, "gender": "female"},
            "request": {"method": "POST", "url": "Patient", "ifNoneExist": f"identifier=urn:theirs|{number}"},
        }
        for number, each in enumerate((identifier, [{"system": "urn:theirs", "value": "2"}]), 1)
    ]
    given = bundle_input("b.json", {"resourceType": "Bundle", "type": "transaction", "entry": entries}, "R4")
    created: list[str] = []
    client: Callable[[], Client] = lambda: Client(server.url)  # noqa: E731 - as the command gives it
    result = exchange(given, client, release="R4", namespace="interop-a-1", options=Options(), created=created.append)

    assert ["not checked", "added"] == [each.state for each in result.resources], result
    assert "which is not of this test" in result.resources[0].reason
    assert there(server) - {"Patient/theirs"} == set(created)


def test_what_is_unknown_is_removed_as_well(server: SmallServer) -> None:
    confused = Reply(200, {"resourceType": "OperationOutcome", "issue": []})

    def hook(request: Request, answer: Callable[[], Reply]) -> Reply:
        if request.method == "GET" and server.transactions:
            return Reply(500)
        done = answer()
        return confused if request.is_transaction and request.entries[0]["request"]["method"] == "PUT" else done

    server.hook = hook
    given = [case_input("hcc", load_case("hcc-tare-sorafenib"))]
    client: Callable[[], Client] = lambda: Client(server.url)  # noqa: E731 - as the command gives it
    options = Options(policy=RetryPolicy(run=0))
    result = interop_server(
        "small", client, Connection(), given, namespace="interop-a", probes=(), wait_s=0.1, options=options
    )

    assert "broken off" in result.bundles[0].error
    assert ((), set()) == (result.left, server.names)


def test_pages_that_do_not_end_are_said_at_once() -> None:
    with SmallServer(faults=("endless-pages",)) as server, Recorder(server.url) as recorder:
        sandbox = Sandbox(recorder, Claims(None), "interop-a", wait_s=0.1)
        for number in range(3):
            sandbox.stored(sandbox.patient(f"p{number}"))
        with pytest.raises(FailError, match="do not end"):
            sandbox.found("Patient", {"_count": "1"})
        assert len(recorder.exchanges) < 20
        with Client(server.url) as client, pytest.raises(FhirCaseError, match="do not end"):
            list(client.search("Patient", {"_count": "1"}))


def test_only_what_was_seen_last_of_a_repeated_search_is_evidence(sandbox: Sandbox) -> None:
    seen = iter((1, 2, 3))

    def look() -> int:
        sandbox.ask("GET", "Patient", parameters={"_count": "1"})
        return next(seen)

    sandbox.wait_s = 5
    assert 3 == sandbox.eventually(look, lambda each: each == 3)
    assert 1 == len(sandbox.recorder.exchanges)
    assert "Bundle" == parse(sandbox.recorder.exchanges[0].response_body)["resourceType"]

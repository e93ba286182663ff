"""Nothing is sent where there is no FHIR server: one that has no CapabilityStatement."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import responses

from fhir_case import upload
from fhir_case.errors import FhirCaseError, RejectedError
from fhir_case.fhir import wire
from fhir_case.server.client import Client
from fhir_case.server.connection import Connection
from fhir_case.server.statement import refuse_without_statement
from smallserver import Reply, Request, SmallServer
from support import run_command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import requests

PATIENT: dict[str, Any] = {"resourceType": "Patient", "id": "p"}


def nowhere(status: int, body: Any = None) -> Callable[[Request, Callable[[], Reply]], Reply]:
    """Have no CapabilityStatement, and take everything else."""
    return lambda request, answer: Reply(status, body) if request.path == ("metadata",) else answer()


@pytest.mark.parametrize(
    ("status", "body"), [(404, None), (405, None), (200, PATIENT), (200, {"resourceType": "OperationOutcome"})]
)
def test_nothing_is_sent_where_no_fhir_server_is(tmp_path: Path, status: int, body: Any) -> None:
    file = tmp_path / "p.json"
    file.write_bytes(wire.dump(PATIENT))
    journal = tmp_path / "j.jsonl"
    with SmallServer() as server:
        assert 0 == run_command("upload", file, "--server", server.url, "--journal", journal).exit_code
        server.requests.clear()
        server.hook = nowhere(status, body)
        commands = (
            ("upload", file, "--server", server.url, "--journal", tmp_path / "other.jsonl"),
            ("undo", journal),
            ("run", "hcc-tare-sorafenib", "--server", server.url, "--out", tmp_path / "out"),
            ("interop", "hcc-tare-sorafenib", "--server", server.url),
        )
        results = [run_command(*words) for words in commands]
        with pytest.raises(RejectedError, match="no CapabilityStatement"):
            upload(PATIENT, server.url)

    assert {"GET"} == {request.method for request in server.requests}
    assert all(result.exit_code for result in results)
    assert all("no CapabilityStatement" in result.stdout + result.stderr for result in results)
    assert 1 == results[0].stderr.count("no CapabilityStatement")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("https://fhir.example", "https://fhir.example/fhir"),
        ("https://fhir.example", "https://fhir.example/hapi-fhir/fhir"),
        ("https://fhir.example", "https://fhir.example/baseR4"),
        ("https://fhir.example/fhir/Patient", "https://fhir.example/fhir"),
        ("https://fhir.example/ui", "https://fhir.example/fhir"),
    ],
)
@pytest.mark.parametrize("page", [(404, {}, b""), (200, {"Content-Type": "text/html"}, b"<html>Welcome</html>")])
def test_an_address_nearby_that_has_one_is_named_and_gets_no_credentials(
    given: str, found: str, page: tuple[int, dict[str, str], bytes]
) -> None:
    statement = wire.dump({"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"})

    def answered(request: requests.PreparedRequest) -> tuple[int, dict[str, str], bytes]:
        if request.url == f"{found}/metadata":
            return 200, {}, statement
        return page if request.url == f"{given}/metadata" else (404, {}, b"")

    with responses.RequestsMock() as http:
        http.add_callback("GET", re.compile(".*"), answered)
        with (
            Client(given, connection=Connection(headers={"X-Api-Key": "key-of-ours"})) as client,
            pytest.raises(FhirCaseError) as caught,
        ):
            refuse_without_statement(client)

        assert f"{found} has a CapabilityStatement: use that as base URL" == caught.value.hint
        assert {"GET"} == {call.request.method for call in http.calls}
        asked = {call.request.url for call in http.calls if "X-Api-Key" in call.request.headers}
        assert {f"{given}/metadata"} == asked


def test_who_has_to_sign_in_first_is_told_that(http: responses.RequestsMock, base: str) -> None:
    http.get(f"{base}/metadata", status=401)
    with Client(base) as client, pytest.raises(RejectedError, match="sign in"):
        refuse_without_statement(client)

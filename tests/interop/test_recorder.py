"""What is kept of requests and answers as evidence: all that tells something, and no secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import responses

from fhir_case.errors import ServerError
from fhir_case.interop.recorder import Recorder
from fhir_case.server.auth.schemes import basic
from fhir_case.server.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Iterator

URL = "http://127.0.0.1:1/fhir"


@pytest.fixture
def network() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def test_a_request_is_kept_with_its_answer(network: responses.RequestsMock) -> None:
    network.post(f"{URL}/Patient", status=201, body=b"{}", headers={"Location": f"{URL}/Patient/7/_history/1"})
    with Recorder(URL) as recorder:
        reply = recorder.ask("POST", "Patient", {"resourceType": "Patient"})

    (kept,) = recorder.exchanges
    assert ("POST", f"{URL}/Patient", '{"resourceType":"Patient"}', 201, "{}") == (
        kept.method, kept.url, kept.request_body, kept.status, kept.response_body
    )  # fmt: skip
    assert f"{URL}/Patient/7/_history/1" == kept.headers["Location"]
    assert "Patient/7" == reply.location()


def test_what_a_server_repeats_of_our_secrets_is_not_kept(network: responses.RequestsMock) -> None:
    headers = {"Location": f"{URL}/Patient/geheim-42", "ETag": "tiefes-wasser"}
    network.get(f"{URL}/Patient/1", body=b"you are geheim-42, and your key is tiefes-wasser", headers=headers)
    connection = Connection(basic("user", "geheim-42", clock=lambda: 0.0), {"X-Key": "tiefes-wasser"})
    with Recorder(URL, connection) as recorder:
        recorder.ask("GET", "Patient/1")

    assert "geheim-42" not in repr(recorder.exchanges)
    assert "tiefes-wasser" not in repr(recorder.exchanges)
    assert "you are ***, and your key is ***" == recorder.exchanges[0].response_body


def test_long_bodies_are_cut_and_say_so(network: responses.RequestsMock) -> None:
    network.get(f"{URL}/Patient/1", body=b"x" * 10_000)
    with Recorder(URL) as recorder:
        recorder.ask("GET", "Patient/1")

    assert recorder.exchanges[0].response_body.endswith("cut: 4,000 more characters")


def test_no_answer_is_evidence_as_well() -> None:
    with Recorder(URL) as recorder, pytest.raises(ServerError, match="nothing listens"):
        recorder.ask("GET", "metadata")

    assert (0, "nothing listens at 127.0.0.1:1") == (recorder.exchanges[0].status, recorder.exchanges[0].response_body)


def test_a_link_to_another_server_is_not_followed(network: responses.RequestsMock) -> None:
    with Recorder(URL) as recorder, pytest.raises(ServerError, match="redirects to another address"):
        recorder.ask("GET", "http://elsewhere.example/fhir?page=2")


@pytest.mark.parametrize(
    ("location", "body", "place"),
    [
        (f"{URL}/Patient/1/_history/2", b"{}", "Patient/1"),
        ("Patient/1", b"{}", "Patient/1"),
        ("", b'{"resourceType": "Patient", "id": "3"}', "Patient/3"),
        ("", b'{"resourceType": "OperationOutcome", "id": "3"}', ""),
    ],
)
def test_where_something_was_stored_is_read_from_header_or_resource(
    network: responses.RequestsMock, location: str, body: bytes, place: str
) -> None:
    network.post(f"{URL}/Patient", status=201, body=body, headers={"Location": location} if location else {})
    with Recorder(URL) as recorder:
        assert place == recorder.ask("POST", "Patient", {"resourceType": "Patient"}).location()

"""Many identifiers are looked up with few requests, each of which servers take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import responses

from fhir_case.fhir.identifiers import identifiers_of
from fhir_case.fhir.wire import dump
from fhir_case.server.client import Client
from fhir_case.server.lookup import found_by_id, found_by_identifier

if TYPE_CHECKING:
    from requests import PreparedRequest

BASE = "http://fhir.example/fhir"
ODD = ["a b", "50% & more", "Müller", "1+1=2", "#3", "x?y", "'quoted'", '"', "ü|ä", "a,b", "c\\d", "日本語"]


def patient(value: str) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": "1",
        "identifier": [{"system": "http://hospital.example/id", "value": value}],
    }


def answer(request: PreparedRequest) -> tuple[int, dict[str, str], bytes]:
    """Return all patients that are asked for, as a server that splits at commas which are not escaped."""
    [asked] = parse_qs(urlsplit(str(request.url)).query)["identifier"]
    tokens = asked.replace("\\,", "\0").split(",")
    values = [token.partition("|")[2].replace("\0", ",").replace("\\|", "|").replace("\\\\", "\\") for token in tokens]
    body = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": patient(each)} for each in values]}
    return 200, {}, dump(body)


@pytest.fixture
def server() -> Any:
    with responses.RequestsMock() as http:
        http.add_callback(responses.GET, f"{BASE}/Patient", callback=answer)
        yield http


@pytest.mark.parametrize("name", ["n", "ü" * 20])
def test_a_thousand_identifiers_are_found_and_no_url_is_too_long(server: responses.RequestsMock, name: str) -> None:
    tokens = [token for number in range(1000) for token in identifiers_of(patient(f"{name}-{number}"))]
    with Client(BASE) as client:
        found = found_by_identifier(client, "Patient", tokens)
    assert all(len(found[token]) == 1 for token in tokens)
    lengths = [len(str(call.request.url)) for call in server.calls]
    assert max(lengths) < 8000 - len("GET  HTTP/1.1")
    assert len(lengths) <= sum(lengths) / 5500


@pytest.mark.usefixtures("server")
def test_odd_signs_are_found() -> None:
    tokens = [token for value in ODD for token in identifiers_of(patient(value))]
    with Client(BASE) as client:
        found = found_by_identifier(client, "Patient", tokens)
    assert [[each["identifier"][0]["value"] for each in found[token]] for token in tokens] == [[one] for one in ODD]


def test_a_bundle_is_looked_up_whole_since_its_elements_may_be_taken_for_those_of_the_answer() -> None:
    asked: list[str] = []

    def search(request: PreparedRequest) -> tuple[int, dict[str, str], bytes]:
        query = urlsplit(str(request.url)).query
        asked.append(query)
        stored = {"resourceType": "Bundle", "id": "b", "type": "document", "identifier": {"system": "u", "value": "1"}}
        entries = [] if "_elements" in query else [{"resource": stored}]
        return 200, {}, dump({"resourceType": "Bundle", "type": "searchset", "entry": entries})

    with responses.RequestsMock() as http, Client(BASE) as client:
        http.add_callback(responses.GET, f"{BASE}/Bundle", callback=search)
        by_id = found_by_id(client, ["Bundle/b"], elements="id,meta").resources
        by_identifier = found_by_identifier(client, "Bundle", ["u|1"])

    assert {"Bundle/b"} == set(by_id)
    assert ["b"] == [each["id"] for each in by_identifier["u|1"]]
    assert 2 == len(asked)

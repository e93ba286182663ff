"""Whatever a server answers, it is an error in words or tolerated, never a traceback."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from fhir_case.errors import FhirCaseError, RejectedError, ServerError
from fhir_case.fhir import wire
from fhir_case.fhir.compare import compare
from fhir_case.http.address import is_below
from fhir_case.server.capabilities import from_statement
from fhir_case.server.client import Client
from smallserver import Reply, Request, SmallServer
from support import run_command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import responses

ODD: list[Any] = [None, 0, -1, "", "x", [], {}, [None], [[]], {"a": None}, True, [{"x": {}}], "\u0000"]
STATEMENT = {
    "resourceType": "CapabilityStatement",
    "fhirVersion": "4.0.1",
    "software": {"name": "HAPI", "version": "8"},
    "rest": [
        {
            "mode": "server",
            "interaction": [{"code": "transaction"}],
            "resource": [{"type": "Patient", "updateCreate": True, "searchParam": [{"name": "identifier"}]}],
        }
    ],
}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of each value in a tree of JSON."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for name, each in inner for found in places(each, (*path, name)))]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A tree of JSON with another value at one place."""
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


def test_a_capability_statement_may_have_anything_anywhere() -> None:
    for path in places(STATEMENT):
        for odd in ODD:
            found = replaced(STATEMENT, path, odd)
            from_statement(found if isinstance(found, dict) else None)

    assert "4.0.1" == from_statement(replaced(STATEMENT, ("rest", 0, "interaction", 0, "code"), {})).fhir_version


@pytest.mark.parametrize(
    "stated",
    [
        "Fri, 31 Dec 99999999999999999999 23:59:59 GMT",
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "Fri, 31 Dec 2026 23:59:59 +99999999999",
        "Mon, 00 Jan 0000 00:00:00 GMT",
        "9" * 400,
        "1e9999999999",
        "-5",
        "NaN",
        ",,,,",
    ],
)
def test_any_retry_after_and_any_date_are_read(http: responses.RequestsMock, base: str, stated: str) -> None:
    for headers in ({"Retry-After": stated}, {"Retry-After": "Fri, 31 Dec 2026 23:59:59 GMT", "Date": stated}):
        http.post(base, status=503, headers=headers)
        with Client(base) as client, pytest.raises(ServerError, match="HTTP 503"):
            client.transaction({"resourceType": "Bundle"})


@pytest.mark.parametrize(
    "content",
    [
        b'{"resourceType": "Patient", "x": 1e99999999999999999999}',
        b'{"resourceType": "Patient", "x": NaN}',
        b'{"resourceType": "Patient", "x": -Infinity}',
        b'{"resourceType": "Patient", "x": "\\ud800"}',
        b'{"resourceType": "Patient", "x": %s}' % (b"9" * 5000),
        b'{"resourceType": "Patient", "x": %s}' % (b"[" * 900 + b"]" * 900),
        b'{"resourceType": "Patient", "x": "[[[[", "y": %s}' % (b"[" * 900 + b"]" * 900),
        b'{"resourceType": "Patient", "x": %s}' % (b'{"x":' * 100_000),
        '{"resourceType": "Patient"}'.encode("utf-16"),
        b'{"resourceType": "Patient", "x": "\xff"}',
        b"[1, 2]",
        b"null",
        b'{"resourceType": {"a": []}}',
    ],
    ids=range(13),
)
def test_what_is_no_resource_is_told_in_words(http: responses.RequestsMock, base: str, content: bytes) -> None:
    for status in (200, 400):
        http.get(f"{base}/Patient/1", body=content, status=status)
        with Client(base) as client, pytest.raises(FhirCaseError, match=rf"HTTP {status}"):
            client.read("Patient", "1")
    http.post(base, body=content)
    with Client(base) as client, pytest.raises(ServerError, match="not a FHIR server") as caught:
        client.transaction({"resourceType": "Bundle"})
    assert caught.value.perhaps_done


def test_brackets_in_texts_do_not_count_as_depth() -> None:
    text = json.dumps({"x": "[" * 500 + "{" * 500, "y": [{"z": ["]"]}]}).encode()

    assert ["]"] == wire.parse_foreign(text)["y"][0]["z"]
    assert wire.parse_foreign(b"[" * 100 + b"]" * 100)
    with pytest.raises(ValueError, match="too deep"):
        wire.parse_foreign(b"[" * 102 + b"]" * 102)


def test_what_is_nested_as_deep_as_is_read_can_be_compared() -> None:
    deep: Any = "x"
    for _ in range(98):
        deep = {"extension": [deep]} if isinstance(deep, str) else {"x": deep}

    stored = wire.parse_foreign(wire.dump({"resourceType": "Patient", "x": deep}))
    assert () == compare({"resourceType": "Patient", "x": deep}, stored)


@pytest.mark.parametrize("lifetime", [10**400, "1e999", 1e308, -(10**400), [], {}, "never", True])
def test_any_lifetime_of_a_token_is_read_or_told(http: responses.RequestsMock, lifetime: Any) -> None:
    from fhir_case.server.auth.token_endpoint import Transport, request_token

    token = {"access_token": "abc", "token_type": "bearer", "expires_in": lifetime}
    http.post("https://sign.example/token", body=json.dumps(token))
    with suppress(ServerError):  # any other exception is a bug
        request_token(
            "https://sign.example/token",
            "secret",
            "client_secret_basic",
            client_id="us",
            scope="",
            transport=Transport(),
            clock=lambda: 0.0,
        )


@pytest.mark.parametrize(
    ("url", "below"),
    [
        ("https://fhir.example/fhir", True),
        ("https://fhir.example/fhir?page=2", True),
        ("https://fhir.example/fhir/Patient?page=2", True),
        ("https://FHIR.example:443/fhir/Patient", True),
        ("https://fhir.example/fhir/../../other", False),
        ("https://fhir.example/fhir/%2e%2E/other", False),
        ("https://fhir.example/fhir/..", False),
        ("https://fhir.example/fhirs/Patient", False),
        ("https://fhir.example/other", False),
        ("https://fhir.example", False),
        ("http://fhir.example/fhir/Patient", False),
        ("https://fhir.example:8443/fhir/Patient", False),
        ("https://fhir.example@evil.example/fhir/Patient", False),
        ("https://evil@fhir.example/fhir/Patient", False),
        ("https://fhir.example/fhir\\..\\other", False),
        ("https://[::1", False),
        ("https://fhir.example:99999/fhir/Patient", False),
        ("//fhir.example/fhir/Patient", False),
        ("", False),
    ],
)
def test_what_is_below_a_base_url(url: str, below: bool) -> None:
    assert below == is_below(url, "https://fhir.example/fhir")


@pytest.mark.parametrize(
    "link",
    [
        "../../other",
        "/other?page=2",
        "https://fhir.example/fhir/../../other",
        "https://fhir.example/fhir/%2e%2e/other?page=2",
        "http://fhir.example/fhir?page=2",
        "https://[::1",
        "https://fhir.example:99999/",
    ],
)
def test_a_next_page_outside_of_the_base_url_is_not_asked_for(
    http: responses.RequestsMock, base: str, link: str
) -> None:
    page = {"resourceType": "Bundle", "link": [{"relation": [], "url": {}}, {"relation": "next", "url": link}]}
    http.get(f"{base}/Patient", json=page)
    with Client(base) as client, pytest.raises(ServerError, match="another address"):
        list(client.search("Patient", {"name": "x"}))


def test_an_address_that_leads_out_of_the_base_url_is_not_asked_for(base: str) -> None:
    with Client(base) as client, pytest.raises(ServerError, match="leads out of the base URL"):
        client.read("Patient", "../../other/1")


def test_an_outcome_may_have_anything_anywhere(http: responses.RequestsMock, base: str) -> None:
    issue = {"severity": "error", "details": {"coding": [{"code": "x"}], "text": "t"}, "expression": ["Patient.name"]}
    outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
    with Client(base) as client:
        for path in places(outcome):
            for odd in ODD:
                http.get(f"{base}/Patient/1", json=replaced(outcome, path, odd), status=400)
                with pytest.raises(RejectedError):
                    client.read("Patient", "1")


def answers(odd: Any, path: tuple[Any, ...]) -> Callable[[Request, Callable[[], Reply]], Reply]:
    """Put something odd into each Bundle that the server answers."""

    def reply(_: Request, answer: Callable[[], Reply]) -> Reply:
        found = answer()
        bundle = json.loads(json.dumps(found.body, default=str)) if isinstance(found.body, dict) else {}
        if bundle.get("resourceType") != "Bundle" or path not in places(bundle):
            return found
        return Reply(found.status, replaced(bundle, path, odd))

    return reply


@pytest.mark.parametrize(
    "path",
    [
        ("entry",),
        ("entry", 0),
        ("entry", 0, "resource"),
        ("entry", 0, "resource", "id"),
        ("entry", 0, "resource", "meta"),
        ("entry", 0, "resource", "meta", "versionId"),
        ("entry", 0, "resource", "identifier"),
        ("entry", 0, "search"),
        ("entry", 0, "search", "mode"),
        ("entry", 0, "response"),
        ("entry", 0, "response", "status"),
        ("entry", 0, "response", "location"),
        ("entry", 0, "response", "etag"),
        ("link",),
        ("link", 0, "relation"),
        ("link", 0, "url"),
    ],
    ids=lambda path: ".".join(str(each) for each in path),
)
def test_upload_verify_and_undo_end_in_words_whatever_a_bundle_holds(tmp_path: Path, path: tuple[Any, ...]) -> None:
    resource = {"resourceType": "Patient", "id": "p", "identifier": [{"system": "urn:s", "value": "1"}], "meta": {}}
    (tmp_path / "patient.json").write_bytes(wire.dump(resource))
    with SmallServer.like() as server:
        odds: list[Any] = [None, [[]], {"a": "[" * 300}, "9" * 400]
        for number, odd in enumerate(odds):
            server.hook = answers(odd, path)
            journal = tmp_path / f"{number}.jsonl"
            quick = ("--retry-for", 0, "--settle-for", 0)
            for words in (
                ("upload", tmp_path / "patient.json", "--server", server.url, "--journal", journal, *quick),
                ("verify", journal),
                ("undo", journal),
            ):
                code, out, err = run_command(*words)
                assert 0 <= code <= 8
                assert "Traceback" not in out + err

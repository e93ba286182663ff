"""Whatever a server or a network does, the client says it in plain words."""

from __future__ import annotations

import socket
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import requests
import responses
from responses import matchers

from fhir_case.errors import BundleError, RejectedError, ServerError
from fhir_case.server.client import Client
from fhir_case.server.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Callable

OUTCOME = {
    "resourceType": "OperationOutcome",
    "issue": [
        {"severity": "error", "code": "invalid", "diagnostics": "no such code", "expression": ["Patient.gender"]},
        {"severity": "warning", "code": "business-rule", "details": {"text": "no name"}},
    ],
}


@pytest.mark.parametrize(
    "url",
    ["ftp://fhir.example", "fhir.example/fhir", "http://", "http://[::1/fhir", "http://h:99999/fhir", "", "http:///x"],
)
def test_what_is_no_base_url_is_refused_at_once(url: str) -> None:
    with pytest.raises(ServerError, match="base URL"):
        Client(url)


@pytest.mark.parametrize("url", ["https://ann:hunter2@fhir.example/fhir", "https://fhir.example/fhir?token=hunter2"])
def test_a_secret_in_the_url_is_refused_and_never_repeated(url: str) -> None:
    with pytest.raises(ServerError, match=r"fhir\.example") as caught:
        Client(url)

    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(caught.value.__cause__)


def test_a_header_that_http_does_not_allow_is_refused_without_its_value() -> None:
    with pytest.raises(ServerError, match="'Authorization'") as caught:
        Connection(headers={"Authorization": "Bearer hunter2\n"})

    assert "hunter2" not in str(caught.value)


def test_a_transaction_goes_to_the_base_url_with_its_digits(http: responses.RequestsMock, base: str) -> None:
    answer = {"resourceType": "Bundle", "type": "transaction-response"}
    http.post(
        base,
        json=answer,
        match=[
            matchers.header_matcher({"Content-Type": "application/fhir+json", "Prefer": "return=minimal", "X-Key": "k"})
        ],
    )
    with Client(f"{base}/", connection=Connection(headers={"X-Key": "k"})) as client:
        given = client.transaction({"resourceType": "Bundle", "total": Decimal("15.00")})

    assert answer == given
    assert b'{"resourceType":"Bundle","total":15.00}' == http.calls[0].request.body


def test_what_cannot_be_json_is_a_clear_error(base: str) -> None:
    with Client(base) as client, pytest.raises(BundleError, match="cannot be written as JSON"):
        client.transaction({"resourceType": "Bundle", "total": 1 + 2j})


def test_a_refusal_shows_every_issue_of_the_outcome(http: responses.RequestsMock, base: str) -> None:
    http.post(base, json=OUTCOME, status=400)
    with Client(base) as client, pytest.raises(RejectedError) as caught:
        client.transaction({"resourceType": "Bundle"})

    expected = (
        f"POST {base}: HTTP 400 Bad Request:\n"
        "  error    invalid        no such code (at Patient.gender)\n"
        "  warning  business-rule  no name"
    )
    assert expected == str(caught.value)
    assert (400, OUTCOME) == (caught.value.status, caught.value.outcome)


@pytest.mark.parametrize(
    "outcome",
    [
        {"issue": "x"},
        {"issue": [1, {"diagnostics": 5, "details": [], "expression": {}}]},
        {},
        {"issue": [{"details": {}}]},
    ],
)
def test_a_malformed_outcome_is_still_a_refusal(
    http: responses.RequestsMock, base: str, outcome: dict[str, Any]
) -> None:
    http.post(base, json={"resourceType": "OperationOutcome", **outcome}, status=422)
    with Client(base) as client, pytest.raises(RejectedError, match="HTTP 422"):
        client.transaction({"resourceType": "Bundle"})


def test_an_html_error_page_becomes_its_text(http: responses.RequestsMock, base: str) -> None:
    page = "<html><head><title>x</title></head><body><h1>Not&nbsp;here</h1><script>evil()</script>\x1b[31m" + "a" * 500
    http.post(base, body=page, status=404, content_type="text/html")
    with Client(base) as client, pytest.raises(RejectedError) as caught:
        client.transaction({"resourceType": "Bundle"})

    assert caught.value.message.startswith("HTTP 404 Not Found: Not here [31ma")
    assert len(caught.value.message) < 250
    assert "check the base URL" == caught.value.hint


def test_an_empty_refusal_is_no_crash(http: responses.RequestsMock, base: str) -> None:
    http.post(base, status=401)
    with Client(base) as client, pytest.raises(RejectedError, match="sign in"):
        client.transaction({"resourceType": "Bundle"})


@pytest.mark.parametrize(
    "body", ["<html>Sign in</html>", '{"status": "up"}', "[]", '{"resourceType": 3}', "[" * 100_000]
)
def test_a_yes_that_is_no_fhir_says_to_check_the_address(http: responses.RequestsMock, base: str, body: str) -> None:
    http.get(f"{base}/metadata", body=body, content_type="text/html")
    with Client(base) as client, pytest.raises(ServerError, match=r"not a FHIR server.*check the base URL"):
        client.capabilities()


def test_a_server_that_tells_nothing_about_itself_is_fine(http: responses.RequestsMock, base: str) -> None:
    http.get(f"{base}/metadata", json=OUTCOME, status=404)
    with Client(base) as client:
        capabilities = client.capabilities()

    assert ("", None, None) == (
        capabilities.release,
        capabilities.transaction,
        capabilities.of("Patient").update_create,
    )


def test_what_a_server_tells_about_itself_is_read(http: responses.RequestsMock, base: str) -> None:
    patient = {
        "type": "Patient",
        "updateCreate": False,
        "conditionalCreate": True,
        "searchParam": [{"name": "identifier"}],
    }
    rest = {"mode": "server", "interaction": [{"code": "batch"}], "resource": [patient, "junk", {}]}
    statement = {
        "resourceType": "CapabilityStatement",
        "fhirVersion": "5.0.0",
        "software": {"name": "X", "version": "1"},
        "rest": [{"mode": "client"}, rest],
    }
    http.get(f"{base}/metadata", json=statement)
    with Client(base) as client:
        found = client.capabilities()

    assert ("R5", "X", "1", False) == (found.release, found.software, found.software_version, found.transaction)
    of = found.of("Patient")
    assert (False, True, True) == (of.update_create, of.conditional_create, of.identifier_search)
    assert (True, False) == (found.lists("Patient"), found.lists("Group"))


def test_nothing_listening_is_said_with_host_and_port(pauses: list[float]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with Client(f"http://127.0.0.1:{port}/fhir") as client, pytest.raises(ServerError) as caught:
        client.capabilities()

    assert f"nothing listens at 127.0.0.1:{port}" == caught.value.message
    assert 2 == len(pauses)


def test_a_host_name_that_does_not_exist_is_said(base: str) -> None:
    with Client("http://no-such-host.invalid/fhir") as client, pytest.raises(ServerError, match="is not known"):
        client.capabilities()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (requests.ReadTimeout(), "no answer from fhir.example within 300 s"),
        (requests.ConnectTimeout(), "no connection to fhir.example within 10 s"),
        (requests.TooManyRedirects(), "fhir.example redirects in a loop"),
        (requests.exceptions.SSLError("hunter2"), "no secure connection to fhir.example: the handshake failed"),
        (requests.exceptions.ProxyError("hunter2"), "the proxy that the environment names does not answer"),
        (requests.exceptions.InvalidURL("hunter2"), "the URL cannot be used"),
        (requests.ConnectionError("hunter2"), "fhir.example closed the connection before it answered"),
        (requests.RequestException("hunter2"), "the request failed (RequestException)"),
    ],
)
def test_each_failure_of_the_network_has_words(
    http: responses.RequestsMock, base: str, error: Exception, words: str
) -> None:
    http.get(f"{base}/Patient/x", body=error)
    with Client(base) as client, pytest.raises(ServerError) as caught:
        client.read("Patient", "x")

    assert words == caught.value.message


def test_a_server_that_speaks_no_tls_is_said(raw_server: Callable[[bytes], Any]) -> None:
    says = pytest.raises(ServerError, match="no secure connection")
    with raw_server(b"this is not TLS at all") as url, Client(url.replace("http:", "https:")) as client, says:
        client.capabilities()


def test_an_answer_that_is_cut_off_is_said_and_the_user_told_to_verify(raw_server: Callable[[bytes], Any]) -> None:
    half = b'HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\nContent-Length: 500\r\n\r\n{"resourceType":'
    with raw_server(half) as url, Client(url) as client, pytest.raises(ServerError, match=r"was cut off.*verify shows"):
        client.transaction({"resourceType": "Bundle"})


def test_a_connection_that_is_closed_without_an_answer_is_said(
    raw_server: Callable[[bytes], Any], pauses: list[float]
) -> None:
    says = pytest.raises(ServerError, match="closed the connection before it answered")
    with raw_server(b"") as url, Client(url) as client, says:
        client.read("Patient", "x")

    assert 2 == len(pauses)


def test_a_server_that_never_answers_does_not_hang_us() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/fhir"
        with Client(url, timeout_s=(1, 0.2)) as client, pytest.raises(ServerError, match=r"within 0\.2 s"):
            client.read("Patient", "x")


def test_reading_is_tried_again_as_the_server_asks(
    http: responses.RequestsMock, base: str, pauses: list[float]
) -> None:
    http.get(f"{base}/Patient/x", status=503, headers={"Retry-After": "7"})
    http.get(f"{base}/Patient/x", json={"resourceType": "Patient"})
    with Client(base) as client:
        assert {"resourceType": "Patient"} == client.read("Patient", "x")

    assert [7.0] == pauses


def test_a_server_that_wants_an_hour_is_not_waited_for(
    http: responses.RequestsMock, base: str, pauses: list[float]
) -> None:
    http.get(f"{base}/Patient/x", status=429, headers={"Retry-After": "3600"})
    with Client(base) as client, pytest.raises(ServerError, match="try again in 3600 s"):
        client.read("Patient", "x")

    assert [] == pauses


@pytest.mark.parametrize(("repeatable", "sent"), [(True, 3), (False, 1)])
def test_only_a_repeatable_transaction_is_sent_again(
    http: responses.RequestsMock, base: str, pauses: list[float], *, repeatable: bool, sent: int
) -> None:
    http.post(base, status=503, json=OUTCOME)
    with Client(base) as client, pytest.raises(ServerError, match="HTTP 503"):
        client.transaction({"resourceType": "Bundle"}, repeatable=repeatable)

    assert sent == len(http.calls)


IN_TROUBLE = [408, 460, 499, 500, 502, 503, 504, 507, 509, *range(520, 531), 561, 598, 599, 999]


@pytest.mark.parametrize("status", [*IN_TROUBLE, 425, 429])
def test_an_overloaded_server_is_to_be_asked_again(http: responses.RequestsMock, base: str, status: int) -> None:
    http.post(base, status=status, body="busy")
    with Client(base) as client, pytest.raises(ServerError, match="busy") as caught:
        client.transaction({"resourceType": "Bundle"})

    assert (status in IN_TROUBLE) is caught.value.perhaps_done


@pytest.mark.parametrize("status", [400, 404, 409, 412, 413, 422, 501, 505])
def test_what_a_server_refuses_it_has_not_done(http: responses.RequestsMock, base: str, status: int) -> None:
    http.post(base, status=status, body="never")
    with Client(base) as client, pytest.raises(RejectedError, match="never"):
        client.transaction({"resourceType": "Bundle"})


@pytest.mark.parametrize("status", [408, 425, 429, 460, 499, 502, 503, 504, 520, 524, 530, 598, 599])
def test_what_only_reads_is_sent_again_where_a_gateway_gives_up(
    http: responses.RequestsMock, base: str, pauses: list[float], status: int
) -> None:
    http.get(f"{base}/Patient/x", status=status)
    http.get(f"{base}/Patient/x", json={"resourceType": "Patient"})
    with Client(base) as client:
        assert {"resourceType": "Patient"} == client.read("Patient", "x")


def test_a_gateway_that_may_have_passed_it_on_is_not_sent_the_transaction_again(
    http: responses.RequestsMock, base: str, pauses: list[float]
) -> None:
    http.post(base, status=502)
    with Client(base) as client, pytest.raises(ServerError):
        client.transaction({"resourceType": "Bundle"}, repeatable=True)

    assert 1 == len(http.calls)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirected_transaction_names_the_address_to_use(
    http: responses.RequestsMock, base: str, status: int
) -> None:
    http.post(base, status=status, headers={"Location": "https://ann:hunter2@new.example/r4?x=1"})
    with Client(base) as client, pytest.raises(RejectedError, match=r"https://new\.example/r4,") as caught:
        client.transaction({"resourceType": "Bundle"})

    assert "hunter2" not in str(caught.value)
    assert 1 == len(http.calls)


def page(*ids: str, link: list[dict[str, str]] | None = None) -> dict[str, Any]:
    entries: list[dict[str, Any]] = [
        {"resource": {"resourceType": "Patient", "id": each}, "search": {"mode": "match"}} for each in ids
    ]
    entries.append({"resource": OUTCOME, "search": {"mode": "outcome"}})
    return {"resourceType": "Bundle", "type": "searchset", "entry": entries, "link": link or []}


def test_a_search_goes_through_all_pages_and_asks_for_no_cached_answer(http: responses.RequestsMock, base: str) -> None:
    match = [matchers.header_matcher({"Cache-Control": "no-cache"})]
    following = [{"relation": "next", "url": f"{base}?_getpages=1"}]
    http.get(f"{base}/Patient", json=page("a", "b", link=following), match=match)
    http.get(f"{base}?_getpages=1", json=page("c"), match=match)
    with Client(base) as client:
        found = [resource["id"] for resource in client.search("Patient", {"name": "x"})]

    assert ["a", "b", "c"] == found


def test_the_next_page_of_a_server_behind_a_proxy_is_asked_through_the_proxy(
    http: responses.RequestsMock, base: str
) -> None:
    inner = "http://10.0.0.7:8080/hapi"
    links = [{"relation": "self", "url": f"{inner}/Patient?name=x"}, {"relation": "next", "url": f"{inner}?page=2"}]
    http.get(f"{base}/Patient", json=page("a", link=links))
    http.get(f"{base}?page=2", json=page("b"))
    with Client(base) as client:
        assert ["a", "b"] == [resource["id"] for resource in client.search("Patient", {"name": "x"})]


@pytest.mark.parametrize("elsewhere", ["https://evil.example/fhir?page=2", "https://fhir.example/fhir.evil.example?p"])
def test_the_next_page_at_a_strange_address_is_not_asked(
    http: responses.RequestsMock, base: str, elsewhere: str
) -> None:
    http.get(f"{base}/Patient", json=page("a", link=[{"relation": "next", "url": elsewhere}]))
    with Client(base) as client, pytest.raises(ServerError, match="another address"):
        list(client.search("Patient", {"name": "x"}))


def test_pages_in_a_circle_end(http: responses.RequestsMock, base: str) -> None:
    link = [{"relation": "next", "url": f"{base}?_getpages=1"}]
    http.get(f"{base}/Patient", json=page("a", link=link))
    http.get(f"{base}?_getpages=1", json=page("b", link=link))
    with Client(base) as client, pytest.raises(ServerError, match="do not end"):
        list(client.search("Patient", {"name": "x"}))


@pytest.mark.parametrize("value", [{"entry": 3}, {"entry": [1, {"resource": 2}, {"search": []}]}, {"link": [4, {}]}])
def test_a_malformed_page_is_an_empty_one(http: responses.RequestsMock, base: str, value: dict[str, Any]) -> None:
    http.get(f"{base}/Patient", json={"resourceType": "Bundle", **value})
    with Client(base) as client:
        assert [] == list(client.search("Patient", {"name": "x"}))


def test_the_server_on_our_machine_is_never_asked_through_a_proxy(
    raw_server: Callable[[bytes], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    body = b'{"resourceType":"Patient"}'
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 26\r\nConnection: close\r\n\r\n" + body
    with raw_server(answer) as url, Client(url) as client:
        assert {"resourceType": "Patient"} == client.read("Patient", "x")


def test_a_server_that_wants_plain_json_gets_it_from_all_clients_of_a_connection(
    http: responses.RequestsMock, base: str
) -> None:
    def answered(request: requests.PreparedRequest) -> tuple[int, dict[str, str], bytes]:
        plain = request.headers.get("Content-Type", request.headers["Accept"]) == "application/json"
        return (200, {}, b'{"resourceType": "Bundle"}') if plain else (415, {}, b"")

    http.add_callback("POST", base, answered)
    http.add_callback("GET", f"{base}/Patient/1", answered)
    connection = Connection()
    with Client(base, connection=connection) as first, Client(base, connection=connection) as second:
        first.transaction({"resourceType": "Bundle"})
        second.transaction({"resourceType": "Bundle"})
        second.read("Patient", "1")

    asked = [(call.request.method, call.request.headers["Accept"]) for call in http.calls]
    assert [
        ("POST", "application/fhir+json"),
        ("POST", "application/json"),
        ("POST", "application/json"),
        ("GET", "application/json"),
    ] == asked


def test_a_body_that_is_refused_in_both_media_types_is_refused(http: responses.RequestsMock, base: str) -> None:
    http.post(base, status=415)
    with Client(base) as client, pytest.raises(RejectedError, match="HTTP 415"):
        client.transaction({"resourceType": "Bundle"})

    assert 2 == len(http.calls)

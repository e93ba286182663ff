"""What a correct server does not take, and how it says so: https://hl7.org/fhir/R4/http.html#Status-Codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from smallserver.asking import observation, patient

if TYPE_CHECKING:
    from smallserver.asking import Fhir


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "Patient/none", 404),
        ("GET", "Nothing", 404),
        ("GET", "Nothing/a", 404),
        ("GET", "Patient/a/b", 404),
        ("GET", "Patient/none/_history/1", 404),
        ("GET", "Patient/a/$operation", 501),
        ("GET", "_history", 404),
        ("GET", "Patient/_history", 501),
        ("GET", "", 405),
        ("DELETE", "", 405),
        ("DELETE", "metadata", 405),
        ("POST", "Patient/a", 405),
        ("GET", "Patient/_search", 405),
        ("OPTIONS", "Patient/a", 405),
        ("PATCH", "Patient/none", 404),
    ],
)
def test_what_is_not_there_is_answered_with_an_outcome(fhir: Fhir, method: str, path: str, status: int) -> None:
    refused = fhir.ask(method, path)

    assert status == refused.status_code
    assert "OperationOutcome" == refused.json()["resourceType"]
    assert "error" == refused.json()["issue"][0]["severity"]
    assert (status == 405) == ("Allow" in refused.headers)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"resourceType": "Patient"',
        b'{"resourceType": "Patient", "id": "\xff"}',
        b'{"resourceType": "Observation", "valueQuantity": {"value": NaN}}',
        b"[" * 100_000,
        b'"Patient"',
        b"[]",
        b"null",
    ],
)
def test_what_is_not_json_is_answered_with_400(fhir: Fhir, body: bytes) -> None:
    refused = fhir.ask("POST", "Patient", body)

    assert (400, "OperationOutcome") == (refused.status_code, refused.json()["resourceType"])


@pytest.mark.parametrize("kind", ["Observation", "Nonsense", None])
def test_a_resource_of_another_type_than_the_url_says_is_refused(fhir: Fhir, kind: str | None) -> None:
    body = {"resourceType": kind} if kind else {}

    assert 400 == fhir.ask("POST", "Patient", body).status_code
    assert 0 == fhir.get("Patient")["total"]


@pytest.mark.parametrize(
    ("elements", "named"),
    [
        ({"nickname": "x"}, "Patient.nickname"),
        ({"name": [{"family": "A"}, {"nick": "x"}]}, "Patient.name[1].nick"),
        ({"birthDate": 1961}, "Patient.birthDate"),
        ({"birthDate": "1961-02-30"}, "Patient.birthDate"),
        ({"active": "true"}, "Patient.active"),
        ({"name": {"family": "A"}}, "Patient.name"),
        ({"gender": "m"}, "Patient.gender"),
        ({"meta": "x"}, "Patient.meta"),
        ({"link": [{}]}, "Patient.link[0]"),
        ({"contained": [{"resourceType": "Observation", "statu": "final"}]}, "Patient.contained[0].statu"),
    ],
)
def test_what_fhir_does_not_have_is_refused_by_name(fhir: Fhir, elements: dict[str, Any], named: str) -> None:
    for refused in (fhir.put(patient("a", **elements)), fhir.post(patient("a", **elements))):
        assert 422 == refused.status_code
        assert named in [place for issue in refused.json()["issue"] for place in issue.get("expression", ())]
    assert 404 == fhir.ask("GET", "Patient/a").status_code


def test_what_is_required_and_missing_is_named(fhir: Fhir) -> None:
    refused = fhir.post({"resourceType": "Observation", "status": "final"})

    assert 422 == refused.status_code
    assert "Observation.code: 'code' is required and missing" == refused.json()["issue"][0]["diagnostics"]


def test_a_text_that_is_no_unicode_is_refused(fhir: Fhir) -> None:
    body = b'{"resourceType": "Patient", "id": "a", "language": "\\ud800"}'

    assert 422 == fhir.ask("PUT", "Patient/a", body).status_code


def test_a_resource_nested_without_end_is_refused(fhir: Fhir) -> None:
    start, end = b'[{"url": "http://example.org/x", "extension": ', b"}]"
    body = b'{"resourceType": "Patient", "id": "a", "extension": ' + start * 300 + b"[]" + end * 300 + b"}"

    assert 422 == fhir.ask("PUT", "Patient/a", body).status_code


@pytest.mark.parametrize("resource_id", ["a_b", "a" * 65, "a%20b", "ä"])
def test_an_id_that_fhir_does_not_allow_is_refused(fhir: Fhir, resource_id: str) -> None:
    assert fhir.ask("PUT", f"Patient/{resource_id}", patient(resource_id)).status_code in (400, 422)


# https://hl7.org/fhir/R4/http.html#mime-type
@pytest.mark.parametrize(
    ("path", "accept", "status"),
    [
        ("metadata", "application/fhir+json", 200),
        ("metadata", "application/fhir+xml, application/json;q=0.9", 200),
        ("metadata", "*/*", 200),
        ("metadata", "application/fhir+xml", 200),
        ("metadata", "text/turtle", 406),
        ("metadata?_format=json", "application/fhir+xml", 200),
        ("metadata?_format=ttl", "application/json", 406),
        ("metadata?_format=application/fhir%2Bjson", "", 200),
    ],
)
def test_only_json_and_xml_can_be_had(fhir: Fhir, path: str, accept: str, status: int) -> None:
    assert status == fhir.ask("GET", path, Accept=accept).status_code


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content_Type": "application/fhir+xml"}, 400),
        ({"Content_Type": "text/turtle"}, 415),
        ({"Content_Type": "application/json; charset=utf-8"}, 201),
        ({"Content_Encoding": "br"}, 415),
        ({"Content_Encoding": "gzip"}, 400),
    ],
)
def test_only_json_and_xml_can_be_sent(fhir: Fhir, headers: dict[str, str], status: int) -> None:
    assert status == fhir.ask("POST", "Patient", b'{"resourceType": "Patient"}', **headers).status_code


def test_a_bundle_that_is_neither_transaction_nor_batch_is_refused(fhir: Fhir) -> None:
    for kind in ("collection", "document", None):
        sent = {"resourceType": "Bundle", "type": kind, "entry": [{"resource": observation("a")}]}
        assert 400 == fhir.post(sent).status_code
    assert 400 == fhir.ask("POST", "", patient("a")).status_code

"""A link that is stored as it was sent is not as sent where it leads nowhere on the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fhir_case import upload, verify
from fhir_case.fhir.compare import compare, state_of
from smallserver import Reply, SmallServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from smallserver import Request

URN = "urn:uuid:0e8a3c9a-0000-4000-8000-000000000001"
OTHER = "urn:uuid:0e8a3c9a-0000-4000-8000-000000000009"
FULL_URL = "https://old.example/fhir/Binary/700"
KNOWN = {
    URN: "Patient/1001",
    "urn:oid:1.2.3": "Device/5",
    "Binary/700": "Binary/7",
    FULL_URL: "Binary/7",
    "Patient/p": "Patient/p",
    "Practitioner?identifier=urn:x|1": "Practitioner/1",
}


def div(text: str) -> dict[str, Any]:
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{text}</div>'}


def attachment(url: str) -> dict[str, Any]:
    return {"content": [{"attachment": {"url": url}}]}


def extension(**value: Any) -> dict[str, Any]:
    return {"extension": [{"url": "http://e.example/x", **value}]}


def state(sent: dict[str, Any], stored: dict[str, Any]) -> tuple[str, list[str]]:
    before, after = ({"resourceType": "Basic", **each} for each in (sent, stored))
    found = compare(before, after, locations=KNOWN, base_url="https://fhir.example/fhir", resolved=True)
    return state_of(found), [each.kind for each in found]


NOWHERE = [
    {"subject": {"reference": URN}},
    {"subject": {"reference": OTHER}},
    {"subject": {"reference": "urn:oid:1.2.3"}},
    {"subject": {"reference": "urn:oid:9.9.9"}},
    {"subject": {"reference": "Patient?identifier=http://x.example/id|1"}},
    {"subject": {"reference": "Binary/700"}},
    {"contained": [{"resourceType": "Observation", "subject": {"reference": URN}}]},
    {"_birthDate": extension(valueReference={"reference": URN})},
    extension(valueReference={"reference": URN}),
    extension(valueUri=URN),
    extension(valueUrl="Binary/700"),
    extension(valueOid="urn:oid:1.2.3"),
    {"extension": [{"url": "http://e.example/y", **extension(valueUuid=URN)}]},
    {"policy": ["http://other.example", URN]},
    {"instantiatesUri": ["Binary/700"]},
    attachment("Binary/700"),
    attachment("urn:uuid:0e8a3c9a-0000-4000-8000-0000000000ff"),
    extension(valueCanonical="Binary/700"),
    extension(valueCanonical="Binary/700|1.0"),
    {"questionnaire": URN},
    {"library": ["http://other.example", URN]},
    attachment("Binary/700#page=2"),
    attachment(FULL_URL),
    {"text": div(f'<p><a href="{URN}">x</a></p>')},
    {"text": div("<p><img alt='x' src='Binary/700'/></p>")},
]


@pytest.mark.parametrize("resource", NOWHERE, ids=str)
def test_the_same_text_is_unresolved_where_it_leads_nowhere(resource: dict[str, Any]) -> None:
    assert ("altered", ["unresolved"]) == state(resource, resource)


SOMEWHERE = [
    {"subject": {"reference": "Patient/p"}},
    {"subject": {"reference": "Patient/other"}},
    {"subject": {"reference": "#inside"}},
    {"subject": {"reference": "https://elsewhere.example/fhir/Patient/1"}},
    {"subject": {"identifier": {"system": "urn:ietf:rfc:3986", "value": URN}}},
    {"identifier": [{"system": "urn:oid:1.2.3", "value": "Binary/700"}]},
    {"code": {"coding": [{"system": "urn:oid:1.2.3", "code": "x"}]}},
    {"extension": [{"url": URN, "valueString": URN}]},
    {"url": FULL_URL},
    {"contained": [{"resourceType": "ValueSet", "url": FULL_URL}]},
    extension(valueUri=OTHER),
    extension(valueUri=FULL_URL),
    extension(valueCanonical="https://elsewhere.example/fhir/Binary/700"),
    extension(valueCanonical=FULL_URL),
    extension(valueCanonical=f"{FULL_URL}|1.0"),
    extension(valueCode="Binary/700"),
    attachment("#inside"),
    attachment("Binary/700|1.0"),
    {"description": f"see {URN}", "note": [{"text": "Binary/700"}]},
    {"text": div(f"<p>{URN}</p>")},
]


@pytest.mark.parametrize("resource", SOMEWHERE, ids=str)
def test_the_same_text_is_equal_where_it_is_no_link_or_leads_somewhere(resource: dict[str, Any]) -> None:
    assert ("equal", []) == state(resource, resource)


MOVED = [
    ({"actor": {"reference": "Practitioner?identifier=urn:x%7C1"}}, {"actor": {"reference": "Practitioner/1"}}),
    ({"actor": {"reference": "Practitioner?identifier=urn:x|2"}}, {"actor": {"reference": "Practitioner/9"}}),
    ({"subject": {"reference": URN}}, {"subject": {"reference": "Patient/1001"}}),
    ({"subject": {"reference": "Patient/p/_history/3"}}, {"subject": {"reference": "Patient/p"}}),
    (extension(valueUri=URN), extension(valueUri="Patient/1001")),
    (extension(valueUri=URN), extension(valueUri="https://fhir.example/fhir/Patient/1001")),
    (extension(valueCanonical=URN), extension(valueCanonical="Patient/1001")),
    ({"policy": [URN]}, {"policy": ["Patient/1001"]}),
    (attachment(FULL_URL), attachment("Binary/7")),
    (attachment("Binary/700#page=2"), attachment("Binary/7#page=2")),
    (
        {"text": div(f'<p><a href="{URN}">x</a> and <a href="http://x.example?a&amp;b">y</a></p>')},
        {"text": div('<p><a href="Patient/1001">x</a> and <a href="http://x.example?a&amp;b">y</a></p>')},
    ),
]


@pytest.mark.parametrize(("sent", "stored"), MOVED, ids=str)
def test_a_link_to_the_id_of_the_server_is_rewritten(sent: dict[str, Any], stored: dict[str, Any]) -> None:
    assert ("rewritten", ["rewritten"]) == state(sent, stored)


ALTERED = [
    ({"actor": {"reference": "Practitioner?identifier=urn:x|1"}}, {"actor": {"reference": "Practitioner/2"}}),
    ({"subject": {"reference": URN}}, {"subject": {"reference": "Patient/1002"}}),
    ({"subject": {"reference": "Patient/other/_history/3"}}, {"subject": {"reference": "Patient/other"}}),
    (extension(valueUri=URN), extension(valueUri="Patient/1002")),
    (extension(valueString=URN), extension(valueString="Patient/1001")),
    ({"identifier": [{"value": URN}]}, {"identifier": [{"value": "Patient/1001"}]}),
    ({"url": FULL_URL}, {"url": "Binary/7"}),
    ({"text": div(f'<p><a href="{URN}">x</a></p>')}, {"text": div('<p><a href="Patient/1002">x</a></p>')}),
]


@pytest.mark.parametrize(("sent", "stored"), ALTERED, ids=str)
def test_what_leads_to_something_else_or_is_no_link_is_changed(sent: dict[str, Any], stored: dict[str, Any]) -> None:
    assert ("altered", ["changed"]) == state(sent, stored)


def linked() -> dict[str, Any]:
    patient = {"resourceType": "Patient", "gender": "male"}
    observation = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": URN},
    }
    entries = [
        {"fullUrl": URN, "resource": patient, "request": {"method": "POST", "url": "Patient"}},
        {"fullUrl": OTHER, "resource": observation, "request": {"method": "POST", "url": "Observation"}},
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def test_verify_finds_a_server_that_stores_placeholders_in_place_of_references() -> None:
    with SmallServer(["keeps-urn-references"]) as server:
        journal = upload(linked(), server.url)
        found = verify(linked(), server.url, journal=journal)
    [wrong] = found.wrong
    assert ("altered", "unresolved", "Observation.subject.reference") == (
        wrong.state,
        wrong.differences[-1].kind,
        wrong.differences[-1].path,
    )


@pytest.mark.parametrize(
    "body",
    [
        None,
        {"resourceType": "Patient", "id": "other", "gender": "male"},
        {"resourceType": "Group", "id": "1", "gender": "male"},
        {"resourceType": "OperationOutcome", "issue": []},
        {"resourceType": "Bundle", "type": "searchset", "entry": []},
    ],
)
def test_an_answer_that_is_another_resource_is_not_compared(fake: SmallServer, body: dict[str, Any] | None) -> None:
    journal = upload(linked(), fake.url)

    def odd(request: Request, answer: Callable[[], Reply]) -> Reply:
        if request.method != "GET" or request.path[0] != "Patient":
            return answer()
        return Reply(200, body) if len(request.path) > 1 else Reply(400)

    fake.hook = odd
    patient, observation = verify(linked(), fake.url, journal=journal).comparisons
    assert "not checked" == patient.state, patient
    assert "the server answers with" in patient.reason
    assert "rewritten" != observation.state  # where the patient is, is not known


def test_a_search_that_finds_something_else_is_no_answer(fake: SmallServer) -> None:
    identifier = [{"system": "http://x.example/id", "value": "1"}]
    patient = {"resourceType": "Patient", "identifier": identifier}
    upload(patient, fake.url)

    def odd(request: Request, answer: Callable[[], Reply]) -> Reply:
        if request.method == "GET" and request.path == ("Patient",):
            found = [{"resource": {"resourceType": "Patient", "id": "9", "identifier": [{"value": "2"}]}}]
            return Reply(200, {"resourceType": "Bundle", "type": "searchset", "entry": found})
        return answer()

    fake.hook = odd
    [found] = verify(patient, fake.url).comparisons
    assert ("not checked", True) == (found.state, "finds something else" in found.reason)

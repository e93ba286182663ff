"""Transactions and batches: https://hl7.org/fhir/R4/http.html#transaction."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from smallserver.asking import bundle, entry, observation, patient, without_own
from smallserver.digits import dump, parse

if TYPE_CHECKING:
    import requests

    from smallserver.asking import Fhir

P = "urn:uuid:11111111-1111-4111-8111-111111111111"
Q = "urn:uuid:22222222-2222-4222-8222-222222222222"
NUMBER = {"system": "urn:numbers", "value": "7"}
BROKEN = {"resourceType": "Observation", "status": "final"}


def statuses(answer: requests.Response) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [int(each["response"]["status"][:3]) for each in answer.json()["entry"]]


def patch(*operations: dict[str, Any]) -> dict[str, Any]:
    data = base64.b64encode(dump(list(operations))).decode()
    return {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": data}


def test_the_answer_has_an_entry_for_each_in_the_order_of_the_request(fhir: Fhir) -> None:
    fhir.put(patient("old"))
    fhir.put(patient("gone"))
    answer = fhir.post(
        bundle(
            entry("GET", "Patient/old"),
            entry("PUT", "Patient/old", patient("old", gender="male")),
            entry("POST", "Patient", patient("x")),
            entry("DELETE", "Patient/gone"),
            entry("PUT", "Patient/new", patient("new")),
            entry("GET", "Patient?gender=male"),
        )
    )

    assert [200, 200, 201, 204, 201, 200] == statuses(answer)
    found = answer.json()
    assert "transaction-response" == found["type"]
    first, second, third, fourth, fifth, sixth = found["entry"]
    assert "male" == first["resource"]["gender"]
    assert ("Patient/old/_history/2", 'W/"2"') == (second["response"]["location"], second["response"]["etag"])
    assert second["response"]["lastModified"] == fhir.get("Patient/old")["meta"]["lastUpdated"]
    assert third["response"]["location"].startswith("Patient/")
    assert "location" not in fourth["response"]
    assert "Patient/new/_history/1" == fifth["response"]["location"]
    assert ["old"] == [each["resource"]["id"] for each in sixth["resource"]["entry"]]


# "The server SHALL either accept all actions …, or reject all": the same page
@pytest.mark.parametrize(
    ("failing", "status"),
    [
        (entry("POST", "Observation", BROKEN), 422),
        (entry("PUT", "Observation/b", patient("b")), 400),
        (entry("PUT", "Patient/new", patient("new")), 400),
        (entry("PUT", "Patient/old", patient("old"), ifMatch='W/"9"'), 412),
        (entry("DELETE", "Patient/old"), 400),
        (entry("GET", "Patient/none"), 404),
        (entry("POST", "Nonsense", {"resourceType": "Nonsense"}), 404),
        (entry("POST", "Patient", patient("x"), ifNoneExist="identifier=urn:numbers|7"), 412),
        (entry("POST", "Patient", patient("x"), ifNoneExist="nonsense=7"), 400),
        (entry("POST", "Observation", observation("x", subject={"reference": P})), 400),
        (entry("POST", "Observation", observation("x", subject={"reference": "Patient?identifier=none"})), 412),
        (entry("POST", "Observation", observation("x", subject={"reference": "Patient?identifier=7"})), 412),
        (entry("PATCH", "Patient/old", patch({"op": "add", "path": "/active", "value": True})), 400),
        (entry("PATCH", "Patient/two", patch({"op": "test", "path": "/gender", "value": "male"})), 422),
        (entry("PATCH", "Patient/two", patient("two")), 400),
        (entry("BREW", "Patient"), 400),
        ({"resource": patient("x")}, 400),
    ],
)
@pytest.mark.parametrize("position", [0, 3])
def test_a_transaction_is_done_whole_or_not_at_all(
    fhir: Fhir, failing: dict[str, Any], status: int, position: int
) -> None:
    for each in ("one", "two"):
        fhir.put(patient(each, identifier=[NUMBER]))
    fhir.put(patient("old"))
    entries = [
        entry("PUT", "Patient/old", patient("old", gender="male")),
        entry("PUT", "Patient/new", patient("new")),
        entry("DELETE", "Patient/one", ""),
    ]
    if "7" in str(failing.get("request", {}).get("ifNoneExist")) or "7" in str(failing.get("resource", {})):
        del entries[2]
    entries.insert(position, failing)
    before = fhir.get("Patient")["entry"]

    refused = fhir.post(bundle(*entries))

    assert (status, "OperationOutcome") == (refused.status_code, refused.json()["resourceType"])
    assert refused.json()["issue"][0]["expression"][0].startswith("Bundle.entry[")
    assert before == fhir.get("Patient")["entry"]
    assert [] == fhir.ids("Observation")


def test_the_entry_at_fault_is_named(fhir: Fhir) -> None:
    refused = fhir.post(bundle(entry("POST", "Patient", patient("a")), entry("POST", "Observation", BROKEN)))

    issue = refused.json()["issue"][0]
    assert ["Bundle.entry[1]"] == issue["expression"]
    assert "Bundle.entry[1]: Observation.code: 'code' is required and missing" == issue["diagnostics"]


# DELETE, POST, PUT and PATCH, GET: https://hl7.org/fhir/R4/http.html#trules
def test_entries_are_done_in_the_order_of_their_methods(fhir: Fhir) -> None:
    fhir.put(patient("a", identifier=[NUMBER]))
    query = "identifier=urn:numbers|7"
    answer = fhir.post(
        bundle(
            entry("GET", f"Patient?{query}"),
            entry("PUT", f"Patient?{query}", {"resourceType": "Patient", "identifier": [NUMBER], "gender": "male"}),
            entry("POST", "Observation", observation("x", subject={"reference": f"Patient?{query}"})),
            entry("DELETE", "Patient/a"),
        )
    )

    assert [200, 201, 201, 204] == statuses(answer)
    (made,) = fhir.ids(f"Patient?{query}")
    assert made != "a"
    assert made == answer.json()["entry"][0]["resource"]["entry"][0]["resource"]["id"]
    assert 1 == len(fhir.ids(f"Observation?subject=Patient/{made}"))


def test_what_is_deleted_meets_no_condition_any_more(fhir: Fhir) -> None:
    fhir.put(patient("a", identifier=[NUMBER]))
    new = entry("POST", "Patient", patient("x", identifier=[NUMBER]), ifNoneExist="identifier=urn:numbers|7")

    assert [201, 204] == statuses(fhir.post(bundle(new, entry("DELETE", "Patient/a"))))


def test_placeholders_become_the_places_of_the_resources(fhir: Fhir) -> None:
    div = f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{P}">{P}</a><a href="#x">x</a></div>'
    where = {"url": "http://example.org/x", "valueReference": {"reference": P}}
    of = observation(
        "x",
        text={"status": "generated", "div": div},
        identifier=[{"system": "urn:ietf:rfc:3986", "value": P}],
        extension=[
            {"url": "http://example.org/u", "valueUri": P},
            {"url": "http://example.org/c", "valueCanonical": P},
        ],
        effectiveDateTime="2018",
        _effectiveDateTime={"extension": [where]},
        subject={"reference": P, "display": P},
        hasMember=[{"reference": Q}],
        focus=[{"reference": "Patient/elsewhere"}, {"reference": "http://elsewhere.example/Patient/1"}],
    )
    answer = fhir.post(bundle(entry("POST", "Observation", of, Q), entry("POST", "Patient", patient("x"), P)))

    own, place = (each["response"]["location"].removesuffix("/_history/1") for each in answer.json()["entry"])
    found = fhir.get(own)
    assert place == found["subject"]["reference"]
    assert place == found["_effectiveDateTime"]["extension"][0]["valueReference"]["reference"]
    assert place == found["extension"][0]["valueUri"]
    assert f'<a href="{place}">{P}</a><a href="#x">' in found["text"]["div"]
    assert [{"reference": own}] == found["hasMember"]
    assert of["focus"] == found["focus"]
    assert [P, P, P] == [
        found["identifier"][0]["value"],
        found["subject"]["display"],
        found["extension"][1]["valueCanonical"],
    ]


def test_a_reference_to_a_full_url_with_http_is_followed_too(fhir: Fhir) -> None:
    base = "http://elsewhere.example/fhir"
    answer = fhir.post(
        bundle(
            entry("POST", "Patient", patient("1"), f"{base}/Patient/1"),
            entry("POST", "Observation", observation("2", subject={"reference": "Patient/1"}), f"{base}/Observation/2"),
            entry("POST", "Observation", observation("3", subject={"reference": f"{base}/Patient/1"}), Q),
            entry("POST", "Observation", observation("4", subject={"reference": "Patient/1"}), P),
        )
    )

    places = [each["response"]["location"].removesuffix("/_history/1") for each in answer.json()["entry"]]
    subjects = [fhir.get(place)["subject"]["reference"] for place in places[1:]]
    assert [places[0], places[0], "Patient/1"] == subjects


@pytest.mark.parametrize("there", [True, False])
def test_a_placeholder_may_stand_for_what_is_there_already(fhir: Fhir, there: bool) -> None:
    query = "identifier=urn:numbers|7"
    if there:
        fhir.put(patient("a", identifier=[NUMBER]))
    of = [observation(each, subject={"reference": each}) for each in (P, Q)]
    answer = fhir.post(
        bundle(
            *(entry("POST", "Observation", each) for each in of),
            entry("POST", "Patient", patient("x", identifier=[NUMBER]), P, ifNoneExist=query),
            entry("PUT", "Device?identifier=7", {"resourceType": "Device", "identifier": [NUMBER]}, Q),
        )
    )

    assert [201, 201, 200 if there else 201, 201] == statuses(answer)
    (found,) = fhir.ids(f"Patient?{query}")
    assert (found == "a") == there
    assert [f"Patient/{found}", f"Device/{fhir.ids('Device')[0]}"] == [
        each["resource"]["subject"]["reference"] for each in fhir.get("Observation")["entry"]
    ]


def test_two_entries_with_the_same_condition_create_once(fhir: Fhir) -> None:
    new = patient("x", identifier=[NUMBER])
    one = [entry("POST", "Patient", new, each, ifNoneExist="identifier=urn:numbers|7") for each in (P, Q)]
    of = [entry("POST", "Observation", observation("x", subject={"reference": each})) for each in (P, Q)]

    assert [201, 200, 201, 201] == statuses(fhir.post(bundle(*one, *of)))
    (found,) = fhir.ids("Patient")
    assert [f"Patient/{found}"] * 2 == [
        each["resource"]["subject"]["reference"] for each in fhir.get("Observation")["entry"]
    ]


def test_a_patch_in_a_transaction_is_a_binary(fhir: Fhir) -> None:
    fhir.put(patient("a"))
    add = patch({"op": "add", "path": "/gender", "value": "male"})

    assert [200] == statuses(fhir.post(bundle(entry("PATCH", "Patient/a", add, ifMatch='W/"1"'))))
    assert "male" == fhir.get("Patient/a")["gender"]


@pytest.mark.parametrize(
    ("prefer", "keys", "outcome"),
    [
        ("", set(), None),
        ("return=minimal", set(), None),
        ("return=representation", {"resource"}, None),
        ("return=OperationOutcome", set(), "OperationOutcome"),
    ],
)
def test_a_transaction_gives_back_what_is_preferred(
    fhir: Fhir, prefer: str, keys: set[str], outcome: str | None
) -> None:
    sent = bundle(
        entry("POST", "Observation", observation("x", subject={"reference": P}, value="15.0")),
        entry("POST", "Patient", patient("x"), P),
    )
    answer = fhir.post(sent, **({"Prefer": prefer} if prefer else {}))

    first, second = parse(answer.content)["entry"]
    assert keys | {"response"} == set(first) == set(second)
    assert outcome == first["response"].get("outcome", {}).get("resourceType")
    if keys:
        place = second["response"]["location"].removesuffix("/_history/1")
        assert (place, "15.0") == (
            first["resource"]["subject"]["reference"],
            str(first["resource"]["valueQuantity"]["value"]),
        )


def test_an_empty_transaction_is_fine(fhir: Fhir) -> None:
    assert [] == statuses(fhir.post(bundle()))
    assert 200 == fhir.post({"resourceType": "Bundle", "type": "transaction"}).status_code


def test_each_entry_of_a_batch_stands_alone(fhir: Fhir) -> None:
    fhir.put(patient("old"))
    answer = fhir.post(
        bundle(
            entry("POST", "Observation", BROKEN),
            entry("PUT", "Patient/a", patient("a")),
            entry("PUT", "Patient/old", patient("old"), ifMatch='W/"9"'),
            entry("GET", "Patient/none"),
            {"resource": patient("x")},
            entry("POST", "Patient", patient("x", identifier=[NUMBER]), ifNoneExist="identifier=7"),
            entry("POST", "Patient", patient("x", identifier=[NUMBER]), ifNoneExist="identifier=7"),
            entry("GET", "Patient/a"),
            entry("DELETE", "Patient/a"),
            kind="batch",
        )
    )

    assert [422, 201, 412, 404, 400, 201, 200, 200, 204] == statuses(answer)
    entries = answer.json()["entry"]
    assert "batch-response" == answer.json()["type"]
    assert [True, False, True, True, True] == ["outcome" in each["response"] for each in entries[:5]]
    assert "Patient/a/_history/1" == entries[1]["response"]["location"]
    assert entries[5]["response"]["location"] == entries[6]["response"]["location"]
    assert "a" == entries[7]["resource"]["id"]
    assert 410 == fhir.ask("GET", "Patient/a").status_code
    assert patient("old") == without_own(fhir.get("Patient/old"))


def test_five_hundred_resources_are_stored_at_once(fhir: Fhir) -> None:
    entries = [entry("POST", "Observation", observation("x", subject={"reference": P}), full) for full in many(499)]
    body = bundle(entry("POST", "Patient", patient("x"), P), *entries)

    answer = fhir.post(body)

    assert [201] * 500 == statuses(answer)
    assert 499 == fhir.get("Observation?_summary=count")["total"]


def many(number: int) -> list[str]:
    return [f"urn:uuid:33333333-3333-4333-8333-{each:012}" for each in range(number)]

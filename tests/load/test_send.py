"""A yes of the server counts entry by entry; a no names the resource that is to blame."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from fhir_case.errors import RejectedError, ServerError
from fhir_case.fhir.wire import dump, parse
from fhir_case.load import upload
from fhir_case.load.journal.entry import Journal, JournalEntry
from fhir_case.server.capabilities import Capabilities, TypeCapabilities
from fhir_case.server.client import Client
from load.sample import sent as sent_by

if TYPE_CHECKING:
    import responses

IDS = {"Patient": "demo-patient", "Observation": "demo-afp", "Provenance": "demo-provenance"}
GIVES_IDS = Capabilities(types={kind: TypeCapabilities(False, True, True) for kind in IDS})


def searches(http: responses.RequestsMock, base: str, version: str | None = None) -> None:
    """Announce the searches for what is there already: nothing, or everything in one version."""
    for kind, key in IDS.items():
        found = {"resource": {"resourceType": kind, "id": key, "meta": {"versionId": version}}}
        entries = [found] if version is not None else []
        http.get(f"{base}/{kind}", json={"resourceType": "Bundle", "type": "searchset", "entry": entries})


def answers(http: responses.RequestsMock, base: str, *found: Any, **options: Any) -> None:
    body = {"resourceType": "Bundle", "type": "transaction-response", "entry": list(found)}
    http.post(base, json=body, **options)


def response(status: str, location: str = "", **others: Any) -> dict[str, Any]:
    return {"response": {"status": status, **({"location": location} if location else {}), **others}}


def posts(http: responses.RequestsMock) -> int:
    return sum(call.request.method == "POST" for call in http.calls)


def sent(bundle: dict[str, Any], base: str) -> Journal:
    with Client(base) as client:
        return sent_by(bundle, client, clock=count(10.0, 0.5).__next__)


def states(journal: Journal) -> list[tuple[str, str, str]]:
    return [(entry.state, entry.stored_as, entry.version) for entry in journal.entries]


def test_created_updated_and_unchanged_are_told_apart_by_the_versions(
    http: responses.RequestsMock, base: str, bundle: dict[str, Any]
) -> None:
    searches(http, base, "3")
    answers(
        http,
        base,
        response("201 Created", "Patient/demo-patient/_history/1"),
        response("200 OK", "Observation/demo-afp/_history/4", etag='W/"4"'),
        response("200", etag="3"),
    )
    journal = sent(bundle, base)

    expected = [
        ("created", "Patient/demo-patient", "1"),
        ("updated", "Observation/demo-afp", "4"),
        ("unchanged", "Provenance/demo-provenance", "3"),
    ]
    assert expected == states(journal)
    assert journal.ok
    assert journal.seconds > 0
    assert {"created": 1, "updated": 1, "unchanged": 1} == {
        state: number for state, number in journal.counts.items() if number
    }


@pytest.mark.parametrize("version", [None, "3"])
def test_without_versions_we_do_not_claim_to_know(
    http: responses.RequestsMock, base: str, bundle: dict[str, Any], version: str | None
) -> None:
    for kind in IDS:
        http.get(f"{base}/{kind}", status=400)
    etag = {"etag": version} if version else {}
    answers(http, base, *(response("200 OK", **etag) for _ in IDS))

    assert ["updated or unchanged"] * 3 == [entry.state for entry in sent(bundle, base).entries]


def test_what_was_not_there_before_is_created_also_where_the_server_says_200(
    http: responses.RequestsMock, base: str, bundle: dict[str, Any]
) -> None:
    searches(http, base)
    answers(http, base, *(response("200 OK", etag="3") for _ in IDS))

    assert ["created"] * 3 == [entry.state for entry in sent(bundle, base).entries]


@pytest.mark.parametrize(
    "location", ["Patient/77/_history/1", "Patient/77", "https://elsewhere/x/Patient/77/_history/1"]
)
def test_a_location_is_understood_in_every_form(
    http: responses.RequestsMock, base: str, bundle: dict[str, Any], location: str
) -> None:
    answers(http, base, response("201", location), response("200 OK", "Observation/78"), response("201"))
    with Client(base) as client:
        journal = sent_by(bundle, client, GIVES_IDS)

    patient, observation, provenance = journal.entries
    assert ("created", "Patient/77") == (patient.state, patient.stored_as)
    assert "unchanged" == observation.state
    assert ("created", "") == (provenance.state, provenance.stored_as)


def test_a_shorter_answer_is_paired_by_place_and_the_rest_has_failed(
    http: responses.RequestsMock, base: str, bundle: dict[str, Any]
) -> None:
    searches(http, base)
    answers(http, base, response("201 Created", "Observation/demo-afp/_history/1"), response("201 Created"))
    journal = sent(bundle, base)

    assert ["failed", "created", "failed"] == [entry.state for entry in journal.entries]
    assert "the server's answer has 2 entries for 3, none of which names it" == journal.entries[0].reason
    assert not journal.ok


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({}, "the answer has no status"),
        ("x", "the answer has no status"),
        (response("OK"), "the answer has no status"),
        (
            response("201", "Patient/somebody-else/_history/1"),
            "the answer at its position is about Patient/somebody-else",
        ),
        (response("201", "Group/demo-patient"), "the answer at its position is about Group/demo-patient"),
        (
            response("422 x", outcome={"resourceType": "OperationOutcome", "issue": [{"diagnostics": "no"}]}),
            "HTTP 422: no",
        ),
        (response("409"), "HTTP 409"),
    ],
)
def test_an_entry_that_is_not_confirmed_has_failed_and_says_why(
    http: responses.RequestsMock, base: str, bundle: dict[str, Any], wrong: Any, reason: str
) -> None:
    searches(http, base)
    answers(http, base, wrong, response("201"), response("201"))
    journal = sent(bundle, base)

    assert ("failed", reason) == (journal.entries[0].state, journal.entries[0].reason)
    assert ["created", "created"] == [entry.state for entry in journal.entries[1:]]


@pytest.mark.parametrize("body", [b"", b'{"resourceType": "Bundle", "entry": 3}'])
def test_a_yes_without_entries_confirms_nothing(
    http: responses.RequestsMock, base: str, bundle: dict[str, Any], body: bytes
) -> None:
    searches(http, base)
    http.post(base, body=body)

    assert 3 == sent(bundle, base).counts["failed"]


@pytest.mark.parametrize(
    ("issue", "culprit"),
    [
        ({"expression": ["Bundle.entry[1].resource.status"]}, "Observation/demo-afp"),
        ({"location": ["Bundle.entry[1]"], "diagnostics": "Patient/demo-patient"}, "Observation/demo-afp"),
        ({"diagnostics": "Bundle.entry.1 is wrong"}, "Observation/demo-afp"),
        ({"diagnostics": "Resource Patient/demo-patient has no name"}, "Patient/demo-patient"),
        ({"diagnostics": "HAPI-1094: Resource Group/nope not found, specified in path: x"}, "Observation/demo-afp"),
        (
            {"diagnostics": 'HAPI-1821: [element="gender"] Invalid attribute value "female": Unknown code \'female\''},
            "Patient/demo-patient",
        ),
    ],
)
def test_a_refusal_names_the_resource_to_blame(
    http: responses.RequestsMock, base: str, bundle: dict[str, Any], issue: dict[str, Any], culprit: str
) -> None:
    bundle["entry"][1]["resource"]["focus"] = [{"reference": "Group/nope"}]
    searches(http, base)
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "processing", **issue}]}
    http.post(base, json=outcome, status=400)
    with pytest.raises(RejectedError) as caught:
        sent(bundle, base)

    assert caught.value.message.startswith(f"nothing was stored; it is about {culprit}: HTTP 400 Bad Request: ")
    assert (400, outcome) == (caught.value.status, caught.value.outcome)


def test_a_refusal_that_names_nothing_is_shown_as_it_is(
    http: responses.RequestsMock, base: str, bundle: dict[str, Any]
) -> None:
    searches(http, base)
    issue = {"severity": "error", "code": "multiple-matches", "diagnostics": "2 match Bundle.entry[99]"}
    http.post(base, json={"resourceType": "OperationOutcome", "issue": [issue]}, status=412)
    with pytest.raises(RejectedError, match="nothing was stored: HTTP 412 Precondition Failed: 2 match"):
        sent(bundle, base)


def test_a_server_that_is_busy_once_is_asked_again(
    http: responses.RequestsMock, base: str, bundle: dict[str, Any]
) -> None:
    searches(http, base)
    http.post(base, status=503)
    answers(http, base, *(response("201 Created") for _ in IDS))

    assert 3 == sent(bundle, base).counts["created"]
    assert 2 == posts(http)


def test_what_would_be_doubled_is_looked_up_and_not_sent_again(
    http: responses.RequestsMock, base: str, bundle: dict[str, Any]
) -> None:
    http.post(base, status=503)
    for kind in ("Patient", "Observation"):  # the Provenance has no identifier that could be looked for
        http.get(f"{base}/{kind}", json={"resourceType": "Bundle", "type": "searchset"})
    with Client(base) as client, pytest.raises(ServerError):
        sent_by(bundle, client, GIVES_IDS)

    assert 1 == posts(http)


def test_upload_asks_plans_and_sends(http: responses.RequestsMock, base: str, bundle: dict[str, Any]) -> None:
    http.get(f"{base}/metadata", json={"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"})
    searches(http, base)
    answers(http, base, *(response("201 Created") for _ in IDS))
    journal = upload(bundle, f"{base}/", real_patient_data=True)

    assert (base, 3) == (journal.server, journal.counts["created"])


def test_a_journal_is_json_with_the_counts_of_all_states() -> None:
    entry = JournalEntry("Patient/a", "PUT", 200, "updated", "Patient/a", "2")
    value = Journal("https://fhir.example", (entry,), 1.25, ("beware",)).to_dict()

    assert value == parse(dump(value))
    assert ("https://fhir.example", 1.25, ["beware"]) == (value["server"], value["seconds"], value["warnings"])
    assert {"updated": 1} == {state: number for state, number in value["counts"].items() if number}
    assert [entry] == [JournalEntry(**each) for each in value["entries"]]

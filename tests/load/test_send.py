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


def nothing_there(http: responses.RequestsMock, base: str) -> None:
    """Announce the searches for what has an identifier already: nothing."""
    for kind in ("Patient", "Observation"):
        http.get(f"{base}/{kind}", json={"resourceType": "Bundle", "type": "searchset"})


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
    "location",
    [
        "Patient/77/_history/1",
        "Patient/77",
        "/Patient/77/",
        "https://elsewhere/x/Patient/77/_history/1",
        "Patient/77/_history/1?_format=json",
        "https://elsewhere/x/Patient%2F77%2F_history%2F1#there",
    ],
)
def test_a_location_is_understood_in_every_form(
    http: responses.RequestsMock, base: str, bundle: dict[str, Any], location: str
) -> None:
    nothing_there(http, base)
    answers(http, base, response("201", location), response("200 OK", "Observation/78"), response("201"))
    with Client(base) as client:
        journal = sent_by(bundle, client, GIVES_IDS)

    patient, observation, provenance = journal.entries
    assert ("created", "Patient/77") == (patient.state, patient.stored_as)
    assert "unchanged" == observation.state
    assert ("created", "") == (provenance.state, provenance.stored_as)


LONG = "pid_" + "x" * 80


@pytest.mark.parametrize(
    "told",
    [
        {"response": {"status": "201", "location": f"https://elsewhere/fhir/Patient/{LONG}/_history/a_1"}},
        {"response": {"status": "201"}, "resource": {"resourceType": "Patient", "id": LONG}},
        {"response": {"status": "201"}, "fullUrl": f"https://elsewhere/fhir/Patient/{LONG}"},
    ],
)
def test_an_id_is_taken_from_wherever_the_answer_has_it_as_the_server_writes_it(
    http: responses.RequestsMock, base: str, bundle: dict[str, Any], told: dict[str, Any]
) -> None:
    nothing_there(http, base)
    answers(http, base, told, response("200 OK", "Observation/78"), response("201", "Provenance/9"))
    with Client(base) as client:
        journal = sent_by(bundle, client, GIVES_IDS)

    assert ("created", f"Patient/{LONG}") == (journal.entries[0].state, journal.entries[0].stored_as)


def test_a_full_url_that_is_only_repeated_is_no_location(
    http: responses.RequestsMock, base: str, bundle: dict[str, Any]
) -> None:
    told = [{"fullUrl": each["fullUrl"], "response": {"status": "201"}} for each in bundle["entry"]]
    for kind in ("Patient", "Observation"):  # what has an identifier is looked for
        http.get(f"{base}/{kind}", json={"resourceType": "Bundle", "type": "searchset"})
    answers(http, base, *told)
    with Client(base) as client:
        journal = sent_by(bundle, client, GIVES_IDS)

    assert [("created", "")] * 3 == [(entry.state, entry.stored_as) for entry in journal.entries]


def test_several_entries_that_name_one_location_do_not_count_as_several_created(
    http: responses.RequestsMock, base: str, bundle: dict[str, Any]
) -> None:
    bundle["entry"] = [{"resource": {"resourceType": "Observation", "status": "final"}} for _ in range(3)]
    bundle["type"] = "collection"
    http.get(f"{base}/Observation", json={"resourceType": "Bundle", "type": "searchset"})
    answers(http, base, *(response("201", "Observation/1/_history/1") for _ in range(3)))
    with Client(base) as client:
        journal = sent_by(bundle, client)

    assert ["unknown"] * 3 == [entry.state for entry in journal.entries]
    assert journal.entries[0].reason.startswith("the answer names Observation/1 for several resources")


def test_an_answer_in_another_order_counts_where_it_names_a_resource_without_doubt(
    http: responses.RequestsMock, base: str, bundle: dict[str, Any]
) -> None:
    provenance, patient, observation = (
        response("201", f"{kind}/{number}/_history/1")
        for number, kind in enumerate(("Provenance", "Patient", "Observation"))
    )
    nothing_there(http, base)
    answers(http, base, provenance, patient, observation)
    with Client(base) as client:
        journal = sent_by(bundle, client, GIVES_IDS)

    expected = [("created", "Patient/1"), ("created", "Observation/2"), ("created", "Provenance/0")]
    assert expected == [(entry.state, entry.stored_as) for entry in journal.entries]


def test_a_shorter_answer_is_paired_by_name_and_the_rest_is_unknown(
    http: responses.RequestsMock, base: str, bundle: dict[str, Any]
) -> None:
    searches(http, base)
    answers(http, base, response("201 Created", "Observation/demo-afp/_history/1"), response("201 Created"))
    journal = sent(bundle, base)

    assert ["unknown", "created", "unknown"] == [entry.state for entry in journal.entries]
    expected = "the server's answer has 2 entries for 3, none of which names it; it is not known whether it is stored"
    assert expected == journal.entries[0].reason
    assert not journal.ok


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({}, "the answer has no status"),
        ("x", "the answer has no status"),
        (response("OK"), "the answer has no status"),
        (response("202 Accepted"), "HTTP 202"),
        (response("500"), "HTTP 500"),
        (
            response("201", "Patient/somebody-else/_history/1"),
            "the answer at its position is about Patient/somebody-else",
        ),
        (response("201", "Device/demo-patient"), "the answer at its position is about Device/demo-patient"),
    ],
)
def test_an_entry_that_is_not_confirmed_is_unknown_and_says_why(
    http: responses.RequestsMock, base: str, bundle: dict[str, Any], wrong: Any, reason: str
) -> None:
    searches(http, base)
    if "Device" in str(wrong):
        http.get(f"{base}/Device", json={"resourceType": "Bundle", "type": "searchset"})
    answers(http, base, wrong, response("201"), response("201"))
    journal = sent(bundle, base)

    expected = ("unknown", f"{reason}; it is not known whether it is stored")
    assert expected == (journal.entries[0].state, journal.entries[0].reason)
    assert ["created", "created"] == [entry.state for entry in journal.entries[1:]]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (
            response("422 x", outcome={"resourceType": "OperationOutcome", "issue": [{"diagnostics": "no"}]}),
            "HTTP 422: no",
        ),
        *((response(f"{status}"), f"HTTP {status}") for status in (409, 425, 429, 501, 505)),
    ],
)
def test_an_entry_that_is_refused_has_failed_and_says_why(
    http: responses.RequestsMock, base: str, bundle: dict[str, Any], wrong: Any, reason: str
) -> None:
    searches(http, base)
    answers(http, base, wrong, response("201"), response("201"))
    journal = sent(bundle, base)

    assert ("failed", reason) == (journal.entries[0].state, journal.entries[0].reason)
    assert ["created", "created"] == [entry.state for entry in journal.entries[1:]]


@pytest.mark.parametrize("status", [408, 460, 499, 500, 503, 524, 599])
def test_an_entry_at_which_a_server_is_in_trouble_is_unknown(
    http: responses.RequestsMock, base: str, bundle: dict[str, Any], status: int
) -> None:
    searches(http, base)
    answers(http, base, response(f"{status}"), response("201"), response("201"))

    assert "unknown" == sent(bundle, base).entries[0].state


@pytest.mark.parametrize("body", [b"", b'{"resourceType": "Bundle", "entry": 3}'])
def test_a_yes_without_entries_confirms_nothing(
    http: responses.RequestsMock, base: str, bundle: dict[str, Any], body: bytes
) -> None:
    searches(http, base)
    http.post(base, body=body)

    assert 3 == sent(bundle, base).counts["unknown"]


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

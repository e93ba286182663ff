"""Every resource is looked for, wherever the server keeps it, and one that is not there is said to be lost."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import responses
from responses import matchers

from fhir_case.errors import RejectedError
from fhir_case.fhir.wire import dump, parse
from fhir_case.load import verify
from fhir_case.load.journal.entry import Journal, JournalEntry
from fhir_case.load.verification.readback import Verification, read_back
from fhir_case.server.capabilities import UNKNOWN, Capabilities, TypeCapabilities
from fhir_case.server.client import Client
from load.sample import plan

NAMES = ("Patient/demo-patient", "Observation/demo-afp", "Provenance/demo-provenance")
GIVES_IDS = Capabilities(
    types={name.partition("/")[0]: TypeCapabilities(False, True, not name.startswith("Prov")) for name in NAMES}
)


def stored(bundle: dict[str, Any], ids: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """Return the resources as a server with its own ids would, or with ours."""
    text = dump([entry["resource"] for entry in bundle["entry"]]).decode()
    for ours, theirs in (ids or {}).items():
        text = text.replace(ours, theirs).replace(f'"{ours.partition("/")[2]}"', f'"{theirs.partition("/")[2]}"')
    found: list[dict[str, Any]] = parse(text)
    return [{**resource, "meta": {"versionId": "1"}} for resource in found]


def finds(http: responses.RequestsMock, base: str, kind: str, *resources: dict[str, Any], **query: str) -> None:
    body = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": each} for each in resources]}
    match = [matchers.query_param_matcher(query, strict_match=False)]
    http.get(f"{base}/{kind}", body=dump(body), match=match)


def read(
    bundle: dict[str, Any], base: str, capabilities: Capabilities = UNKNOWN, journal: Journal | None = None
) -> Verification:
    with Client(base) as client:
        return read_back(plan(bundle, capabilities), client, journal=journal)


def states(verification: Verification) -> list[tuple[str, str]]:
    return [(each.stored_as, each.state) for each in verification.comparisons]


def test_what_arrived_is_found_by_one_search_a_type(
    http: responses.RequestsMock, base: str, bundle: dict[str, Any]
) -> None:
    for resource in stored(bundle):
        finds(http, base, resource["resourceType"], resource, _id=resource["id"])
    verification = read(bundle, base)

    assert [(name, "added") for name in NAMES] == states(verification)
    assert verification.ok
    assert 3 == verification.counts["added"]


def test_the_ids_of_the_server_are_taken_from_the_journal(
    http: responses.RequestsMock, base: str, bundle: dict[str, Any]
) -> None:
    theirs: dict[str, str] = dict(zip(NAMES, ("Patient/1", "Observation/2", "Provenance/3"), strict=True))
    for resource in stored(bundle, theirs):
        finds(http, base, resource["resourceType"], resource, _id=resource["id"])
    journal = Journal(base, tuple(JournalEntry(name, "POST", 201, "created", theirs[name]) for name in NAMES))
    verification = read(bundle, base, GIVES_IDS, journal)

    assert [(theirs[name], "rewritten") for name in NAMES] == states(verification)
    assert verification.ok


def test_without_a_journal_they_are_found_by_identifier_and_what_has_none_is_not_checked(
    http: responses.RequestsMock, base: str, bundle: dict[str, Any]
) -> None:
    patient, observation, _ = stored(bundle, {NAMES[0]: "Patient/1", NAMES[1]: "Observation/2"})
    finds(http, base, "Patient", patient, identifier="urn:fhir-case:demo|patient")
    finds(http, base, "Observation", observation, identifier="urn:fhir-case:demo|afp")
    verification = read(bundle, base, GIVES_IDS)

    assert [("Patient/1", "rewritten"), ("Observation/2", "rewritten"), ("", "not checked")] == states(verification)
    assert not verification.ok


def test_a_server_that_gave_its_own_ids_without_saying_so_is_seen_through(
    http: responses.RequestsMock, base: str, bundle: dict[str, Any]
) -> None:
    bundle["entry"] = bundle["entry"][:1]
    (patient,) = stored(bundle, {NAMES[0]: "Patient/1"})
    finds(http, base, "Patient", _id="demo-patient")
    http.get(f"{base}/Patient/demo-patient", status=404)
    finds(http, base, "Patient", patient, identifier="urn:fhir-case:demo|patient")

    assert [("Patient/1", "rewritten")] == states(read(bundle, base))


def test_what_is_stored_twice_is_no_success(http: responses.RequestsMock, base: str, bundle: dict[str, Any]) -> None:
    bundle["entry"] = bundle["entry"][:1]
    (one,), (two,) = stored(bundle, {NAMES[0]: "Patient/1"}), stored(bundle, {NAMES[0]: "Patient/2"})
    finds(http, base, "Patient", one, two, identifier="urn:fhir-case:demo|patient")
    (comparison,) = read(bundle, base, GIVES_IDS).comparisons

    assert "altered" == comparison.state
    assert ("Patient.identifier", "duplicate", 1, 2) == tuple(
        getattr(comparison.differences[-1], name) for name in ("path", "kind", "sent", "stored")
    )


def test_what_was_deleted_is_lost_and_what_never_was_too(
    http: responses.RequestsMock, base: str, bundle: dict[str, Any]
) -> None:
    bundle["entry"] = bundle["entry"][:2]
    finds(http, base, "Patient", _id="demo-patient")
    http.get(f"{base}/Patient/demo-patient", status=410)
    finds(http, base, "Observation", _id="demo-afp")
    http.get(f"{base}/Observation/demo-afp", status=404)
    finds(http, base, "Observation", identifier="urn:fhir-case:demo|afp")
    verification = read(bundle, base)

    assert [("", "lost"), ("", "lost")] == states(verification)
    assert "Patient/demo-patient was deleted" == verification.comparisons[0].reason
    expected = "the server has no Observation/demo-afp, and nothing matches identifier=urn:fhir-case:demo|afp"
    assert expected == verification.comparisons[1].reason
    assert not verification.ok


def test_a_server_that_cannot_search_is_read_one_by_one(
    http: responses.RequestsMock, base: str, bundle: dict[str, Any]
) -> None:
    for resource in stored(bundle):
        http.get(f"{base}/{resource['resourceType']}", status=400)
        http.get(f"{base}/{resource['resourceType']}/{resource['id']}", json=resource)

    assert read(bundle, base).ok


def test_a_server_that_does_not_let_us_read_is_an_error(
    http: responses.RequestsMock, base: str, bundle: dict[str, Any]
) -> None:
    for name in NAMES:
        http.get(f"{base}/{name.partition('/')[0]}", status=403)
    http.get(f"{base}/{NAMES[0]}", status=403)
    with pytest.raises(RejectedError, match="HTTP 403"):
        read(bundle, base)


def test_a_server_that_ignores_the_search_gives_no_false_finding(
    http: responses.RequestsMock, base: str, bundle: dict[str, Any]
) -> None:
    bundle["entry"] = bundle["entry"][:1]
    finds(http, base, "Patient", {"resourceType": "Patient", "id": "somebody-else"}, _id="demo-patient")
    http.get(f"{base}/Patient/demo-patient", status=404)
    finds(http, base, "Patient", identifier="urn:fhir-case:demo|patient")

    assert [("", "lost")] == states(read(bundle, base))


def test_many_resources_are_searched_in_portions(http: responses.RequestsMock, base: str) -> None:
    resources = [{"resourceType": "Patient", "id": f"p-{number}"} for number in range(60)]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in resources]}
    finds(http, base, "Patient", *resources[:50], _count="50")
    finds(http, base, "Patient", *resources[50:], _count="10")

    assert {"equal": 60} == {state: count for state, count in read(bundle, base).counts.items() if count}


def test_verify_compares_what_was_given_to_the_last_digit(
    http: responses.RequestsMock, base: str, bundle: dict[str, Any]
) -> None:
    bundle["entry"] = bundle["entry"][1:2]
    bundle["entry"][0]["resource"]["valueQuantity"] = {"value": Decimal("15.00")}
    http.get(f"{base}/metadata", status=404)
    finds(
        http,
        base,
        "Observation",
        {**bundle["entry"][0]["resource"], "valueQuantity": {"value": Decimal("15.0")}},
        _id="demo-afp",
    )
    (comparison,) = verify(bundle, base).comparisons

    assert "altered" == comparison.state
    assert ["precision"] == [difference.kind for difference in comparison.differences]

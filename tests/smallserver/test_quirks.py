"""Each quirk does what it says; without it the server does as the specification asks."""

from __future__ import annotations

from typing import Any

import pytest

from smallserver import HAPI, PLACEHOLDER, QUIRKS, SmallServer
from smallserver.asking import Fhir, bundle, entry, observation, patient

OF_NOBODY = bundle(entry("PUT", "Observation/o", observation("o", subject={"reference": "Patient/nobody"})))
DATE = {"extension": [{"url": "urn:from", "valueReference": {"reference": "urn:uuid:1"}}]}
RELATIVE = bundle(
    entry("POST", "Patient", patient("x"), "urn:uuid:1"),
    entry("PUT", "Observation/o", observation("o", _effectiveDateTime=DATE)),
)


def statuses(fhir: Fhir, sent: dict[str, Any]) -> Any:
    answer = fhir.post(sent)
    return [each["response"]["status"][:3] for each in answer.json()["entry"]] if answer.ok else answer.status_code


def unknown_type(fhir: Fhir) -> Any:
    return fhir.put({"resourceType": "Flag", "id": "f"}).status_code


def reference_of_a_date(fhir: Fhir) -> Any:
    fhir.post(RELATIVE)
    found = fhir.get("Observation/o")["_effectiveDateTime"]["extension"][0]["valueReference"]["reference"]
    return found.partition("/")[0]


def second_version(fhir: Fhir) -> Any:
    return [fhir.put(patient("a")).json()["meta"]["versionId"] for _ in range(2)]


def stale_update(fhir: Fhir) -> Any:
    fhir.put(patient("a"))
    return fhir.put(patient("a", gender="male"), If_Match='W/"7"').status_code


def found_by_request(fhir: Fhir) -> Any:
    fhir.put(patient("a"), X_Request_ID="0123456789abcdef0123")
    return fhir.ids("Patient?_source=%230123456789abcdef0123")


def outcome_of_an_update(fhir: Fhir) -> Any:
    sent = bundle(entry("PUT", "Patient/a", patient("a")))
    return [len(fhir.post(sent).json()["entry"][0]["response"].get("outcome", ())) > 0 for _ in range(2)]


LOOKS = {
    "accepts-anything": (unknown_type, 404, 201),
    "checks-references": (lambda fhir: statuses(fhir, OF_NOBODY), ["201"], 400),
    "counts-ids": (lambda fhir: fhir.post(patient("x")).json()["id"] == "1001", False, True),
    "keeps-primitive-references": (reference_of_a_date, "Patient", "urn:uuid:1"),
    "keeps-request-id": (found_by_request, [], ["a"]),
    "refuses-numeric-ids": (lambda fhir: fhir.put(patient("7")).status_code, 201, 400),
    "refuses-unknown-parameters": (lambda fhir: fhir.ask("GET", "Patient?nonsense=1").status_code, 200, 400),
    "skips-equal-updates": (second_version, ["1", "2"], ["1", "1"]),
    "tells-update-codes": (outcome_of_an_update, [False, False], [False, True]),
    "version-conflict-409": (stale_update, 412, 409),
}


@pytest.mark.parametrize("quirk", LOOKS)
def test_a_quirk_is_seen_only_where_it_is(quirk: str) -> None:
    look, usual, quirky = LOOKS[quirk]
    with SmallServer() as server, Fhir(server.url) as fhir:
        assert usual == look(fhir)
    with SmallServer(quirks=(quirk,)) as server, Fhir(server.url) as fhir:
        assert quirky == look(fhir)


def test_every_quirk_is_looked_at() -> None:
    assert set(QUIRKS) == {*LOOKS, "makes-placeholders"}


def test_a_placeholder_stands_for_what_is_not_there_and_keeps_the_request() -> None:
    with SmallServer.like(HAPI) as server, Fhir(server.url) as fhir:
        server.behaviour.quirks.add("makes-placeholders")
        assert 200 == fhir.post(OF_NOBODY, X_Request_ID="a-request").status_code

        made = server.resources["Patient/nobody"]
        assert ([PLACEHOLDER], "#a-request") == (made["extension"], made["meta"]["source"])


def test_what_is_referred_to_is_not_deleted_unless_both_go() -> None:
    with SmallServer.like(HAPI) as server, Fhir(server.url) as fhir:
        fhir.put(patient("a"))
        fhir.put(observation("o", subject={"reference": "Patient/a"}))
        one, other = entry("DELETE", "Patient/a"), entry("DELETE", "Observation/o")

        assert 409 == statuses(fhir, bundle(one))
        assert ["204", "204"] == statuses(fhir, bundle(one, other))


def test_what_somebody_else_stores_and_removes_is_seen_by_the_client() -> None:
    with SmallServer() as server, Fhir(server.url) as fhir:
        server.put(patient("a"))
        assert ({"Patient/a"}, {"Patient/a": "1"}) == (server.names, server.versions())
        del server.resources["Patient/a"]

        assert 410 == fhir.ask("GET", "Patient/a").status_code
        assert ["GET"] == [each.method for each in server.requests]


def test_a_hook_answers_in_place_of_the_server_or_resets_the_connection() -> None:
    import requests

    with SmallServer() as server, Fhir(server.url) as fhir:
        server.hook = lambda _, answer: answer()
        assert 200 == fhir.ask("GET", "metadata").status_code
        server.hook = lambda *_: None
        with pytest.raises(requests.ConnectionError):
            fhir.ask("GET", "metadata")

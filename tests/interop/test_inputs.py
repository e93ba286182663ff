"""Anyone's Bundle is moved into a namespace: ids, and all that refers to them."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_case.errors import BundleError
from fhir_case.interop.inputs import bundle_input, in_namespace

LONG = "a" * 60
ELSEWHERE = "https://one.example/fhir"


def entry(kind: str, key: str, full_url: str, **elements: Any) -> dict[str, Any]:
    resource = {"resourceType": kind, "id": key, **elements}
    return {"fullUrl": full_url, "resource": resource, "request": {"method": "PUT", "url": f"{kind}/{key}"}}


def moved() -> dict[str, Any]:
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            entry("Patient", "p", f"{ELSEWHERE}/Patient/p"),
            entry("Observation", LONG, f"{ELSEWHERE}/Observation/{LONG}", subject={"reference": "Patient/p"}),
            entry("Observation", LONG + "b", "urn:uuid:4", subject={"reference": f"{ELSEWHERE}/Patient/p"},
                  focus=[{"reference": f"Observation/{LONG}"}, {"reference": "Patient/elsewhere"}]),
        ],
    }  # fmt: skip
    return in_namespace(bundle, "interop-1")


def test_ids_urls_and_references_move_together() -> None:
    patient, first, second = moved()["entry"]

    assert ("interop-1-p", "Patient/interop-1-p") == (patient["resource"]["id"], patient["request"]["url"])
    assert f"{ELSEWHERE}/Patient/interop-1-p" == patient["fullUrl"]
    assert "Patient/interop-1-p" == first["resource"]["subject"]["reference"]
    assert f"{ELSEWHERE}/Patient/interop-1-p" == second["resource"]["subject"]["reference"]
    assert f"Observation/{first['resource']['id']}" == second["resource"]["focus"][0]["reference"]
    assert "urn:uuid:4" == second["fullUrl"]


def test_what_is_not_in_the_bundle_is_not_moved() -> None:
    assert "Patient/elsewhere" == moved()["entry"][2]["resource"]["focus"][1]["reference"]


def test_long_ids_stay_ids_and_stay_two() -> None:
    first, second = (each["resource"]["id"] for each in moved()["entry"][1:])

    assert first != second
    assert {64} == {len(first), len(second)}


def test_a_bundle_of_another_release_is_not_sent() -> None:
    given = bundle_input("b.json", {"resourceType": "Bundle"}, "R4")

    with pytest.raises(BundleError, match="written in R4, and the server speaks R5"):
        given.bundle("R5", "interop-1")


def test_two_runs_call_a_resource_the_same() -> None:
    given = bundle_input("b.json", {"resourceType": "Bundle"}, "R4")

    assert "Patient/p" == given.own_name("Patient/interop-1-p", "interop-1")
    assert "Patient/p" == given.own_name("Patient/p", "interop-1")

"""Which stored resource is which of those that were sent, where they have neither ids nor identifiers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.load.plan.bundle import BundleEntry
from fhir_case.load.plan.entry import planned_entry
from fhir_case.load.send.matching import matched
from fhir_case.server.capabilities import UNKNOWN

if TYPE_CHECKING:
    from fhir_case.load.plan.entry import PlannedEntry


def created(position: int, **elements: Any) -> PlannedEntry:
    resource = {"resourceType": "Patient", "gender": "female", **elements}
    request = {"method": "POST", "url": "Patient"}
    return planned_entry(BundleEntry(f"entry {position}", resource, request=request, position=position), UNKNOWN)


def labelled(code: str) -> dict[str, Any]:
    return {"meta": {"tag": [{"system": "urn:runs", "code": code}]}}


def stored(resource_id: str, **elements: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": resource_id, "gender": "female", **elements}


def ids_of(entries: list[PlannedEntry], found: list[dict[str, Any]]) -> dict[int, str]:
    return {number: each["id"] for number, each in matched(entries, {"Patient": found}).items()}


def test_what_says_the_same_is_told_apart_by_its_labels() -> None:
    found = [stored("1", **labelled("second")), stored("2", **labelled("first"))]

    assert {0: "2", 1: "1"} == ids_of([created(0, **labelled("first")), created(1, **labelled("second"))], found)


def test_labels_that_a_server_drops_do_not_matter() -> None:
    assert {0: "1"} == ids_of([created(0, **labelled("first"))], [stored("1")])


def test_what_is_the_same_in_all_counts_in_the_order_in_which_a_server_numbers() -> None:
    assert {0: "9", 1: "10", 2: "11"} == ids_of(
        [created(n) for n in range(3)], [stored("11"), stored("9"), stored("10")]
    )

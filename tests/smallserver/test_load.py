"""The project's own loader and its verification at the small server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fhir_case import upload, verify
from support import SHIPPED, golden

if TYPE_CHECKING:
    from collections.abc import Callable

    from smallserver.asking import Fhir

    Serve = Callable[..., Fhir]

CASES = [SHIPPED, "colon-cancer-open-codes", "minimal"]
_OWN = {"versionId", "lastUpdated"}


@pytest.mark.parametrize("name", CASES)
def test_a_case_arrives_as_it_is_and_a_second_time_too(fhir: Fhir, name: str) -> None:
    case = golden(name)
    for _ in range(2):
        journal = upload(case, fhir.base_url)
        found = verify(case, fhir.base_url, journal=journal)

        assert ((), len(case["entry"])) == (journal.warnings, found.counts["added"])
        assert found.counts == verify(case, fhir.base_url).counts
        different = {each.path.split(".meta.")[1] for one in found.comparisons for each in one.differences}
        assert different == _OWN
    assert len(case["entry"]) == sum(fhir.get(f"{kind}?_count=0")["total"] for kind in _kinds(fhir))


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        ("drops-element", "altered"),
        ("drops-extension", "altered"),
        ("rounds-decimals", "altered"),
        ("mangles-unicode", "altered"),
        ("rewrites-code", "altered"),
        ("loses-one-of-a-hundred", "lost"),
    ],
)
def test_a_fault_is_found_by_the_verification(served: Serve, fault: str, state: str) -> None:
    case, url = golden(SHIPPED), served(fault).base_url
    found = verify(case, url, journal=upload(case, url))

    assert not found.ok
    assert {state, "added"} == {name for name, number in found.counts.items() if number}


def _kinds(fhir: Fhir) -> list[str]:
    return [each["type"] for each in fhir.get("metadata")["rest"][0]["resource"]]

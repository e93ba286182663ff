"""
Conditional create, update and delete.

Source: https://hl7.org/fhir/R4/http.html#ccreate, #cond-update and #3.1.0.7.1
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from smallserver.asking import patient

if TYPE_CHECKING:
    from smallserver.asking import Fhir

NUMBER = {"system": "urn:numbers", "value": "7"}
QUERY = "identifier=urn:numbers|7"


def numbered(resource_id: str = "", **elements: Any) -> dict[str, Any]:
    found = patient(resource_id, identifier=[NUMBER], **elements)
    if not resource_id:
        del found["id"]
    return found


@pytest.mark.parametrize("criteria", [QUERY, f"Patient?{QUERY}", f"?{QUERY}", "identifier=urn%3Anumbers%7C7"])
def test_a_conditional_create_creates_once(fhir: Fhir, criteria: str) -> None:
    first = fhir.post(numbered(), If_None_Exist=criteria)
    second = fhir.post(numbered(gender="male"), If_None_Exist=criteria)

    assert (201, 200) == (first.status_code, second.status_code)
    assert first.headers["Location"] == second.headers["Location"]
    assert ('W/"1"', first.json()) == (second.headers["ETag"], second.json())
    assert 1 == fhir.get("Patient")["total"]


@pytest.mark.parametrize(("criteria", "status"), [(QUERY, 412), ("nonsense=1", 400), ("", 201), ("_count=1", 412)])
def test_a_conditional_create_that_cannot_tell_creates_nothing(fhir: Fhir, criteria: str, status: int) -> None:
    fhir.put(numbered("a"))
    fhir.put(numbered("b"))

    assert status == fhir.post(numbered(), If_None_Exist=criteria).status_code
    assert 2 + (status == 201) == fhir.get("Patient")["total"]


def test_a_conditional_update_of_nothing_creates(fhir: Fhir) -> None:
    made = fhir.ask("PUT", f"Patient?{QUERY}", numbered())

    assert 201 == made.status_code
    assert made.headers["Location"].startswith(f"{fhir.base_url}/Patient/{made.json()['id']}/")


def test_a_conditional_update_of_nothing_takes_the_id_that_is_given(fhir: Fhir) -> None:
    assert 201 == fhir.ask("PUT", f"Patient?{QUERY}", numbered("a")).status_code
    assert 200 == fhir.ask("GET", "Patient/a").status_code


@pytest.mark.parametrize("given", ["", "a"])
def test_a_conditional_update_of_one_updates_it(fhir: Fhir, given: str) -> None:
    fhir.put(numbered("a"))
    done = fhir.ask("PUT", f"Patient?{QUERY}", numbered(given, gender="male"))

    assert (200, "a", 'W/"2"') == (done.status_code, done.json()["id"], done.headers["ETag"])
    assert ["a"] == fhir.ids("Patient?gender=male")


@pytest.mark.parametrize(
    ("query", "given", "status"),
    [
        (QUERY, "b", 400),
        ("gender=female", "", 412),
        ("gender=other", "a", 409),
        ("nonsense=1", "", 400),
        ("_sort=_id", "", 412),
    ],
)
def test_a_conditional_update_that_cannot_tell_changes_nothing(fhir: Fhir, query: str, given: str, status: int) -> None:
    fhir.put(numbered("a"))
    fhir.put(patient("x", gender="female"))
    fhir.put(patient("y", gender="female"))

    assert status == fhir.ask("PUT", f"Patient?{query}", numbered(given)).status_code
    assert ["a", "x", "y"] == fhir.ids("Patient")
    assert "1" == fhir.get("Patient/a")["meta"]["versionId"]


def test_a_conditional_update_may_be_of_one_version(fhir: Fhir) -> None:
    fhir.put(numbered("a"))
    fhir.put(numbered("a"))

    assert 412 == fhir.ask("PUT", f"Patient?{QUERY}", numbered(), If_Match='W/"1"').status_code
    assert 200 == fhir.ask("PUT", f"Patient?{QUERY}", numbered(), If_Match='W/"2"').status_code


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_criteria_that_select_nothing_do_not_meet_the_only_one(fhir: Fhir, method: str) -> None:
    fhir.put(numbered("a"))

    assert 412 == fhir.ask(method, "Patient?_count=1", numbered()).status_code
    assert "1" == fhir.get("Patient/a")["meta"]["versionId"]


@pytest.mark.parametrize(
    ("query", "status", "left"),
    [
        (QUERY, 204, ["x", "y"]),
        ("gender=other", 204, ["a", "x", "y"]),
        ("gender=female", 412, ["a", "x", "y"]),
        ("nonsense=1", 400, ["a", "x", "y"]),
        ("_count=1", 412, ["a", "x", "y"]),
    ],
)
def test_a_conditional_delete_is_of_one(fhir: Fhir, query: str, status: int, left: list[str]) -> None:
    fhir.put(numbered("a"))
    fhir.put(patient("x", gender="female"))
    fhir.put(patient("y", gender="female"))

    assert status == fhir.ask("DELETE", f"Patient?{query}").status_code
    assert left == fhir.ids("Patient")

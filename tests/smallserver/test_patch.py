"""Patches by JSON Patch: https://hl7.org/fhir/R4/http.html#patch and RFC 6902."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from smallserver.asking import observation, patient, without_own

if TYPE_CHECKING:
    from smallserver.asking import Fhir

GENDER = {"op": "replace", "path": "/gender", "value": "female"}


def named(*families: str) -> dict[str, Any]:
    return patient("a", gender="male", name=[{"family": family} for family in families])


def test_a_patch_makes_a_new_version(fhir: Fhir) -> None:
    fhir.put(named("A"))
    done = fhir.ask("PATCH", "Patient/a", [GENDER])

    assert (200, 'W/"2"', "female") == (done.status_code, done.headers["ETag"], done.json()["gender"])
    assert "male" == fhir.get("Patient/a/_history/1")["gender"]
    assert "PATCH" == fhir.get("Patient/a/_history")["entry"][0]["request"]["method"]


@pytest.mark.parametrize(
    ("operations", "families"),
    [
        ([{"op": "add", "path": "/name/0", "value": {"family": "X"}}], ["X", "A", "B"]),
        ([{"op": "add", "path": "/name/-", "value": {"family": "X"}}], ["A", "B", "X"]),
        ([{"op": "add", "path": "/name/2", "value": {"family": "X"}}], ["A", "B", "X"]),
        ([{"op": "remove", "path": "/name/0"}], ["B"]),
        ([{"op": "replace", "path": "/name/1", "value": {"family": "X"}}], ["A", "X"]),
        ([{"op": "move", "from": "/name/0", "path": "/name/1"}], ["B", "A"]),
        ([{"op": "copy", "from": "/name/0", "path": "/name/-"}], ["A", "B", "A"]),
        ([{"op": "test", "path": "/name/0/family", "value": "A"}, {"op": "remove", "path": "/name/1"}], ["A"]),
    ],
)
def test_each_operation_does_what_it_says(fhir: Fhir, operations: list[Any], families: list[str]) -> None:
    fhir.put(named("A", "B"))

    assert 200 == fhir.ask("PATCH", "Patient/a", operations).status_code
    assert named(*families) == without_own(fhir.get("Patient/a"))


@pytest.mark.parametrize(
    ("operations", "status"),
    [
        ([GENDER, {"op": "test", "path": "/gender", "value": "male"}], 422),
        ([GENDER, {"op": "replace", "path": "/birthDate", "value": "1961"}], 422),
        ([GENDER, {"op": "remove", "path": "/name/7"}], 422),
        ([GENDER, {"op": "add", "path": "/name/7", "value": {}}], 422),
        ([GENDER, {"op": "add", "path": "/gender/x", "value": "y"}], 422),
        ([GENDER, {"op": "add", "path": "/nick", "value": "y"}], 422),
        ([GENDER, {"op": "replace", "path": "/id", "value": "b"}], 422),
        ([GENDER, {"op": "replace", "path": "", "value": 7}], 422),
        ([GENDER, {"op": "remove", "path": ""}], 422),
        ([GENDER, {"op": "shake", "path": "/gender"}], 400),
        ([GENDER, {"op": "add", "path": "/birthDate"}], 400),
        ([GENDER, {"op": "remove", "path": "gender"}], 400),
        ([GENDER, "x"], 400),
        ({"op": "remove", "path": "/gender"}, 400),
    ],
)
def test_a_patch_is_done_whole_or_not_at_all(fhir: Fhir, operations: Any, status: int) -> None:
    fhir.put(named("A"))
    refused = fhir.ask("PATCH", "Patient/a", operations)

    assert (status, "OperationOutcome") == (refused.status_code, refused.json()["resourceType"])
    assert named("A") == without_own(fhir.get("Patient/a"))


def test_a_patch_keeps_the_digits_of_all_else(fhir: Fhir) -> None:
    fhir.put(observation("a", value="15.00"))
    fhir.ask("PATCH", "Observation/a", [{"op": "replace", "path": "/status", "value": "amended"}])

    assert "15.00" == str(fhir.get("Observation/a")["valueQuantity"]["value"])


def test_a_patch_of_an_old_version_is_refused(fhir: Fhir) -> None:
    fhir.put(named("A"))
    fhir.put(named("B"))

    assert 412 == fhir.ask("PATCH", "Patient/a", [GENDER], If_Match='W/"1"').status_code
    assert 200 == fhir.ask("PATCH", "Patient/a", [GENDER], If_Match='W/"2"').status_code


def test_a_patch_of_another_kind_is_refused(fhir: Fhir) -> None:
    fhir.put(named("A"))
    body = json.dumps([GENDER]).encode()

    assert 415 == fhir.ask("PATCH", "Patient/a", body, Content_Type="application/fhir+json").status_code


@pytest.mark.parametrize(("path", "status"), [("Patient/none", 404), ("Patient/gone", 410)])
def test_a_patch_of_what_is_not_there_is_refused(fhir: Fhir, path: str, status: int) -> None:
    fhir.put(patient("gone"))
    fhir.ask("DELETE", "Patient/gone")

    assert status == fhir.ask("PATCH", path, [GENDER]).status_code


@pytest.mark.parametrize(("query", "status"), [("_id=a", 200), ("_id=x", 404), ("gender=male", 412), ("x=y", 400)])
def test_a_patch_may_be_of_what_meets_a_condition(fhir: Fhir, query: str, status: int) -> None:
    fhir.put(named("A"))
    fhir.put(patient("b", gender="male"))

    assert status == fhir.ask("PATCH", f"Patient?{query}", [GENDER]).status_code
    assert ("female" if status == 200 else "male", "male") == (
        fhir.get("Patient/a")["gender"],
        fhir.get("Patient/b")["gender"],
    )

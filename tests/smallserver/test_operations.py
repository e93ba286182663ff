"""What the server says of itself, and its operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fhir_case import validate
from smallserver.asking import bundle, entry, link, observation, patient
from support import golden

if TYPE_CHECKING:
    from smallserver.asking import Fhir

NAMED = ["Patient", "Observation", "Practitioner", "Organization", "Encounter", "Basic"]


def test_the_statement_says_what_the_server_does(fhir: Fhir) -> None:
    found = fhir.get("metadata")

    assert ("CapabilityStatement", "4.0.1", "small server") == (
        found["resourceType"],
        found["fhirVersion"],
        found["software"]["name"],
    )
    assert ["application/json-patch+json"] == found["patchFormat"]
    assert "json" in found["format"]
    rest = found["rest"][0]
    assert ["transaction", "batch"] == [each["code"] for each in rest["interaction"]]
    of = next(each for each in rest["resource"] if each["type"] == "Patient")
    assert {"read", "vread", "update", "patch", "delete", "history-instance", "create", "search-type"} == {
        each["code"] for each in of["interaction"]
    }
    assert ("versioned-update", True, True, True, "not-supported", True, "single") == tuple(
        of[name]
        for name in (
            "versioning", "readHistory", "updateCreate", "conditionalCreate", "conditionalRead", "conditionalUpdate",
            "conditionalDelete",
        )
    )  # fmt: skip
    assert ["validate", "everything"] == [each["name"] for each in of["operation"]]
    assert {"Observation:subject", "Observation:patient"} <= set(of["searchRevInclude"])
    assert ["Patient:general-practitioner", "Patient:link", "Patient:organization"] == of["searchInclude"]


def test_the_statement_is_valid(fhir: Fhir) -> None:
    assert [] == [issue for issue in validate(fhir.get("metadata")).issues if issue.severity == "error"]


def test_all_types_of_the_shipped_case_are_there(fhir: Fhir) -> None:
    needed = {each["resource"]["resourceType"] for each in golden("hcc-tare-sorafenib")["entry"]}

    assert needed.union(NAMED) <= {each["type"] for each in fhir.get("metadata")["rest"][0]["resource"]}


def test_every_search_that_the_statement_has_is_possible(fhir: Fhir) -> None:
    values = {"date": "2018", "quantity": "5", "composite": "1$2018", "reference": "Patient/a"}
    asked = 0
    for of in fhir.get("metadata")["rest"][0]["resource"]:
        searches = [f"{each['name']}={values.get(each['type'], 'x')}" for each in of["searchParam"]]
        searches += [f"_include={each}" for each in of.get("searchInclude", ())]
        searches += [f"_revinclude={each}" for each in of.get("searchRevInclude", ())]
        answer = fhir.post(bundle(*(entry("GET", f"{of['type']}?{each}") for each in searches), kind="batch"))
        links = [link(each["resource"], "self") for each in answer.json()["entry"]]
        assert all(each and "?" in each for each in links), (of["type"], links)
        asked += len(links)
    assert asked > 300


def test_bundles_of_all_kinds_are_valid(fhir: Fhir) -> None:
    fhir.put(patient("a"))
    fhir.ask("DELETE", "Patient/a")
    fhir.put(patient("a"))
    made = fhir.post(bundle(entry("POST", "Patient", patient("x")), entry("GET", "Patient?_count=1")))
    failed = fhir.post(bundle(entry("POST", "Patient", {"resourceType": "Patient", "x": 1}), kind="batch"))
    history, found = fhir.get("Patient/a/_history"), fhir.get("Patient?_revinclude=Observation:subject")

    for each in (made.json(), failed.json(), history, found, fhir.get("Patient?_count=0")):
        errors = [str(issue) for issue in validate(each).issues if issue.severity == "error"]
        assert [] == errors


def provenance(*targets: str) -> dict[str, Any]:
    return {
        "resourceType": "Provenance",
        "id": "v",
        "target": [{"reference": each} for each in targets],
        "recorded": "2018-03-05T10:15:30Z",
        "agent": [{"who": {"display": "x"}}],
    }


# https://hl7.org/fhir/R4/patient-operation-everything.html
def family(fhir: Fhir) -> None:
    fhir.post(
        bundle(
            entry("PUT", "Organization/o", {"resourceType": "Organization", "id": "o", "name": "O"}),
            entry("PUT", "Practitioner/d", {"resourceType": "Practitioner", "id": "d"}),
            entry("PUT", "Practitioner/other", {"resourceType": "Practitioner", "id": "other"}),
            entry("PUT", "Patient/p", patient("p", managingOrganization={"reference": "Organization/o"})),
            entry("PUT", "Patient/q", patient("q", link=[{"other": {"reference": "Patient/p"}, "type": "seealso"}])),
            entry(
                "PUT",
                "Observation/a",
                observation("a", subject={"reference": "Patient/p"}, performer=[{"reference": "Practitioner/d"}]),
            ),
            entry("PUT", "Observation/b", observation("b", subject={"reference": "Patient/q"})),
            entry("PUT", "Observation/c", observation("c", hasMember=[{"reference": "Observation/a"}])),
            entry("PUT", "Provenance/v", provenance("Patient/p", "Observation/b", "Practitioner/d")),
        )
    )


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_everything_is_the_patient_with_all_that_belongs_to_it(fhir: Fhir, method: str) -> None:
    family(fhir)
    page = fhir.ask(method, "Patient/p/$everything").json()

    assert ("searchset", 5) == (page["type"], page["total"])
    assert ["p", "a", "v", "o", "d"] == [each["resource"]["id"] for each in page["entry"]]
    assert 404 == fhir.ask(method, "Patient/none/$everything").status_code
    assert 501 == fhir.ask(method, "Observation/a/$everything").status_code


def test_everything_comes_in_pages_when_a_size_is_given(fhir: Fhir) -> None:
    family(fhir)

    assert [["p", "a", "v"], ["o", "d"]] == fhir.pages("Patient/p/$everything?_count=3")


def test_everything_of_the_shipped_case_is_the_whole_case(fhir: Fhir) -> None:
    case = golden("hcc-tare-sorafenib")
    assert 200 == fhir.post(case).status_code

    found = fhir.get("Patient/hcc-tare-sorafenib-patient/$everything")
    assert {each["resource"]["id"] for each in case["entry"]} == {each["resource"]["id"] for each in found["entry"]}


# https://hl7.org/fhir/R4/resource-operation-validate.html
@pytest.mark.parametrize(
    ("elements", "place"),
    [
        ({"statsu": "final"}, "Observation.statsu"),
        ({"status": "finished"}, "Observation.status"),
        ({"effectivePeriod": {"start": "2019", "end": "2018"}}, "Observation.effectivePeriod.end"),
    ],
)
def test_validate_finds_what_is_wrong_and_stores_nothing(fhir: Fhir, elements: dict[str, Any], place: str) -> None:
    wrong = {**observation("a"), **elements}
    whole = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": wrong}]}

    for body in (wrong, whole):
        answer = fhir.ask("POST", "Observation/$validate", body)
        errors = [each for each in answer.json()["issue"] if each["severity"] == "error"]
        assert (200, "OperationOutcome") == (answer.status_code, answer.json()["resourceType"])
        assert [[place]] == [each["expression"] for each in errors]
    assert [] == fhir.ids("Observation")


def test_validate_finds_nothing_wrong_with_what_is_right(fhir: Fhir) -> None:
    outcome = fhir.ask("POST", "Observation/$validate", observation("a")).json()

    assert "error" not in {each["severity"] for each in outcome["issue"]}
    assert outcome["issue"]


@pytest.mark.parametrize(
    "body", [patient("a"), {"resourceType": "Parameters"}, {"resourceType": "Parameters", "parameter": 7}]
)
def test_validate_needs_a_resource_of_its_type(fhir: Fhir, body: dict[str, Any]) -> None:
    assert 400 == fhir.ask("POST", "Observation/$validate", body).status_code

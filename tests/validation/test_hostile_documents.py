"""A document of any shape or size is answered by findings, soon."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_case.documents import read_document
from fhir_case.validation import located, validate
from fhir_case.validation.document import check_document
from fhir_case.validation.rules import contained, primitives


@pytest.mark.parametrize(
    "document",
    [
        {"resourceType": "Patient", "id": "\ud800"},
        {"resourceType": ["Patient"]},
        {"resourceType": "Bundle", "type": "transaction", "entry": [1, None, {"resource": 5}, {"request": []}, [[]]]},
        {"resourceType": "Bundle", "type": {}, "entry": {"a": 1}, "id": [], "meta": [1]},
        {
            "resourceType": "Observation",
            "status": 5,
            "code": "x",
            "component": [5, None],
            "meta": {"profile": {"a": 1}},
        },
        {
            "resourceType": "MedicationStatement",
            "dosage": [{"timing": [], "doseAndRate": [None]}],
            "effectivePeriod": [],
        },
        {"resourceType": "AdverseEvent", "date": "2018", "suspectEntity": [1, {"instance": 5}]},
        {"resourceType": "Composition", "section": [1, {"section": 5, "text": {"div": "<div"}}]},
        {"resourceType": "Patient", "contained": {"resourceType": "Patient"}, "text": 5, "extension": [[[]]]},
        {
            "resourceType": "Patient",
            "extension": [7, {"url": "a", "extension": 5}, {"extension": [5, None, {"url": "b"}]}],
        },
        {"resourceType": "Observation", "identifier": [{"system": 5, "code": []}], "subject": {"reference": {"a": 1}}},
    ],
)
def test_json_of_any_shape_gives_errors_and_never_an_exception(document: dict[str, object]) -> None:
    assert not validate(document).ok


def test_a_document_nested_a_hundred_thousand_deep_in_memory_is_an_error_and_has_no_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(primitives, "_texts", None)  # the paths of its texts would fill the memory
    document: dict[str, object] = {"resourceType": "Patient"}
    inner = document
    for _ in range(100_000):
        deeper: dict[str, object] = {}
        inner["extension"] = deeper
        inner = deeper

    assert "nested more than 200 deep" in " ".join(issue.message for issue in validate(document).issues)


@pytest.mark.parametrize(
    ("begin", "inside", "end"),
    [
        ('{"name": "a", "part": [', '{"name": "a", "resource": {"resourceType": "Patient"}}', "]}"),
        ('{"name": "a", "resource": {"resourceType": "Bundle", "type": "batch", "entry": [{"resource": ', "{}", "}]}}"),
    ],
)
def test_parameters_nested_twenty_thousand_deep_are_an_error(begin: str, inside: str, end: str) -> None:
    nested = begin * 20_000 + inside + end * 20_000
    document = read_document(f'{{"resourceType": "Parameters", "parameter": [{nested}]}}'.encode(), "deep.json")

    assert "error" in {issue.severity for issue in check_document(document).issues}


def test_names_of_parts_of_extensions_are_known_without_a_search(monkeypatch: pytest.MonkeyPatch) -> None:
    named = {"url": "http://example.org/x", "extension": [{"url": "name", "valueString": "y"}] * 3}
    patient = {"resourceType": "Patient", "extension": [named, {"url": "http://example.org/x", "extension": [named]}]}
    monkeypatch.setattr(located, "_parents", None)

    assert validate(patient, skip=("structure",)).ok


def test_many_findings_in_one_resource_take_one_search_for_their_locations(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[object] = []
    search = located._parents

    def search_once(tree: object) -> dict[int, tuple[int, str | int]]:
        searched.append(tree)
        return search(tree)

    monkeypatch.setattr(located, "_parents", search_once)
    codings = [{"system": "http://loinc.org", "code": "1975-3"} for _ in range(1000)]
    resource = {"resourceType": "Basic", "id": "a", "code": {"coding": codings}}

    result = validate(resource, skip=("structure", "strict"))

    assert 1000 == sum(issue.check == "loinc-digit" for issue in result.issues)
    assert [resource] == searched


def test_a_resource_is_searched_once_for_references_to_all_that_it_contains(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[object] = []
    search = contained._strings

    def counted(tree: object) -> set[str]:
        searched.append(tree)
        return search(tree)

    monkeypatch.setattr(contained, "_strings", counted)
    organizations = [{"resourceType": "Organization", "id": f"c{number}", "name": "x"} for number in range(300)]
    references = [{"reference": f"#c{number}"} for number in range(300)]
    patient = {"resourceType": "Patient", "contained": organizations, "generalPractitioner": references}

    result = validate(patient, skip=("structure", "strict"))

    assert [] == [issue for issue in result.issues if issue.check == "dom-3"]
    assert [patient] == searched


def test_each_null_of_a_list_is_one_finding() -> None:
    patient = {"resourceType": "Patient", "name": [{"given": [None] * 300}]}

    findings = [one for one in validate(patient, skip=("structure", "strict")).issues if one.check == "json-null"]

    assert [f"Patient.name[0].given[{number}]" for number in range(300)] == [one.expression for one in findings]


def test_a_unit_too_long_for_the_grammar_is_not_checked() -> None:
    quantity = {"value": 1, "system": "http://unitsofmeasure.org", "code": "mg." * 100 + "g"}
    observation = {"resourceType": "Observation", "status": "final", "valueQuantity": quantity}

    found = [issue.message for issue in validate(observation, skip=("structure",)).issues if issue.check == "ucum"]

    assert ["not checked: a unit of 301 characters"] == found


@pytest.mark.parametrize("nested", [False, True])
def test_of_a_list_with_very_many_members_the_first_ones_are_told_and_that_there_are_more(
    nested: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fhir_case.validation.located.LONGEST_LIST", 20)
    flood: list[Any] = [{} for _ in range(500)]
    resource: dict[str, Any] = {"resourceType": "Parameters", "parameter": flood}
    if nested:
        resource["parameter"] = [{"name": "a", "part": flood}]
    found = validate(resource).issues

    assert 1 == sum("the first ones only" in each.message for each in found)
    assert 20 <= sum("parameter" in each.expression for each in found) <= 200
    assert 500 == len(flood)


def test_a_long_list_that_is_right_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fhir_case.validation.located.LONGEST_LIST", 20)
    parameters = [{"name": f"n{number}", "valueString": "x"} for number in range(100)]

    found = validate({"resourceType": "Parameters", "parameter": parameters}).issues

    assert [] == [each for each in found if each.severity == "error"]

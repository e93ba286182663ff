"""A document of any shape or size is answered by findings, soon."""

from __future__ import annotations

import time

import pytest

from fhir_case.validation import validate


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
        {"resourceType": "Observation", "identifier": [{"system": 5, "code": []}], "subject": {"reference": {"a": 1}}},
    ],
)
def test_json_of_any_shape_gives_errors_and_never_an_exception(document: dict[str, object]) -> None:
    assert not validate(document).ok


def test_a_document_nested_a_hundred_thousand_deep_in_memory_is_an_error() -> None:
    document: dict[str, object] = {"resourceType": "Patient"}
    inner = document
    for _ in range(100_000):
        deeper: dict[str, object] = {}
        inner["extension"] = deeper
        inner = deeper

    assert "nested more than 200 deep" in " ".join(issue.message for issue in validate(document).issues)


def test_many_findings_in_one_resource_do_not_take_quadratic_time() -> None:
    def seconds(count: int) -> float:
        concepts = [{"system": "http://loinc.org", "concept": [{"code": "1-1"}], "version": "1"} for _ in range(count)]
        codings = [{"system": "http://loinc.org", "code": "1975-3"} for _ in range(count)]
        resource = {"resourceType": "Basic", "id": "a", "code": {"coding": codings}, "x": concepts}
        begin = time.process_time()
        result = validate(resource, skip=("structure", "strict"))
        assert count == sum(issue.check == "loinc-digit" for issue in result.issues)
        return time.process_time() - begin

    seconds(10)
    assert seconds(8000) < 24 * seconds(1000)  # eight times as many; each with a search of the whole takes 64 times

"""What mCODE wants supported and a document does not carry is said once, truly, and never as more than information."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fhir_case.validation import validate

if TYPE_CHECKING:
    from fhir_case.fhir.models import FhirVersion
    from fhir_case.issues import Issue

_MCODE = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-"
_ABSENT = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
_ASSERTED = {"url": "http://hl7.org/fhir/StructureDefinition/condition-assertedDate", "valueDateTime": "2018"}


def _resource(kind: str, profile: str, **elements: Any) -> dict[str, Any]:
    return {"resourceType": kind, "meta": {"profile": [f"{_MCODE}{profile}"]}, **elements}


def _bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources]}


def _found(document: dict[str, Any], fhir: FhirVersion = "R4") -> list[Issue]:
    return [issue for issue in validate(document, fhir=fhir, code_tables={}).issues if issue.check == "coverage"]


def _places(document: dict[str, Any]) -> set[str]:
    return {issue.expression for issue in _found(document)}


def _at(document: dict[str, Any], place: str) -> Issue:
    (found,) = (issue for issue in _found(document) if issue.expression == place)
    return found


def _state(document: dict[str, Any], fhir: FhirVersion = "R4") -> tuple[str, str]:
    (run,) = (run for run in validate(document, fhir=fhir, code_tables={}).checks if run.name == "coverage")
    return run.state, run.reason


def test_an_element_that_no_resource_carries_is_one_finding_about_the_document() -> None:
    markers = [_resource("Observation", "tumor-marker-test", id=name, status="final") for name in "abc"]

    issue = _at(_bundle(*markers), "Observation.specimen")

    assert ("information", "", "informational") == (issue.severity, issue.resource, issue.code)
    assert "none of the 3 resources that claim mcode-tumor-marker-test and could have 'specimen' does" == issue.message


def test_where_some_carry_it_the_others_are_named() -> None:
    specimen = {"display": "serum"}
    markers = [_resource("Observation", "tumor-marker-test", id=f"m{number}", status="final") for number in range(5)]

    one_less = [*markers[:1], *({**marker, "specimen": specimen} for marker in markers[1:])]
    four_less = [{**markers[0], "specimen": specimen}, *markers[1:]]

    of = "of the 5 resources that claim mcode-tumor-marker-test and could have 'specimen'"
    named = "Observation/m1, Observation/m2, Observation/m3, 1 more"
    assert f"1 {of} does not: Observation/m0" == _at(_bundle(*one_less), "Observation.specimen").message
    assert f"4 {of} do not: {named}" == _at(_bundle(*four_less), "Observation.specimen").message


def test_a_single_resource_is_enough_and_what_the_profile_requires_is_said() -> None:
    marker = _resource("Observation", "tumor-marker-test", status="final")

    claim = "the one resource that claims mcode-tumor-marker-test and could have 'value[x]'"
    assert f"{claim} does not; the profile requires it" == _at(marker, "Observation.value").message


def test_an_extension_is_told_by_its_url() -> None:
    url = f"{_MCODE}procedure-intent"
    place = f"Procedure.extension('{url}')"
    surgery = _resource("Procedure", "cancer-related-surgical-procedure", status="completed")

    assert place in _places({**surgery, "extension": [{"url": "https://case.invalid/other", "valueString": "x"}]})
    assert place not in _places({**surgery, "extension": [{"url": url, "valueCodeableConcept": {"text": "curative"}}]})


def test_a_choice_is_carried_in_any_of_its_forms_also_when_only_said_to_be_absent() -> None:
    condition = _resource("Condition", "primary-cancer-condition")

    assert "Condition.onset" in _places(condition)
    assert "Condition.onset" not in _places({**condition, "onsetAge": {"value": 56}})
    assert "Condition.onset" not in _places({**condition, "_onsetDateTime": {"extension": [_ABSENT]}})


def test_an_element_that_has_only_a_reason_for_its_absence_is_carried() -> None:
    patient = _resource("Patient", "cancer-patient")

    assert "Patient.birthDate" in _places(patient)
    assert "Patient.birthDate" not in _places({**patient, "_birthDate": {"extension": [_ABSENT]}})


def test_a_nested_element_is_only_asked_for_where_there_is_something_that_could_carry_it() -> None:
    patient = _resource("Patient", "cancer-patient")

    assert "Patient.address" in _places(patient)
    assert "Patient.address.city" not in _places(patient)
    assert "Patient.address.city" in _places({**patient, "address": [{"state": "XX"}, {"line": ["x"]}]})
    assert "Patient.address.city" not in _places({**patient, "address": [{"state": "XX"}, {"city": "x"}]})


def test_nothing_is_asked_of_what_is_said_to_be_absent() -> None:
    patient = _resource("Patient", "cancer-patient")

    assert "Patient.name.family" in _places({**patient, "name": [{"use": "official"}]})
    assert {"Patient.name.family", "Patient.name"}.isdisjoint(_places({**patient, "name": [{"extension": [_ABSENT]}]}))


@pytest.mark.parametrize(
    ("kind", "profile", "without", "ruled_out_by", "place"),
    [
        ("Observation", "tumor-marker-test", {}, {"dataAbsentReason": {"text": "x"}}, "value"),
        ("Observation", "cancer-stage", {}, {"hasMember": [{"display": "x"}]}, "value"),
        ("Observation", "body-surface-area", {}, {"valueQuantity": {"value": 2}}, "component"),
        ("Observation", "tumor-marker-test", {"status": "final"}, {"status": "registered"}, "specimen"),
        ("Procedure", "radiotherapy-course-summary", {"status": "stopped"}, {"status": "completed"}, "statusReason"),
        ("Procedure", "radiotherapy-course-summary", {"status": "completed"}, {"status": "not-done"}, "performed"),
        ("Procedure", "cancer-related-surgical-procedure", {}, {"reasonCode": [{"text": "x"}]}, "reasonReference"),
        ("Condition", "secondary-cancer-condition", {}, {"extension": [_ASSERTED]}, "recordedDate"),
        (
            "Condition",
            "primary-cancer-condition",
            {"clinicalStatus": {"coding": [{"code": "resolved"}]}},
            {"clinicalStatus": {"coding": [{"code": "active"}]}},
            "abatement",
        ),
    ],
)
def test_what_another_element_rules_out_is_not_asked_for(
    kind: str, profile: str, without: dict[str, Any], ruled_out_by: dict[str, Any], place: str
) -> None:
    assert f"{kind}.{place}" in _places(_resource(kind, profile, **without))
    assert f"{kind}.{place}" not in _places(_resource(kind, profile, **{**without, **ruled_out_by}))


@pytest.mark.parametrize(
    ("kind", "profile", "place"),
    [
        ("Observation", "tumor-marker-test", "dataAbsentReason"),
        ("Observation", "tumor-size", "specimen"),
        ("Patient", "cancer-patient", "deceased"),
        ("BodyStructure", "tumor", "locationQualifier"),
        ("Procedure", "cancer-related-surgical-procedure", "reasonCode"),
        ("Observation", "tumor-marker-test", "status"),
    ],
)
def test_what_cannot_be_told_or_is_said_by_another_check_is_never_asked_for(
    kind: str, profile: str, place: str
) -> None:
    document = _resource(kind, profile)

    assert _found(document)
    assert f"{kind}.{place}" not in _places(document)


def test_neither_the_side_of_a_site_nor_more_than_its_code_is_asked_for() -> None:
    condition = _resource("Condition", "primary-cancer-condition", bodySite=[{"text": "liver"}])

    assert not [place for place in _places(condition) if "qualifier" in place]


def test_comorbidities_may_be_all_present_or_all_absent() -> None:
    def listed(kind: str) -> dict[str, Any]:
        extension = {"url": f"{_MCODE}{kind}", "valueCodeableConcept": {"text": "x"}}
        return _resource("Observation", "comorbidities", extension=[extension])

    neither = _resource("Observation", "comorbidities")
    both = ["related-condition", "related-condition-absent"]

    assert [f"Observation.extension('{_MCODE}related-condition')"] == [p for p in _places(neither) if "extension" in p]
    assert [] == [place for kind in both for place in _places(listed(kind)) if "extension" in place]


def test_a_claim_may_name_the_version_that_is_known_and_no_other() -> None:
    marker = _resource("Observation", "tumor-marker-test|4.0.0", status="final")
    older = _resource("Observation", "tumor-marker-test|3.0.0", status="final")

    assert "Observation.specimen" in _places(marker)
    assert ("not applicable", "no mCODE profile is claimed") == _state(older)


def test_a_profile_of_another_type_or_guide_is_not_looked_at() -> None:
    wrong = _resource("Patient", "tumor-marker-test")
    core = {"resourceType": "Patient", "meta": {"profile": ["http://hl7.org/fhir/us/core/StructureDefinition/x"]}}

    assert [("not applicable", "no mCODE profile is claimed")] * 2 == [_state(wrong), _state(core)]


def test_mcode_is_not_asked_of_r5() -> None:
    marker = _resource("Observation", "tumor-marker-test", status="final")

    assert ("not applicable", "mCODE is a guide for R4") == _state(marker, "R5")


def test_odd_claims_and_elements_are_passed_over() -> None:
    odd: list[object] = [{"profile": [5, None]}, {"profile": "x"}, [], None]
    for meta in odd:
        assert [] == _found({"resourceType": "Patient", "meta": meta})
    assert _found(_resource("Patient", "cancer-patient", address=["x", None], name={"family": 5}, status=["x"]))

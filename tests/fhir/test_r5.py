"""What single resources become in R5, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fhir_case import MappingError, build_bundle, load_case
from fhir_case.fhir.models import model_findings
from fhir_case.fhir.r5 import separated, to_r5
from fhir_case.fhir.systems import MCODE, RELATIVE_DATE_TIME
from fhir_case.fhir.wire import dump
from support import CASES, SHIPPED, case_source, resources

if TYPE_CHECKING:
    from pathlib import Path

    from fhir_case.fhir.wire import Resource

ABSENT = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
STATEMENT = {"resourceType": "MedicationStatement", "id": "m", "subject": {"display": "x"},
             "medicationCodeableConcept": {"text": "x"}}  # fmt: skip
PROCEDURE = {"resourceType": "Procedure", "id": "p", "status": "completed", "subject": {"display": "x"}}


def converted(resource: Resource) -> Resource:
    """Convert, and see that the models of R5 like it."""
    changed = to_r5(resource)
    assert [] == list(model_findings(changed, "R5"))
    return changed


def relative(kind: str, path: str) -> dict[str, Any]:
    parts = [
        {"url": "target", "valueReference": {"reference": f"{kind}/x"}},
        {"url": "targetPath", "valueString": path},
    ]
    return {"url": RELATIVE_DATE_TIME, "extension": parts}


@pytest.mark.parametrize(
    ("status", "taken"),
    [
        ("active", "taking"),
        ("completed", None),
        ("stopped", "stopped"),
        ("on-hold", "on-hold"),
        ("not-taken", "not-taking"),
        ("unknown", "unknown"),
        ("intended", None),
    ],
)
def test_whether_a_drug_is_taken_is_told_apart_from_the_state_of_the_record(status: str, taken: str | None) -> None:
    changed = converted({**STATEMENT, "status": status, "statusReason": [{"text": "why"}]})
    code = changed["adherence"]["code"]

    assert "recorded" == changed["status"]
    assert {"text": "why"} == changed["adherence"]["reason"]
    assert status == code["text"]
    assert ([taken] if taken else []) == [one["code"] for one in code.get("coding", [])]


def test_a_statement_that_is_an_error_says_nothing_of_the_drug() -> None:
    changed = converted({**STATEMENT, "status": "entered-in-error"})

    assert ("entered-in-error", None) == (changed["status"], changed.get("adherence"))


def test_what_was_used_is_told_by_code_and_by_reference_in_one_list() -> None:
    used = converted({**PROCEDURE, "usedCode": [{"text": "gauze"}], "usedReference": [{"reference": "Device/d"}]})

    assert [{"concept": {"text": "gauze"}}, {"reference": {"reference": "Device/d"}}] == used["used"]


def test_a_date_without_a_value_keeps_why_at_its_new_place() -> None:
    changed = converted({**PROCEDURE, "_performedDateTime": {"extension": [ABSENT]}})

    assert {"extension": [ABSENT]} == changed["_occurrenceDateTime"]


def test_what_nobody_said_is_unknown_and_not_made_up() -> None:
    condition = converted({"resourceType": "Condition", "subject": {"display": "x"}})
    event = converted({"resourceType": "AdverseEvent", "actuality": "actual", "subject": {"display": "x"}})
    body = converted({"resourceType": "BodyStructure", "patient": {"display": "x"}})
    device = converted({"resourceType": "Device", "status": "unknown", "udiCarrier": [{"carrierHRF": "x"}]})

    assert "unknown" == condition["clinicalStatus"]["coding"][0]["code"]
    assert "unknown" == event["status"]
    assert [{"structure": {"extension": [ABSENT]}}] == body["includedStructure"]
    assert {"extension": [ABSENT]} == device["_status"] == device["udiCarrier"][0]["_issuer"]


def test_who_wrote_and_who_said_it_are_participants() -> None:
    people = {"recorder": {"display": "a"}, "asserter": {"display": "b"}}
    changed = converted({"resourceType": "Condition", "subject": {"display": "x"}, **people})

    assert [("enterer", "a"), ("informant", "b")] == [
        (one["function"]["coding"][0]["code"], one["actor"]["display"]) for one in changed["participant"]
    ]


def test_each_value_of_a_property_is_a_property() -> None:
    values = {"valueQuantity": [{"value": 1}, {"value": 2}], "valueCode": [{"text": "c"}]}
    device = {"resourceType": "Device", "property": [{"type": {"text": "size"}, **values}, {"type": {"text": "none"}}]}

    assert [
        {"type": {"text": "size"}, "valueQuantity": {"value": 1}},
        {"type": {"text": "size"}, "valueQuantity": {"value": 2}},
        {"type": {"text": "size"}, "valueCodeableConcept": {"text": "c"}},
        {"type": {"text": "none"}, "valueCodeableConcept": {"extension": [ABSENT]}},
    ] == converted(device)["property"]


def test_what_r5_has_no_place_for_goes_into_the_extension_for_elements_of_another_release() -> None:
    event = {"resourceType": "AdverseEvent", "actuality": "actual", "subject": {"display": "x"}}
    changed = converted({**event, "severity": {"text": "moderate"}})

    assert [
        {
            "url": "http://hl7.org/fhir/4.0/StructureDefinition/extension-AdverseEvent.severity",
            "valueCodeableConcept": {"text": "moderate"},
        }
    ] == changed["extension"]


def test_the_context_of_a_document_goes_up_a_level() -> None:
    changed = converted(
        {
            "resourceType": "DocumentReference",
            "status": "current",
            "masterIdentifier": {"value": "first"},
            "identifier": [{"value": "second"}],
            "relatesTo": [{"code": "replaces", "target": {"display": "x"}}],
            "content": [{"attachment": {"size": 12}, "format": {"code": "f"}}],
            "context": {"event": [{"text": "e"}], "period": {"start": "2020"}, "related": [{"display": "r"}]},
        }
    )

    assert [{"value": "first"}, {"value": "second"}] == changed["identifier"]
    assert [{"concept": {"text": "e"}}] == changed["event"]
    assert {"start": "2020"} == changed["period"]
    assert "replaces" == changed["relatesTo"][0]["code"]["coding"][0]["code"]
    assert [{"attachment": {"size": "12"}, "profile": [{"valueCoding": {"code": "f"}}]}] == changed["content"]
    assert "r" == changed["extension"][0]["valueReference"]["display"]


def test_an_identifier_of_ours_comes_before_the_master_identifier() -> None:
    identifiers = {"identifier": [{"value": "ours"}], "masterIdentifier": {"value": "master"}}
    document = {
        "resourceType": "DocumentReference",
        "status": "current",
        "content": [{"attachment": {}}],
        **identifiers,
    }

    assert [{"value": "ours"}, {"value": "master"}] == converted(document)["identifier"]


def test_the_time_between_samples_is_in_milliseconds() -> None:
    sampled = {"origin": {"value": 0}, "period": 10, "dimensions": 1}
    observation = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "valueSampledData": sampled}

    assert {"origin": {"value": 0}, "interval": 10, "dimensions": 1, "intervalUnit": "ms"} == converted(observation)[
        "valueSampledData"
    ]


def test_data_types_of_another_form_are_converted_inside_of_extensions_too() -> None:
    dosage = {"asNeededBoolean": True, "maxDosePerPeriod": {"numerator": {"value": 1}}}
    inner = [{"url": "urn:a", "valueAttachment": {"size": 3}}, {"url": "urn:d", "valueDosage": dosage}]
    changed = converted({**PROCEDURE, "code": {"text": "x", "extension": [{"url": "urn:both", "extension": inner}]}})
    first, second = changed["code"]["extension"][0]["extension"]

    assert "3" == first["valueAttachment"]["size"]
    assert {"asNeeded": True, "maxDosePerPeriod": [{"numerator": {"value": 1}}]} == second["valueDosage"]


@pytest.mark.parametrize(
    ("kind", "path", "expected"),
    [
        ("Procedure", "performedPeriod.start", "occurrencePeriod.start"),
        ("Procedure", "Procedure.performedDateTime", "occurrenceDateTime"),
        ("AdverseEvent", "date", "occurrenceDateTime"),
        ("MedicationAdministration", "effectiveDateTime", "occurenceDateTime"),
        ("Observation", "effectiveDateTime", "effectiveDateTime"),
        ("Condition", "extension('urn:x').value", "extension('urn:x').value"),
    ],
)
def test_a_relative_time_names_the_element_of_r5_that_it_counts_from(kind: str, path: str, expected: str) -> None:
    changed = converted({**PROCEDURE, "_performedDateTime": {"extension": [relative(kind, path)]}})
    target = changed["_occurrenceDateTime"]["extension"][0]["extension"][1]

    assert {"url": "targetPath", "valueString": expected} == target


def test_a_relative_time_that_counts_from_what_nobody_knows_is_refused() -> None:
    with pytest.raises(MappingError, match=r"Procedure/p: a time counts from 'begun' of Procedure"):
        to_r5({**PROCEDURE, "_performedDateTime": {"extension": [relative("Procedure", "begun")]}})


def test_a_contained_resource_is_converted_too() -> None:
    inner = {"resourceType": "Device", "id": "in", "meta": {"profile": ["urn:p"]}, "deviceName": [
        {"name": "n", "type": "user-friendly-name"}]}  # fmt: skip
    (changed,) = converted({**PROCEDURE, "contained": [inner]})["contained"]

    assert {"resourceType": "Device", "id": "in", "name": [{"value": "n", "type": "user-friendly-name"}]} == changed


@pytest.mark.parametrize(
    ("resource", "message"),
    [
        ({"resourceType": "Media", "id": "m"}, "Media/m: how Media is written in R5 is not known"),
        (
            {"resourceType": "Communication", "id": "c", "reasonCode": []},
            "Communication.reasonCode cannot be written in R5: R5 has no such element there",
        ),
        (
            {"resourceType": "DeviceRequest", "id": "d", "performer": {}},
            "DeviceRequest.performer cannot be written in R5: there it is of the type CodeableReference, not Reference",
        ),
        ({**PROCEDURE, "bodySit": []}, r"Procedure.bodySit cannot be .* not known; did you mean 'bodySite'\?"),
        ({"resourceType": "ImagingStudy", "interpreter": []}, "ImagingStudy.interpreter .*: R5 has no place for it"),
        ({"resourceType": "Device", "patient": {}}, "Device.patient cannot .* DeviceAssociation"),
        (
            {"resourceType": "Device", "deviceName": [{"type": "other"}]},
            "Device.deviceName.type .* no code for 'other'",
        ),
        ({**STATEMENT, "status": "active", "statusReason": [{}, {}]}, "R5 has room for one reason only"),
        ({**STATEMENT, "status": "taken"}, "'taken' is not a status of R4"),
        ({**STATEMENT, "statusReason": [{}]}, "it is not of the form that R4 gives it"),
        ({**STATEMENT, "status": "active", "_status": {"extension": [ABSENT]}}, "no place for the extensions"),
        ({**STATEMENT, "partOf": [{"reference": "Observation/x"}]}, "cannot lead to a resource of type Observation"),
        ({**STATEMENT, "partOf": [{"type": "Observation"}]}, "cannot lead to a resource of type Observation"),
        ({"resourceType": "Condition", "evidence": [{"id": "x"}]}, "Condition.evidence.id .* no such part"),
        ({"resourceType": "Condition", "evidence": ["x"]}, "it is not of the form that R4 gives it"),
        ({**PROCEDURE, "asserter": {}, "reportedReference": {}}, "Procedure.reportedReference .* is not known"),
        ({**PROCEDURE, "extension": [{"url": "x", "valueContributor": {}}]}, "valueContributor .* no such data type"),
        ({**PROCEDURE, "extension": [{"url": RELATIVE_DATE_TIME, "extension": [1]}]}, "is not of its form"),
        (
            {"resourceType": "AdverseEvent", "suspectEntity": [{"causality": [{}, {}]}]},
            "AdverseEvent.suspectEntity.causality .* R5 has room for one only",
        ),
    ],
)
def test_what_cannot_be_written_in_r5_is_an_error_that_says_where_and_what_to_do(
    resource: Resource, message: str
) -> None:
    with pytest.raises(MappingError, match=message) as caught:
        to_r5(resource)

    assert resource["resourceType"] in caught.value.where
    assert "build in R4" in caught.value.hint


def test_the_resource_that_is_given_stays_as_it_is() -> None:
    for name, resource in resources(build_bundle(load_case(SHIPPED))).items():
        before = dump(resource)
        for part in separated(resource):
            to_r5(part)
        assert before == dump(resource), name


def test_the_patient_of_a_device_is_told_by_a_device_association() -> None:
    bundle = resources(build_bundle(load_case(SHIPPED), fhir="R5"))
    association = bundle[f"DeviceAssociation/{SHIPPED}-tare-device-association"]

    assert {"reference": f"Device/{SHIPPED}-tare-device"} == association["device"]
    assert {"reference": f"Patient/{SHIPPED}-patient"} == association["subject"]
    assert "unknown" == association["status"]["coding"][0]["code"]
    assert [{"system": f"urn:fhir-case:{SHIPPED}", "value": "tare-device-association"}] == association["identifier"]
    targets = bundle[f"Provenance/{SHIPPED}-provenance"]["target"]
    assert {"reference": f"DeviceAssociation/{association['id']}"} in targets


def test_a_dose_names_its_volume_by_identifier_since_none_of_r5_fits_the_profile_and_the_link_survives_elsewhere() -> (
    None
):
    tare = resources(build_bundle(load_case(SHIPPED), fhir="R5"))[f"Procedure/{SHIPPED}-tare"]
    doses = [one for one in tare["extension"] if one["url"] == f"{MCODE}mcode-radiotherapy-dose-delivered-to-volume"]

    assert [
        {"type": "BodyStructure", "identifier": {"system": f"urn:fhir-case:{SHIPPED}", "value": volume}}
        for volume in ("tare-s4", "tare-s5", "tare-s5-s8")
    ] == [dose["extension"][0]["valueReference"] for dose in doses]
    assert [
        {"reference": f"BodyStructure/{SHIPPED}-{volume}"} for volume in ("tare-s4", "tare-s5", "tare-s5-s8")
    ] == tare["supportingInfo"]


NAMES = ["minimal", "colon-cancer-open-codes", SHIPPED]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", ["transaction", "collection"])
def test_a_bundle_of_r5_claims_no_profile_and_is_the_same_every_time(name: str, form: Any) -> None:
    case = load_case(case_source(name))
    first, second = (build_bundle(case, fhir="R5", type=form) for _ in range(2))

    assert dump(first) == dump(second)
    assert b'"profile"' not in dump(first).replace(b'"profile":[{"value', b"")
    assert all(one["resource"]["meta"]["security"][0]["code"] == "HTEST" for one in first["entry"])


@pytest.mark.parametrize("name", NAMES)
def test_both_releases_have_the_same_ids_in_the_same_order(name: str) -> None:
    case = load_case(case_source(name))
    r4, r5 = (list(resources(build_bundle(case, fhir=fhir))) for fhir in ("R4", "R5"))

    assert r4 == [one for one in r5 if not one.startswith("DeviceAssociation/")]


def test_a_release_that_is_not_built_is_refused() -> None:
    with pytest.raises(Exception, match="cases are not built in FHIR 'R6'; choose R4 or R5"):
        build_bundle(load_case(case_source("minimal")), fhir="R6")  # type: ignore[arg-type]


def test_a_mapping_of_ones_own_is_converted_or_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    head = "from fhir_case.mapping import Mapping\n\ndef mine(case):\n    yield "
    tail = '\n\nMAPPING = Mapping("mine", mine, "mine")\n'
    flag = {"resourceType": "Flag", "id": "f", "status": "active", "code": {"text": "x"}, "subject": {"display": "x"}}
    case = load_case(CASES / "minimal" / "case.yaml")
    file.write_text(f"{head}{flag}{tail}")
    assert "Flag/minimal-f" in resources(build_bundle(case, fhir="R5", mapping_files=[file]))
    file.write_text(f"{head}{flag | {'bogus': 1}}{tail}")
    with pytest.raises(MappingError, match=r"Flag/minimal-f: Flag\.bogus cannot be written in R5"):
        build_bundle(case, fhir="R5", mapping_files=[file])
    file.write_text(f"{head}{flag | {'status': 1}}{tail}")
    with pytest.raises(MappingError, match=r"Flag/minimal-f: status"):
        build_bundle(case, fhir="R5", mapping_files=[file])

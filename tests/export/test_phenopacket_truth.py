"""A phenopacket says of the patient only what is so: what is of another, or in error, is left out and named."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from fhir_case.errors import BundleError
from fhir_case.export import to_phenopacket
from fhir_case.fhir.wire import dump
from support import run_command

if TYPE_CHECKING:
    from pathlib import Path

Json = dict[str, Any]
PATIENT: Json = {"resourceType": "Patient", "id": "p", "gender": "female"}
MONDO = "http://purl.obolibrary.org/obo/mondo.owl"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"


def coded(system: str, code: str) -> Json:
    return {"coding": [{"system": system, "code": code, "display": "x"}]}


def of(kind: str, **elements: Any) -> Json:
    given = {"resourceType": kind, "id": "x", "subject": {"reference": "Patient/p"}, **elements}
    return {name: one for name, one in given.items() if one is not None}


def condition(**elements: Any) -> Json:
    return of("Condition", **{"code": coded(MONDO, "MONDO:0000001"), **elements})


def observation(**elements: Any) -> Json:
    amount = {"value": 5, "unit": "cm", "system": "http://unitsofmeasure.org", "code": "cm"}
    return of(
        "Observation",
        **{"status": "final", "code": coded("http://loinc.org", "1-1"), "valueQuantity": amount, **elements},
    )


def procedure(**elements: Any) -> Json:
    return of("Procedure", code=coded("http://snomed.info/sct", "80146002"), **elements)


def medication(**elements: Any) -> Json:
    drug = coded("http://www.nlm.nih.gov/research/umls/rxnorm", "495881")
    return of("MedicationStatement", medicationCodeableConcept=drug, **elements)


def verified(code: str) -> Json:
    return {"verificationStatus": coded(VERIFICATION, code)}


def facts(*resources: Json, addresses: tuple[str, ...] = ()) -> tuple[Json, list[str]]:
    packet, unsaid = to_phenopacket([PATIENT, *resources], addresses)
    parts = {name: one for name, one in packet.items() if name not in {"id", "subject", "metaData"}}
    return parts, [str(one) for one in unsaid if one.where != "Provenance"]


@pytest.mark.parametrize("make", [condition, observation, procedure, medication])
@pytest.mark.parametrize(
    "reference", ["Patient/mother", "Group/g", "http://other.example/Patient/p", "#p", "urn:uuid:p2"]
)
def test_a_fact_about_another_is_not_the_patients(make: Any, reference: str) -> None:
    one = make(subject={"reference": reference}, status="completed" if make is procedure else None)

    name = f"{one['resourceType']}/x"
    assert ({}, [f"{name}: it is about '{reference}', not about Patient/p"]) == facts(one)


def test_a_fact_of_nobody_is_not_the_patients() -> None:
    assert ({}, ["Condition/x: it has no subject"]) == facts(condition(subject=None))


def test_an_observation_whose_focus_is_another_is_not_the_patients() -> None:
    mother = [{"reference": "RelatedPerson/mother"}]

    assert ({}, ["Observation/x: its focus is 'RelatedPerson/mother', not Patient/p"]) == facts(
        observation(focus=mother)
    )


@pytest.mark.parametrize("reference", ["Patient/p", "Patient/p/_history/2", "http://one.example/Patient/p"])
def test_a_fact_of_the_patient_is_found_by_each_address_of_the_patient(reference: str) -> None:
    addresses = ("http://one.example/Patient/p", "urn:uuid:1")
    found, unsaid = facts(condition(subject={"reference": reference}), addresses=addresses)

    assert (["diseases"], []) == (list(found), unsaid)


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (condition(**verified("entered-in-error")), "it was entered in error"),
        (condition(**verified("differential")), "its verification status is 'differential'"),
        (observation(status="entered-in-error"), "it was entered in error"),
        (observation(status="cancelled"), "its status is 'cancelled'"),
        (procedure(status="entered-in-error"), "it was entered in error"),
        (procedure(status="not-done"), "its status is 'not-done'"),
        (procedure(status="preparation"), "its status is 'preparation'"),
        (medication(status="entered-in-error"), "it was entered in error"),
        (medication(status="not-taken"), "its status is 'not-taken'"),
        (medication(status="intended"), "its status is 'intended'"),
        (of("Specimen", status="entered-in-error"), "it was entered in error"),
        (of("AdverseEvent", actuality="potential"), "it is a potential event"),
        (condition(modifierExtension=[{"url": "http://x/not"}]), "modifierExtension http://x/not can change"),
        (observation(valueInteger=10**400), "the number at valueInteger is beyond 64 bits"),
    ],
)
def test_what_is_not_so_is_left_out_and_named(one: Json, why: str) -> None:
    found, unsaid = facts(one)

    assert ({}, 1) == (found, len(unsaid))
    assert unsaid[0].startswith(f"{one['resourceType']}/x: {why}")


def test_a_refuted_disease_is_excluded() -> None:
    found, unsaid = facts(condition(**verified("refuted")))

    assert ([True], []) == ([one["excluded"] for one in found["diseases"]], unsaid)


def test_one_id_with_two_contents_is_refused() -> None:
    other = condition(code=coded(MONDO, "MONDO:0000002"))

    with pytest.raises(BundleError, match=re.escape("Condition/x: it is there twice, with different content")):
        facts(condition(), other)


def test_one_resource_given_twice_is_said_once() -> None:
    assert 1 == len(facts(condition(), condition())[0]["diseases"])


def test_resources_without_an_id_are_each_said() -> None:
    two = (condition(id=None), condition(id=None, code=coded(MONDO, "MONDO:0000002")))

    assert 2 == len(facts(*two)[0]["diseases"])


@pytest.mark.parametrize(
    ("entries", "where"),
    [([None], "entry[0]"), ([{"resource": PATIENT}, {"resource": []}], "entry[1].resource"), (None, "'entry'")],
)
def test_an_entry_that_is_no_object_is_refused_with_its_place(tmp_path: Path, entries: Any, where: str) -> None:
    file = tmp_path / "bundle.json"
    file.write_bytes(dump({"resourceType": "Bundle", "type": "collection", "entry": entries}))
    done = run_command("export", "--to", "phenopacket", str(file))

    assert 0 != done.exit_code
    assert where in done.stderr


def test_a_position_of_400_digits_is_refused_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "packet.json"
    record = f'{{"vcfRecord": {{"pos": 1{"0" * 400}, "ref": "A", "alt": "T"}}}}'
    judged = f'{{"subjectOrBiosampleId": "p", "variantInterpretation": {{"variationDescriptor": {record}}}}}'
    file.write_text(
        f"""{{"id": "a", "subject": {{"id": "p"}}, "metaData": {{"created": "2020-01-01T00:00:00Z"}},
        "interpretations": [{{"id": "i", "diagnosis": {{"genomicInterpretations": [{judged}]}}}}]}}"""
    )
    done = run_command("build", str(file))

    assert 0 != done.exit_code
    assert "a whole number from 0 on is expected" in done.stderr


@pytest.mark.parametrize(
    ("amount", "why"),
    [
        ({"comparator": "<"}, "'< 5 cm' is a bound"),
        ({"system": None, "code": None}, "the unit of '5 cm' has no code"),
        ({"value": None}, "it has no number"),
    ],
)
def test_a_number_that_would_say_something_else_is_left_out_and_named(amount: Json, why: str) -> None:
    one = observation()
    given = {**one["valueQuantity"], **amount}
    one["valueQuantity"] = {name: value for name, value in given.items() if value is not None}
    found, unsaid = facts(one)

    assert {} == found
    assert unsaid[0].startswith(f"Observation/x.valueQuantity: {why}")


@pytest.mark.parametrize(
    "element", [{"deceasedBoolean": "x"}, {"birthDate": "0000-99-99"}, {"birthDate": "2001-02-30"}, {"birthDate": []}]
)
def test_what_a_patient_does_not_say_as_fhir_has_it_is_not_in_the_packet(element: Json) -> None:
    packet, unsaid = to_phenopacket([{**PATIENT, **element}])
    name = next(iter(element))

    assert {"id": "p", "sex": "FEMALE"} == packet["subject"]
    assert [f"Patient/p.{name}"] * bool(element[name]) == [one.where for one in unsaid if one.where != "Provenance"]

"""Phenopackets as cases: nothing is lost unnamed, ages stay ages, and what is wrong is told with its place."""

from __future__ import annotations

import runpy
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

from fhir_case import build_bundle, validate
from fhir_case.errors import CaseError
from fhir_case.fhir.systems import UCUM
from fhir_case.fhir.wire import dump
from fhir_case.readers import read_cases, reader_of
from fhir_case.readers.phenopacket.packet import fields_of
from fhir_case.readers.phenopacket.reading import read_packet
from packet_leaves import missing_leaves
from support import ROOT, resources, run_command

if TYPE_CHECKING:
    from fhir_case.readers import CaseRead

PUBLISHED = sorted((ROOT.parent / "shared" / "data" / "phenopackets").glob("*.json"))
EVERYTHING = Path(__file__).parent / "phenopackets" / "everything.yaml"
META = {"created": "2026-01-02T00:00:00Z", "phenopacketSchemaVersion": "2.0"}


def read(path: Path) -> CaseRead:
    reader = reader_of(path)
    assert reader is not None
    assert "phenopacket" == reader.name
    (one,) = read_cases(path, reader)
    return one


def packet(**parts: Any) -> dict[str, Any]:
    return {"id": "made-up", "subject": {"id": "one", "sex": "FEMALE"}, **parts, "metaData": META}


def built(tmp_path: Path, **parts: Any) -> dict[str, dict[str, Any]]:
    """Return the resources of a packet by the end of their ids."""
    file = tmp_path / "packet.json"
    file.write_bytes(dump(packet(**parts)))
    one = read(file)
    assert one.case is not None, one.error
    return {each["id"].removeprefix("made-up-"): each for each in resources(build_bundle(one.case)).values()}


def problems(written: str) -> list[str]:
    """Return what is told of a packet that is wrong."""
    with pytest.raises(CaseError) as caught:
        read_packet(written, "packet.yaml")
    return [str(one) for one in caught.value.problems or (caught.value,)]


@pytest.mark.parametrize("path", [pytest.param(one, id=one.stem) for one in (*PUBLISHED, EVERYTHING)])
def test_a_packet_becomes_a_valid_bundle_of_both_releases_and_loses_nothing_unnamed(path: Path) -> None:
    one = read(path)
    assert one.case is not None, one.error
    written = YAML(typ="safe").load(path)
    for fhir in ("R4", "R5"):
        bundle = build_bundle(one.case, fhir=fhir)

        result = validate(bundle, fhir=fhir, closed=True)
        assert [] == [str(issue) for issue in result.issues if issue.severity != "information"]
        assert [] == missing_leaves(written, bundle, [str(each) for each in one.unused])


def test_there_are_the_sixty_published_packets() -> None:
    assert 60 == len(PUBLISHED)


def test_what_is_not_carried_over_of_all_that_the_schema_has_is_a_short_list() -> None:
    assert ["the time of day of 2010-06-02T10:30:00Z"] == [one.what for one in read(EVERYTHING).unused]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"age": {"iso8601duration": "P10Y"}}, {"onsetAge": {"value": 10, "unit": "a", "system": UCUM, "code": "a"}}),
        ({"age": {"iso8601duration": "P0D"}}, {"onsetString": "at birth"}),
        ({"timestamp": "2020-03-04T00:00:00Z"}, {"onsetDateTime": "2020-03-04"}),
        (
            {"interval": {"start": "2020-03-04T00:00:00Z", "end": "2020-03-06T00:00:00Z"}},
            {"onsetPeriod": {"start": "2020-03-04", "end": "2020-03-06"}},
        ),
        ({"gestationalAge": {"weeks": 19, "days": 3}}, {"onsetString": "at a gestational age of 19 weeks and 3 days"}),
    ],
)
def test_the_onset_of_a_disease_stays_what_it_is(tmp_path: Path, written: Any, expected: dict[str, Any]) -> None:
    disease = {"term": {"id": "OMIM:154700", "label": "Marfan syndrome"}, "onset": written}
    made = built(tmp_path, diseases=[disease])["omim-154700"]

    assert expected == {name: value for name, value in made.items() if "onset" in name}


def test_an_age_in_several_units_is_in_the_completed_ones_with_the_words_beside_it(tmp_path: Path) -> None:
    disease = {"term": {"id": "OMIM:154700"}, "onset": {"age": {"iso8601duration": "P3Y6M14D"}}}
    onset = built(tmp_path, diseases=[disease])["omim-154700"]["onsetAge"]

    assert (42, "mo") == (onset["value"], onset["code"])
    assert "3 a 6 mo 14 d" == onset["extension"][0]["valueString"]


def test_an_onset_by_name_keeps_its_code(tmp_path: Path) -> None:
    onset = {"ontologyClass": {"id": "HP:0003577", "label": "Congenital onset"}}
    made = built(tmp_path, diseases=[{"term": {"id": "OMIM:154700"}, "onset": onset}])["omim-154700"]

    assert "Congenital onset" == made["onsetString"]
    assert "HP:0003577" == made["_onsetString"]["extension"][0]["valueCoding"]["code"]


def test_no_date_is_made_of_the_age_at_a_measurement(tmp_path: Path) -> None:
    value = {"quantity": {"unit": {"id": "UCUM:mm", "label": "mm"}, "value": 58}}
    when = {"age": {"iso8601duration": "P12Y"}}
    measured = {"assay": {"id": "X:1", "label": "distance"}, "value": value, "timeObserved": when}
    made = built(tmp_path, measurements=[measured])["x-1"]

    assert "effectiveDateTime" not in made
    parts = {one["url"]: one for one in made["_effectiveDateTime"]["extension"][0]["extension"]}
    assert "birthDate" == parts["targetPath"]["valueString"]
    assert (12, "a") == (parts["offset"]["valueDuration"]["value"], parts["offset"]["valueDuration"]["code"])


def test_an_excluded_feature_is_absent_and_an_excluded_disease_is_refuted(tmp_path: Path) -> None:
    made = built(
        tmp_path,
        phenotypicFeatures=[{"type": {"id": "HP:0001250", "label": "Seizure"}, "excluded": True}],
        diseases=[{"term": {"id": "OMIM:154700", "label": "Marfan syndrome"}, "excluded": True}],
    )

    assert "52101004" != made["hp-0001250"]["valueCodeableConcept"]["coding"][0]["code"]
    assert "excluded" == made["hp-0001250"]["valueCodeableConcept"]["text"]
    assert "refuted" == made["omim-154700"]["verificationStatus"]["coding"][0]["code"]


@pytest.mark.parametrize(
    ("curie", "expected"),
    [
        ("HP:0001250", ("http://human-phenotype-ontology.org", "HP:0001250")),
        ("OMIM:154700", ("http://www.omim.org", "154700")),
        ("ORPHA:558", ("http://www.orpha.net", "558")),
        ("MONDO:0007947", ("http://purl.obolibrary.org/obo/mondo.owl", "MONDO:0007947")),
        ("NCIT:C34807", ("http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl", "C34807")),
        ("SNOMED:19346006", ("http://snomed.info/sct", "19346006")),
    ],
)
def test_a_code_with_a_prefix_has_the_system_of_fhir(tmp_path: Path, curie: str, expected: tuple[str, str]) -> None:
    made = built(tmp_path, diseases=[{"term": {"id": curie, "label": "A disease"}}])
    (condition,) = (one for one in made.values() if one["resourceType"] == "Condition")
    (coding,) = condition["code"]["coding"]

    assert expected == (coding["system"], coding["code"])
    assert "A disease" == coding["display"]


def test_a_code_of_a_vocabulary_that_nobody_knows_stays_in_words(tmp_path: Path) -> None:
    made = built(tmp_path, diseases=[{"term": {"id": "HOUSE:12", "label": "A disease"}}])["house-12"]

    assert {"text": "A disease (HOUSE:12)"} == made["code"]


WRONG = """\
id: made-up
subject: {id: one, sex: male, colour: blue}
phenotypicFeatures:
  - {type: {label: Seizure}, excluded: "yes"}
  - {onset: {age: {iso8601duration: 3 years}, timestamp: "2020-01-01"}}
diseases: {term: {id: "OMIM:1"}}
medicalActions: [{}]
metaData: {phenopacketSchemaVersion: "2.0"}
"""


def test_all_that_is_wrong_is_told_in_one_run_with_its_place_and_what_to_do() -> None:
    told = [one.partition(": ") for one in problems(WRONG)]

    assert ["2:25", "2:31", "4:12", "4:40", "5:5", "5:37", "5:47", "5:58", "6:11", "7:18", "8:11"] == [
        place.removeprefix("packet.yaml:") for place, _, _ in told
    ]
    assert TOLD == [words for _, _, words in told]


MISTAKES = """\
subject.sex: 'male' is not one of UNKNOWN_SEX, FEMALE, MALE, OTHER_SEX; did you mean 'MALE'?
subject: unknown field 'colour'; Individual has INDIVIDUAL
phenotypicFeatures[0].type: 'id' is missing; add it
phenotypicFeatures[0].excluded: 'yes' where true or false is expected; correct it
phenotypicFeatures[1]: 'type' is missing; add it
phenotypicFeatures[1].onset.age.iso8601duration: '3 years' is not an age as ISO 8601 has it; WRITE
phenotypicFeatures[1].onset: 'timestamp' stands beside 'age', and only one of them can be; keep the one that is right
phenotypicFeatures[1].onset.timestamp: '2020-01-01' is not a timestamp; write it as 2021-03-01T10:30:00Z
diseases: a mapping where a list is expected; put it in brackets
medicalActions[0]: one of procedure, treatment, radiationTherapy, therapeuticRegimen is missing; add it
metaData: 'created' is missing; add it
"""
_FIELDS = MISTAKES.replace("INDIVIDUAL", ", ".join(fields_of("Individual")))
TOLD = _FIELDS.replace("WRITE", "write it as P3Y6M, P14D or P3W").splitlines()


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("{id: f, proband: {id: p}, metaData: {}}", "this is a family, and a case is about one patient"),
        ("{id: c, members: [], metaData: {}}", "this is a cohort, and a case is about one patient"),
        ("{id: a, subject: {id: b}, metaData: {phenopacketSchemaVersion: 1.0.0}}", "a phenopacket of version 1"),
        ("{id: a, subject: {id: b}, genes: [], metaData: {}}", "a phenopacket of version 1"),
    ],
)
def test_what_is_no_packet_of_version_2_is_refused_with_the_reason(written: str, expected: str) -> None:
    (told,) = problems(written)

    assert expected in told
    assert "; " in told


def test_build_takes_a_packet_and_names_on_standard_error_what_it_does_not_hold(tmp_path: Path) -> None:
    done = run_command("build", str(EVERYTHING), "-o", str(tmp_path / "bundle.json"))

    assert 0 == done.exit_code
    assert "everything.yaml:29:68: the time of day of 2010-06-02T10:30:00Z" in done.stderr


def test_names_may_be_written_as_the_definition_of_the_schema_has_them() -> None:
    written = """
        {id: a, subject: {id: b}, phenotypic_features: [{type: {id: 'HP:0001250'}}],
         meta_data: {created: '2026-01-02T00:00:00Z'}}
    """

    assert 1 == len(read_packet(written, "packet.yaml").tree.root.data["phenotypes"])


def test_the_script_writes_the_fields_of_the_schema_byte_for_byte() -> None:
    written = files("fhir_case.readers.phenopacket").joinpath("schema.json").read_text("utf-8")
    made = runpy.run_path(str(ROOT / "scripts" / "make-phenopacket-schema"), run_name="script")

    assert written == made["text"]()

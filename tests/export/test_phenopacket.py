"""Phenopackets written from FHIR: what both can hold comes back, and what a packet cannot say is named."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import Parse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from phenopackets.schema.v2.phenopackets_pb2 import Phenopacket
from ruamel.yaml import YAML

from fhir_case import build_bundle
from fhir_case.case.reading import case_of
from fhir_case.export import to_phenopacket
from fhir_case.fhir.wire import dump, parse
from fhir_case.mapping.cases import model_of_cases
from fhir_case.readers.phenopacket.reading import read_packet
from support import ROOT, SHIPPED, run_command

PUBLISHED = sorted((ROOT.parent / "shared" / "data" / "phenopackets").glob("*.json"))
EVERYTHING = Path(__file__).parent.parent / "readers" / "phenopackets" / "everything.yaml"

# What a packet says of itself, and what it need not say: that a sample is of its subject.
_OF_ITSELF = frozenset({"resources", "individualId"})


def comparable(value: Any) -> Any:
    """Return a packet without the order of its lists, for which the resources of a Bundle have another."""
    if isinstance(value, dict):
        kept = {name: comparable(one) for name, one in value.items() if name not in _OF_ITSELF}
        return {name: one for name, one in sorted(kept.items()) if one not in (None, "", [], {}, False)}
    if isinstance(value, list):
        return sorted((comparable(one) for one in value), key=lambda one: json.dumps(one, sort_keys=True))
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return float(value)
    return value.strip() if isinstance(value, str) else value


def there_and_back(packet: str) -> tuple[Any, list[str]]:
    case = case_of(read_packet(packet, "packet.json").tree, model_of_cases())
    written, unsaid = to_phenopacket(entry["resource"] for entry in build_bundle(case)["entry"])
    return written, [str(one) for one in unsaid]


def test_all_that_the_schema_has_comes_back_but_the_time_of_day() -> None:
    text = EVERYTHING.read_text(encoding="utf-8")
    written, unsaid = there_and_back(text)

    assert comparable(YAML(typ="safe").load(text.replace("T10:30:00Z", "T00:00:00Z"))) == comparable(written)
    assert [] == unsaid


@pytest.mark.parametrize("path", [pytest.param(one, id=one.stem) for one in PUBLISHED])
def test_a_published_packet_comes_back_as_it_was(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    written, unsaid = there_and_back(text)

    packet = json.loads(text)
    assert comparable(packet) == comparable(written)
    assert comparable(packet["metaData"]["resources"]) == comparable(written["metaData"]["resources"])
    assert [] == unsaid


TERMS = {
    "sign": ["HP:0001250", "HP:0001166", "HP:0002315", "HP:0000010"],
    "onset": ["HP:0003577", "HP:0011463", "HP:0030674"],
    "disease": ["OMIM:154700", "MONDO:0005148", "ORPHA:558", "OMIM:101200"],
    "thing": ["NCIT:C28054", "NCIT:C48720", "UBERON:0002048", "EFO:0002091", "HP:0012828", "ECO:0006017"],
    "assay": ["NCIT:C35718", "CMO:0000003", "LOINC:26515-7", "NCIT:C28150"],
    "unit": ["UCUM:mg", "UCUM:10*3/uL", "NCIT:C49670", "UO:0000022"],
}


def term(kind: str) -> st.SearchStrategy[dict[str, str]]:
    return st.sampled_from(TERMS[kind]).map(lambda one: {"id": one, "label": f"what {one.partition(':')[2]} is"})


def message(required: dict[str, Any], **optional: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(required, optional=optional)


def few(one: Any) -> Any:
    return st.lists(one, max_size=2)


def iso(parts: dict[str, int]) -> dict[str, str]:
    return {"iso8601duration": "P" + "".join(f"{number}{unit}" for unit, number in parts.items() if number)}


words = st.text(st.sampled_from("abcdefg XYZ.,()-'éß0123456789"), min_size=1, max_size=20).map(str.strip).filter(bool)
day = st.dates(date(1901, 1, 1), date(2099, 12, 31)).map(lambda one: f"{one.isoformat()}T00:00:00Z")
number = st.integers(1, 90)
age = st.tuples(number, st.integers(0, 11), st.integers(0, 29)).map(
    lambda parts: iso(dict(zip("YMD", parts, strict=True)))
)
interval = st.tuples(day, day).map(lambda both: {"start": min(both), "end": max(both)})
range_of_ages = st.tuples(number, number).map(
    lambda both: {"start": iso({"M": min(both)}), "end": iso({"M": max(both)})}
)
gestation = st.fixed_dictionaries({"weeks": st.integers(1, 40), "days": st.integers(0, 6)})
time = st.one_of(
    st.fixed_dictionaries({"age": age}),
    st.fixed_dictionaries({"ageRange": range_of_ages}),
    st.fixed_dictionaries({"gestationalAge": gestation}),
    st.fixed_dictionaries({"ontologyClass": term("onset")}),
    st.fixed_dictionaries({"timestamp": day}),
    st.fixed_dictionaries({"interval": interval}),
)
amount = message(
    {"unit": term("unit"), "value": st.integers(1, 9999).map(lambda one: one / 10)},
    referenceRange=st.fixed_dictionaries({"low": st.integers(1, 5), "high": st.integers(6, 9)}),
)
plain_amount = st.fixed_dictionaries({"unit": term("unit"), "value": st.integers(1, 9999)})
procedure = message({"code": term("thing")}, bodySite=term("thing"), performed=time)
feature = message(
    {"type": term("sign")},
    description=words,
    excluded=st.just(True),
    severity=term("thing"),
    modifiers=few(term("thing")),
    onset=time,
    resolution=time,
    evidence=few(
        message({"evidenceCode": term("thing")}, reference=st.just({"id": "PMID:1", "description": "An article"}))
    ),
)
disease = message(
    {"term": term("disease")},
    onset=time,
    resolution=time,
    diseaseStage=few(term("thing")),
    clinicalTnmFinding=few(term("thing")),
    primarySite=term("thing"),
)
excluded = message({"term": term("disease"), "excluded": st.just(True)}, onset=time)
value = st.one_of(st.fixed_dictionaries({"quantity": amount}), st.fixed_dictionaries({"ontologyClass": term("thing")}))
several = st.lists(st.fixed_dictionaries({"type": term("thing"), "quantity": amount}), min_size=1, max_size=2)
measurement = st.one_of(
    message({"assay": term("assay"), "value": value}, description=words, timeObserved=time, procedure=procedure),
    message(
        {"assay": term("assay"), "complexValue": st.fixed_dictionaries({"typedQuantities": several})}, timeObserved=time
    ),
)
biosample = message(
    {
        "id": st.sampled_from(["sample-1", "sample-2", "A 3"]),
        "sampleType": st.just({"id": "EFO:0002091", "label": "biopsy"}),
    },
    description=words,
    sampledTissue=st.just({"id": "UBERON:0002048", "label": "lung"}),
    phenotypicFeatures=few(feature),
    measurements=few(measurement),
    timeOfCollection=time,
    histologicalDiagnosis=term("thing"),
    tumorGrade=term("thing"),
    pathologicalTnmFinding=few(term("thing")),
    diagnosticMarkers=few(term("thing")),
    sampleProcessing=term("thing"),
    materialSample=term("thing"),
)
dose = message({"quantity": plain_amount}, scheduleFrequency=term("thing"), interval=interval)
drug = message(
    {"agent": term("thing")},
    routeOfAdministration=term("thing"),
    doseIntervals=few(dose),
    drugType=st.sampled_from(["PRESCRIPTION", "EHR_MEDICATION_LIST", "ADMINISTRATION_RELATED_TO_PROCEDURE"]),
    cumulativeDose=plain_amount,
)
radiation = message(
    {
        "modality": term("thing"),
        "bodySite": term("thing"),
        "dosage": st.integers(1, 80),
        "fractions": st.integers(1, 40),
    }
)
regimen = message(
    {"ontologyClass": term("thing"), "regimenStatus": st.sampled_from(["STARTED", "COMPLETED", "DISCONTINUED"])},
    startTime=st.fixed_dictionaries({"timestamp": day}),
    endTime=st.fixed_dictionaries({"age": age}),
)
ACTIONS = {"procedure": procedure, "treatment": drug, "radiationTherapy": radiation, "therapeuticRegimen": regimen}
action = st.one_of(
    *(
        message(
            {name: one},
            treatmentTarget=term("disease"),
            treatmentIntent=term("thing"),
            responseToTreatment=term("thing"),
            adverseEvents=few(term("sign")),
        )
        for name, one in ACTIONS.items()
    )
)
variation = message(
    {"geneContext": st.just({"valueId": "HGNC:3603", "symbol": "FBN1"})},
    id=words,
    label=words,
    expressions=st.lists(
        st.sampled_from(
            [
                {"syntax": "hgvs.c", "value": "NM_000138.4:c.6751T>A"},
                {"syntax": "hgvs.g", "value": "NC_000015.10:g.48411T>A"},
                {"syntax": "spdi", "value": "NC_000015.10:48410:T:A"},
            ]
        ),
        unique_by=lambda one: one["syntax"],
        max_size=2,
    ),
    vcfRecord=st.just({"genomeAssembly": "hg38", "chrom": "chr15", "pos": 48411, "ref": "T", "alt": "A"}),
    moleculeContext=st.sampled_from(["genomic", "transcript", "protein"]),
    structuralType=st.just({"id": "SO:0001483", "label": "SNV"}),
    allelicState=st.just({"id": "GENO:0000135", "label": "heterozygous"}),
    xrefs=few(words),
)
judged = st.fixed_dictionaries(
    {
        "subjectOrBiosampleId": st.just("proband"),
        "interpretationStatus": st.sampled_from(
            ["REJECTED", "CANDIDATE", "CONTRIBUTORY", "CAUSATIVE", "UNKNOWN_STATUS"]
        ),
        "variantInterpretation": st.fixed_dictionaries(
            {
                "acmgPathogenicityClassification": st.sampled_from(
                    ["NOT_PROVIDED", "BENIGN", "LIKELY_PATHOGENIC", "PATHOGENIC"]
                ),
                "therapeuticActionability": st.sampled_from(["UNKNOWN_ACTIONABILITY", "ACTIONABLE", "NOT_ACTIONABLE"]),
                "variationDescriptor": variation,
            }
        ),
    }
)
interpretation = message(
    {
        "id": words,
        "progressStatus": st.sampled_from(["IN_PROGRESS", "COMPLETED", "SOLVED", "UNSOLVED"]),
        "diagnosis": st.fixed_dictionaries({"disease": term("disease"), "genomicInterpretations": few(judged)}),
    },
    summary=words,
)
subject = message(
    {"id": st.just("proband"), "sex": st.sampled_from(["MALE", "FEMALE", "OTHER_SEX", "UNKNOWN_SEX"])},
    alternateIds=st.lists(words, max_size=2, unique=True),
    dateOfBirth=day,
    timeAtLastEncounter=time,
    karyotypicSex=st.sampled_from(["XX", "XXY", "OTHER_KARYOTYPE"]),
    gender=term("thing"),
    taxonomy=st.just({"id": "NCBITaxon:9606", "label": "Homo sapiens"}),
    vitalStatus=st.one_of(
        st.just({"status": "ALIVE"}),
        message(
            {"status": st.just("DECEASED")}, timeOfDeath=time, causeOfDeath=term("thing"), survivalTimeInDays=number
        ),
    ),
)
META = message(
    {"created": day, "createdBy": words, "phenopacketSchemaVersion": st.just("2.0")},
    externalReferences=st.just([{"id": "PMID:1", "description": "An article"}]),
)
PARTS = {
    "phenotypicFeatures": few(feature),
    "measurements": few(measurement),
    "biosamples": st.lists(biosample, max_size=2, unique_by=lambda one: str(one["id"])),
    "interpretations": few(interpretation),
    "diseases": few(st.one_of(disease, excluded)),
    "medicalActions": st.lists(action, max_size=2, unique_by=lambda one: json.dumps(next(iter(one.values())))),
}


@pytest.mark.parametrize("part", ["subject", *PARTS])
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(data=st.data())
def test_what_both_can_hold_comes_back(part: str, data: st.DataObject) -> None:
    packet = {
        "id": data.draw(words),
        "subject": data.draw(subject if part == "subject" else st.just({"id": "proband", "sex": "FEMALE"})),
        **({part: data.draw(PARTS[part])} if part in PARTS else {}),
        "metaData": data.draw(META),
    }
    written, unsaid = there_and_back(json.dumps(packet))

    assert comparable(packet) == comparable(written)
    assert [] == unsaid
    Parse(dump(written), Phenopacket())


def test_export_writes_a_packet_that_the_definition_of_the_schema_takes(tmp_path: Path) -> None:
    file = tmp_path / "out.json"
    done = run_command("export", "--to", "phenopacket", SHIPPED, "-o", str(file))

    assert 0 == done.exit_code, done.stderr
    packet = Parse(file.read_bytes(), Phenopacket())
    assert 6 == len(packet.diseases)
    assert (
        "ImagingStudy/hcc-tare-sorafenib-liver-mri-baseline: a phenopacket has no place for ImagingStudy" in done.stderr
    )


def test_a_bundle_of_several_patients_is_refused(tmp_path: Path) -> None:
    two = [{"resource": {"resourceType": "Patient", "id": one}} for one in ("a", "b")]
    file = tmp_path / "bundle.json"
    file.write_bytes(dump({"resourceType": "Bundle", "type": "collection", "entry": two}))
    done = run_command("export", "--to", "phenopacket", str(file))

    assert 0 != done.exit_code
    assert "there are 2 Patients; a phenopacket is about one patient; give the Bundle of one" in done.stderr


def test_in_json_the_packet_and_what_it_does_not_say_are_the_result(tmp_path: Path) -> None:
    done = run_command("export", "--to", "phenopacket", str(EVERYTHING), "--format", "json")
    result = parse(done.stdout)["result"]

    assert ("phenopacket", [], "made-up:everything") == (result["to"], result["unsaid"], result["packet"]["id"])

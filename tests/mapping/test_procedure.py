"""Surgery and other procedures: which profile they claim, what was not done, complications and devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fhir_case import build_bundle
from fhir_case.mapping import read_case
from support import resources

if TYPE_CHECKING:
    from fhir_case.fhir.wire import Resource

HEAD = """\
case: done
title: Made up
report: {citation: Made up., transcribed: 2026-11-28}
timeline: {anchor: a, index_date: 2020-03-01}
patient: {sex: female, source: s}
conditions:
  - {key: cancer, kind: primary-cancer, diagnosis: {text: x}, status: active, verification: confirmed, source: s}
  - {key: stones, kind: comorbidity, diagnosis: {text: x}, status: active, verification: confirmed, source: s}
adverse_events:
  - {key: leak, event: {text: leak}, at: +2 d, suspects: [a], source: s}
procedures:
"""


def made(fields: str, fhir: Any = "R4", procedure: str = "{text: x}") -> dict[str, Resource]:
    entry = f"  - {{key: a, procedure: {procedure}, at: anchor, source: s{fields and ', '}{fields}}}\n"
    return resources(build_bundle(read_case(HEAD + entry), fhir=fhir))


CPT = '{text: x, code: {system: "http://www.ama-assn.org/go/cpt", code: "47120"}}'
SNOMED_CODE = '{text: x, code: {system: "http://snomed.info/sct", code: "107963000"}}'


@pytest.mark.parametrize(
    ("procedure", "fields", "profile"),
    [
        ("{text: hepatectomy}", "kind: surgery, reasons: [cancer]", "mcode-cancer-related-surgical-procedure"),
        ("liver-resection", "reasons: [cancer]", "mcode-cancer-related-surgical-procedure"),
        (CPT, "reasons: [cancer]", "mcode-cancer-related-surgical-procedure"),
        ("liver-resection", "reasons: [stones]", "us-core-procedure"),
        ("{text: hepatectomy}", "kind: surgery", "us-core-procedure"),
        ("tace", "reasons: [cancer]", "us-core-procedure"),
        ("liver-biopsy", "reasons: [cancer]", "us-core-procedure"),
        (SNOMED_CODE, "reasons: [cancer]", "us-core-procedure"),
    ],
)
def test_only_the_surgery_of_a_cancer_claims_the_surgery_of_mcode(procedure: str, fields: str, profile: str) -> None:
    found = made(fields, procedure=procedure)["Procedure/done-a"]

    assert profile == found["meta"]["profile"][0].rpartition("/")[2]


def test_what_was_refused_was_not_done_and_says_why() -> None:
    found = made("status: not-done, stopped_for: refused-by-patient")["Procedure/done-a"]

    assert "not-done" == found["status"]
    assert "105480006" == found["statusReason"]["coding"][0]["code"]
    assert "not done; refused by the patient." in found["text"]["div"]


@pytest.mark.parametrize(("fhir", "time"), [("R4", "performedPeriod"), ("R5", "occurrencePeriod")])
def test_an_operation_with_an_end_has_a_period_and_others_count_from_its_begin(fhir: Any, time: str) -> None:
    found = made("until: +1 d", fhir)
    event = found["AdverseEvent/done-leak"]
    date = event["_date" if fhir == "R4" else "_occurrenceDateTime"]
    path = next(one for one in date["extension"][0]["extension"] if one["url"] == "targetPath")

    assert ("2020-03-01", "2020-03-02") == tuple(found["Procedure/done-a"][time][each] for each in ("start", "end"))
    assert f"{time}.start" == path["valueString"]


def test_a_complication_is_named_and_linked_to_its_condition() -> None:
    found = made("complications: [{text: bile leak}], complicated_by: [leak, stones]")["Procedure/done-a"]

    assert [{"text": "bile leak"}] == found["complication"]
    assert ["Condition/done-leak-condition", "Condition/done-stones"] == [
        one["reference"] for one in found["complicationDetail"]
    ]


def test_an_implant_is_a_device_that_the_procedure_manipulated() -> None:
    found = made("devices: [{name: Stent X, type: stent, lot_number: L7}, {name: Y, action: used}]")
    first, second = found["Device/done-a-device-1"], found["Device/done-a-device-2"]
    procedure = found["Procedure/done-a"]

    assert first["meta"]["profile"][0].endswith("us-core-implantable-device")
    assert ("L7", "65818007") == (first["lotNumber"], first["type"]["coding"][0]["code"])
    assert "profile" not in second["meta"]
    assert ["Device/done-a-device-1"] == [one["manipulated"]["reference"] for one in procedure["focalDevice"]]
    assert ["Device/done-a-device-2"] == [one["reference"] for one in procedure["usedReference"]]


def test_intent_and_technique_are_where_fhir_has_them() -> None:
    found = made("intent: curative, technique: laparoscopic")["Procedure/done-a"]
    parts = {one["url"].rpartition("/")[2]: one["valueCodeableConcept"] for one in found["extension"]}

    assert "373808002" == parts["mcode-procedure-intent"]["coding"][0]["code"]
    assert "laparoscopic" == parts["procedure-method"]["text"]

"""Reports of pathologists, and markers of tissue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fhir_case import CaseError, build_bundle
from fhir_case.mapping import read_case

if TYPE_CHECKING:
    from fhir_case.fhir.wire import Resource

HEAD = """\
case: small
title: A small case
report: {citation: made up, transcribed: 2026-01-01}
timeline: {anchor: visit, index_date: 2020-01-31}
patient: {sex: female, source: page 1}
procedures: [{key: visit, procedure: {text: visit}, at: anchor, source: page 1}]
conditions:
  - {key: c, kind: primary-cancer, diagnosis: {text: A cancer}, status: active, verification: confirmed, source: page 1}
  - {key: d, kind: comorbidity, diagnosis: {text: Asthma}, status: active, verification: confirmed, source: page 1}
"""
HISTOLOGY = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-histology-morphology-behavior"


def built(section: str) -> dict[str, Resource]:
    bundle = build_bundle(read_case(HEAD + section, file="small.yaml"))
    return {
        f"{one['resource']['resourceType']}/{one['resource']['id'].removeprefix('small-')}": one["resource"]
        for one in bundle["entry"]
    }


def report(fields: str) -> dict[str, Resource]:
    return built(f"pathology: [{{key: p, {fields}, at: anchor, source: page 1}}]")


def profile(resource: Any) -> str:
    return str(resource["meta"]["profile"][0].rpartition("/")[2])


def first(concept: Any) -> tuple[str, str]:
    return concept["coding"][0]["code"], concept["coding"][0]["display"]


def histologies(condition: Any) -> list[str]:
    return [one["valueCodeableConcept"]["text"] for one in condition.get("extension", []) if one["url"] == HISTOLOGY]


def test_the_histology_is_an_observation_and_an_extension_of_the_cancer() -> None:
    made = report("of: c, histology: adenocarcinoma")

    assert ("1187332001", "Adenocarcinoma (morphologic abnormality)") == first(
        made["Observation/p-histology"]["valueCodeableConcept"]
    )
    assert "mcode-histologic-behavior-and-type" == profile(made["Observation/p-histology"])
    assert ["Adenocarcinoma"] == histologies(made["Condition/c"])
    assert "Histology: Adenocarcinoma." in made["Condition/c"]["text"]["div"]


def test_the_cancer_has_the_histology_that_was_found_last() -> None:
    made = built("""\
pathology:
  - {key: operation, of: c, histology: invasive-ductal-carcinoma, at: 2 wk after visit, source: page 1}
  - {key: biopsy, of: c, histology: ductal-carcinoma-in-situ, at: visit, source: page 1}
""")

    assert ["Invasive ductal carcinoma"] == histologies(made["Condition/c"])


@pytest.mark.parametrize("fields", ["of: d, histology: adenocarcinoma", "of: c, histology: {text: a rare one}"])
def test_no_other_condition_and_no_words_make_the_extension(fields: str) -> None:
    made = report(fields)

    assert [[], []] == [histologies(made[f"Condition/{key}"]) for key in "cd"]


def test_a_grade_is_a_histologic_grade_and_no_stage() -> None:
    grade = report("of: c, grade: g2, grading: {text: a system}")["Observation/p-grade"]

    assert ("mcode-histologic-grade", ("C18000", "Histologic Grade")) == (profile(grade), first(grade["code"]))
    assert (("1663004", "G2 grade (finding)"), "a system") == (
        first(grade["valueCodeableConcept"]),
        grade["method"]["text"],
    )


@pytest.mark.parametrize("written", ["2/15", "2 of 15", "{positive: 2, examined: 15}"])
def test_lymph_nodes_are_counted_with_those_examined(written: str) -> None:
    nodes = report(f"nodes: {written}")["Observation/p-nodes"]

    assert (2, "21893-3") == (nodes["valueInteger"], first(nodes["code"])[0])
    assert [("21894-1", 15)] == [(first(one["code"])[0], one["valueInteger"]) for one in nodes["component"]]
    assert "2 of 15" in nodes["text"]["div"]


def test_a_size_by_pathology_is_of_the_laboratory_and_of_its_specimen() -> None:
    specimens = "specimens: [{key: s, type: tumor, at: anchor, source: page 1}]\n"
    text = "pathology: [{key: p, specimen: s, size: 23 mm, other_dimensions: [18 mm], at: anchor, source: page 1}]"
    size = built(specimens + text)["Observation/p-tumour-size"]

    assert ("mcode-tumor-size", "laboratory") == (profile(size), first_category(size))
    assert "Specimen/small-s" == size["specimen"]["reference"]
    assert [23, 18] == [one["valueQuantity"]["value"] for one in size["component"]]
    assert "us-core-observation-lab" == profile(report("size: 23 mm")["Observation/p-tumour-size"])


def first_category(resource: Any) -> str:
    return str(resource["category"][0]["coding"][0]["code"])


def test_the_report_leads_to_all_that_it_says() -> None:
    made = report("margins: negative, residual: r0, features: [{feature: perineural-invasion, value: absent}]")

    assert ["p-margins", "p-residual", "p-feature-1"] == [
        one["reference"].partition("small-")[2] for one in made["DiagnosticReport/p"]["result"]
    ]
    assert {"us-core-diagnosticreport-lab"} == {profile(made["DiagnosticReport/p"])}
    assert "Perineural invasion: absent" in made["Observation/p-feature-1"]["text"]["div"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("nodes: 15/2", "there are more lymph nodes with metastasis than were examined"),
        ("nodes: many", "p.nodes: 'many' is not a count of lymph nodes such as 2/15"),
        ("size: 23 kg", "a size or a distance is not negative and in mm or cm"),
        ("margin_distance: 2 mm", "'margin_distance' goes with 'margins', which is not there"),
        ("grading: nottingham", "'grading' is the system of 'grade', which is not there"),
        ("grade: grade-9", "'grade-9' is not a known short name of grades"),
        ("histology: adenocarcinom", "did you mean 'adenocarcinoma'"),
        ("of: visit", "'visit' is an entry of procedures; this names an entry of conditions"),
    ],
)
def test_what_no_report_can_say_is_told_at_its_field(fields: str, message: str) -> None:
    with pytest.raises(CaseError, match=message):
        report(fields)


def marker(fields: str) -> Any:
    return built(f"receptors: [{{key: m, {fields}, at: anchor, source: page 1}}]")["Observation/m"]


@pytest.mark.parametrize(
    ("name", "code"),
    [("er", "40556-3"), ("pr", "40557-1"), ("her2", "48676-1"), ("cd20", "10438-0")],
)
def test_a_receptor_is_a_tumour_marker_with_its_code(name: str, code: str) -> None:
    made = marker(f"marker: {name}, value: positive, of: c")

    assert ("mcode-tumor-marker-test", code) == (profile(made), first(made["code"])[0])
    assert ("POS", "Positive") == first(made["interpretation"][0])


@pytest.mark.parametrize(
    ("fields", "codes"),
    [
        ("marker: cd34, value: positive", ["10441-4"]),
        ("marker: cd34, value: positive, method: immunohistochemistry", ["10441-4"]),
        ("marker: cd34, value: positive, method: flow-cytometry", []),
        ("marker: cd34, value: positive, method: {text: Flow cytometry}", []),
        ("marker: her2-fish, value: positive, method: fish", ["31150-6"]),
        ("marker: her2-fish, value: positive, method: immunohistochemistry", []),
        ("marker: pd-l1-22c3, value: positive, method: immunohistochemistry", ["83052-1"]),
        ("marker: pd-l1-22c3, value: positive, method: flow-cytometry", []),
        ("marker: cd117, value: positive", ["40552-2"]),
        ("marker: cd117, value: 60 %", []),
        ("marker: er, value: 60 %", ["14228-1"]),
        ("marker: ki-67, value: 20 %", ["29593-1"]),
        ("marker: ki-67, value: high", []),
        ("marker: {name: cd117, code: {system: 'http://loinc.org', code: 40552-2}}, value: 60 %", ["40552-2"]),
    ],
)
def test_a_marker_has_no_code_that_its_method_or_the_kind_of_its_value_contradicts(
    fields: str, codes: list[str]
) -> None:
    code = marker(fields)["code"]

    assert codes == [one["code"] for one in code.get("coding", [])]
    assert code["text"]


def test_share_and_score_of_a_receptor_are_components() -> None:
    made = marker("marker: her2, value: equivocal, share: 30 %, score: 2+")

    assert [30, "2+"] == [
        one.get("valueQuantity", {}).get("value") or one["valueCodeableConcept"]["text"] for one in made["component"]
    ]
    assert 20 == marker("marker: ki-67, value: 20 %")["valueQuantity"]["value"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("marker: ki-67, value: 120 %", "a share of cells is between 0 and 100 %"),
        ("marker: er, value: positive, share: 30", "a share of cells is in %"),
        ("marker: her2, value: positive, score: 4+", "'0', '1\\+', '2\\+' or '3\\+'|0, 1\\+, 2\\+, 3\\+"),
        ("marker: herr2, value: positive", "'herr2' is not a known short name of markers; did you mean 'her2'"),
    ],
)
def test_what_no_marker_can_be_is_told_at_its_field(fields: str, message: str) -> None:
    with pytest.raises(CaseError, match=message):
        marker(fields)

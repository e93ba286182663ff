"""Variants and genomic reports."""

from __future__ import annotations

from pathlib import Path
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
"""
CANCER = """\
conditions:
  - {key: c, kind: primary-cancer, diagnosis: {text: A cancer}, status: active, verification: confirmed, source: page 1}
"""
OUTSIDE = Path(__file__).resolve().parents[3] / "shared" / "reports" / "case" / "mapping-variants.py"


def built(section: str, *files: Path) -> dict[str, Resource]:
    bundle = build_bundle(read_case(HEAD + section, mapping_files=files, file="small.yaml"), mapping_files=files)
    return {
        f"{one['resource']['resourceType']}/{one['resource']['id'].removeprefix('small-')}": one["resource"]
        for one in bundle["entry"]
    }


def variant(fields: str) -> dict[str, Any]:
    """Return the values of the components of a variant by the codes of the components."""
    made = built(f"variants: [{{key: v, {fields}, at: anchor, source: page 1}}]")["Observation/v"]
    found: dict[str, Any] = {}
    for one in made["component"]:
        (value,) = (part for name, part in one.items() if name.startswith("value"))
        found.setdefault(one["code"]["coding"][0]["code"], []).append(value)
    return found


def first(concept: Any) -> tuple[str, str]:
    return concept["coding"][0]["code"], concept["coding"][0]["display"]


@pytest.mark.parametrize(
    ("symbol", "code", "display"),
    [("EGFR", "HGNC:3236", "EGFR"), ("egfr", "HGNC:3236", "EGFR"), ("HER2", "HGNC:3430", "ERBB2"),
     ("NKX2-1", "HGNC:11825", "NKX2-1"), ("C9orf72", "HGNC:28337", "C9orf72"), ("p53", "HGNC:11998", "TP53")],
)  # fmt: skip
def test_a_gene_is_written_by_its_symbol(symbol: str, code: str, display: str) -> None:
    assert [(code, display)] == [first(one) for one in variant(f"genes: [{symbol}], result: present")["48018-6"]]


def test_a_gene_that_no_table_knows_is_told_with_its_line_and_may_be_words() -> None:
    with pytest.raises(CaseError, match="'egfrr' is not a known short name of gene_symbols; did you mean 'egfr'"):
        variant("genes: [EGFRR], result: present")

    assert [{"text": "a new gene"}] == variant("genes: [{text: a new gene}], result: present")["48018-6"]


def test_changes_are_codes_of_hgvs_as_printed() -> None:
    found = variant("genes: [EGFR], result: present, dna: 'NM_005228.5:c.2573T>G', protein: p.L858R")

    assert [("NM_005228.5:c.2573T>G", "NM_005228.5:c.2573T>G")] == [first(one) for one in found["48004-6"]]
    assert [("p.L858R", "p.L858R")] == [first(one) for one in found["48005-3"]]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            "genes: [EGFR], result: present, protein: Leu858",
            "v.protein: 'Leu858' is not a change in HGVS, such as p.Leu858",
        ),
        ("genes: [EGFR], result: present, dna: p.L858R", "v.dna: 'p.L858R' is not a change in HGVS, such as c.2573T>G"),
        ("genes: [EGFR], result: present, allele_frequency: 134 %", "an allele frequency is between 0 and 100 %"),
        ("genes: [EGFR], result: present, allele_frequency: 34", "an allele frequency is between 0 and 100 %"),
        ("genes: [MET], result: present, copy_number: -1", "a copy number is a number without a unit"),
        ("result: present, type: missense", "a variant has a gene, a genomic change, a location or a karyotype"),
        ("genes: [EGFR], result: mutatted", "'mutatted' is not a known short name of variant_results"),
        ("genes: [EGFR], result: present, type: misense", "did you mean 'missense'"),
    ],
)
def test_what_no_variant_can_be_is_told_at_its_field(fields: str, message: str) -> None:
    with pytest.raises(CaseError, match=message):
        variant(fields)


def test_a_fusion_has_both_genes_and_a_narrative_that_names_it() -> None:
    made = built("variants: [{key: v, genes: [EML4, ALK], result: present, type: fusion, at: anchor, source: page 1}]")
    genes = [one for one in made["Observation/v"]["component"] if one["code"]["coding"][0]["code"] == "48018-6"]

    assert ["EML4", "ALK"] == [one["valueCodeableConcept"]["text"] for one in genes]
    assert "EML4::ALK, present, gene fusion" in made["Observation/v"]["text"]["div"]


@pytest.mark.parametrize(
    ("written", "value", "code"), [("34.5 %", "34.5", "%"), ("0.345", "0.345", "1")], ids=["percent", "fraction"]
)
def test_an_allele_frequency_has_its_unit_in_ucum(written: str, value: str, code: str) -> None:
    (share,) = variant(f"genes: [EGFR], result: present, allele_frequency: {written}")["81258-6"]

    assert (value, code) == (str(share["value"]), share["code"])


@pytest.mark.parametrize(
    ("kind", "component", "code"),
    [
        ("missense", "molecular-consequence", "SO:0001583"),
        ("amplification", "molecular-consequence", "SO:0001742"),
        ("deletion", "48019-4", "SO:0000159"),
        ("internal-tandem-duplication", "48019-4", "SO:1000173"),
    ],
)
def test_the_type_is_the_change_of_dna_or_its_consequence(kind: str, component: str, code: str) -> None:
    assert [code] == [first(one)[0] for one in variant(f"genes: [FLT3], result: present, type: {kind}")[component]]


def test_genes_without_a_mutation_are_one_absent_variant() -> None:
    made = built("variants: [{key: v, genes: [KRAS, NRAS], result: absent, at: anchor, source: page 1}]")

    assert ("LA9634-2", "Absent") == first(made["Observation/v"]["valueCodeableConcept"])
    assert "KRAS, NRAS, absent" in made["Observation/v"]["text"]["div"]


def test_the_profiles_are_those_of_mcode_with_a_cancer_and_none_without() -> None:
    section = "variants: [{key: v, genes: [CFTR], result: present, at: anchor, source: page 1}]\n"
    report = "genomic_reports: [{key: r, variants: [v], at: anchor, source: page 1}]\n"
    with_cancer, without = built(section + report + CANCER), built(section + report)
    profiles = [with_cancer[name]["meta"]["profile"][0] for name in ("Observation/v", "DiagnosticReport/r")]

    assert ["mcode-genomic-variant", "mcode-genomics-report"] == [one.rpartition("/")[2] for one in profiles]
    assert [[], []] == [without[name]["meta"].get("profile", []) for name in ("Observation/v", "DiagnosticReport/r")]


def test_a_report_holds_what_is_no_variant() -> None:
    made = built(
        "genomic_reports: [{key: r, genes: [EGFR, KRAS], mutational_burden: 12 mut/Mb, burden: high, "
        "microsatellites: high, karyotype: '46,XX', at: anchor, source: page 1}]"
    )
    burden = made["Observation/r-tmb"]

    assert {"value": 12, "unit": "mut/Mb", "system": "http://unitsofmeasure.org", "code": "10*-6"} == burden[
        "valueQuantity"
    ]
    assert ("H", "High") == first(burden["interpretation"][0])
    assert ("LA26203-2", "MSI-H") == first(made["Observation/r-msi"]["valueCodeableConcept"])
    assert ("46,XX", "46,XX") == first(made["Observation/r-karyotype"]["valueCodeableConcept"])
    assert ["r-regions", "r-tmb", "r-msi", "r-karyotype"] == [
        one["reference"].partition("small-")[2] for one in made["DiagnosticReport/r"]["result"]
    ]


@pytest.mark.parametrize("unit", ["mut/Mb", "Muts/Mb", "mutations per megabase", "mutations/megabase", "/Mb", ""])
def test_a_mutational_burden_is_written_as_reports_do(unit: str) -> None:
    made = built(f"genomic_reports: [{{key: r, mutational_burden: 12 {unit}, at: anchor, source: page 1}}]")

    assert "10*-6" == made["Observation/r-tmb"]["valueQuantity"]["code"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("mutational_burden: 12 mg/L", "a mutational burden is not negative and in mut/Mb"),
        ("burden: high", "'burden' interprets 'mutational_burden', which is not there"),
        ("microsatellites: unstable", "did you mean 'instable'|did you mean 'stable'"),
        ("variants: [visit]", "'visit' is an entry of procedures; this names an entry of variants"),
    ],
)
def test_what_no_report_can_be_is_told_at_its_field(fields: str, message: str) -> None:
    with pytest.raises(CaseError, match=message):
        built(f"genomic_reports: [{{key: r, {fields}, at: anchor, source: page 1}}]")


def test_a_mapping_of_variants_from_outside_works_beside_that_of_the_house() -> None:
    markers = "tumour_markers: [{key: egfr-l858r, test: {text: EGFR}, value: present, at: anchor, source: page 1}]\n"
    variants = "variants: [{key: v, genes: [EGFR], result: present, at: anchor, source: page 1}]"
    made = built(markers + variants, OUTSIDE)

    assert {"Observation/egfr-l858r", "Observation/egfr-l858r-variant", "Observation/v"} <= made.keys()

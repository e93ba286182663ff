"""A narrative says in plain sentences what its resource says, and nothing in the words of the file."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fhir_case import build_bundle
from fhir_case.mapping import load_case, read_case, shipped_cases
from small_case import HEAD, built

if TYPE_CHECKING:
    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

CASES = [
    *(one.name for one in shipped_cases()),
    *map(str, sorted((Path(__file__).parent / "cases").glob("*/full.yaml"))),
]


def words(resource: Resource) -> str:
    """Return the text of a narrative, a line a paragraph."""
    div = resource["text"]["div"].replace("</p>", "\n")
    return unescape(re.sub(r"<[^>]*>", "", div)).strip()


def narratives(case: Case) -> dict[str, str]:
    resources = (one["resource"] for one in build_bundle(case)["entry"])
    return {f"{one['resourceType']}/{one['id']}": words(one) for one in resources if "text" in one}


@pytest.mark.parametrize("name", CASES)
def test_no_narrative_names_an_entry_by_its_key(name: str) -> None:
    case = load_case(name)
    keys = [entry.key for _, entry in case.entries() if "-" in entry.key]
    named = re.compile(rf"(?:before|after|at) (?:{'|'.join(map(re.escape, keys)) or 'no key'})\b")

    assert {} == {key: text for key, text in narratives(case).items() if named.search(text) or "\ue000" in text}


def test_no_two_narratives_of_the_shipped_case_are_the_same() -> None:
    seen: dict[str, str] = {}
    for name, text in narratives(load_case("hcc-tare-sorafenib")).items():
        kind = name.partition("/")[0]
        assert seen.setdefault(f"{kind}: {text}", name) == name


def test_the_event_that_a_time_counts_from_is_named_by_its_words() -> None:
    section = """
medications: [{key: drug-1, drug: {text: Cisplatin}, dose: 75 mg, at: 3-5 d after visit, status: completed, source: s}]
laboratory:
  - {key: hb-1, test: hemoglobin, value: 9.8 g/dL, at: 36 h after drug-1, source: s}
  - {key: hb-2, test: hemoglobin, value: 9.9 g/dL, at: within 2 wk after hb-1, source: s}
  - {key: hb-3, test: hemoglobin, value: 9.7 g/dL, at: before 2017-03, source: s}
  - {key: hb-4, test: hemoglobin, value: 9.6 g/dL, at: 2017-03-05, source: s}
"""
    texts = {key: words(resource) for key, resource in built(section).items()}

    assert "(36 hours after Cisplatin)" in texts["Observation/hb-1"]
    assert "(at most 2 weeks after Hemoglobin of 9.8 g/dL)" in texts["Observation/hb-2"]
    assert "(before March 2017)" in texts["Observation/hb-3"]
    assert "(on 5 March 2017)" in texts["Observation/hb-4"]


def test_a_narrative_says_the_site_the_interpretation_the_reasons_and_the_suspects() -> None:
    section = """
conditions:
  - {key: c, kind: comorbidity, diagnosis: {text: Pneumonia}, status: active, verification: confirmed, source: s}
medications: [{key: m, drug: {text: Amoxicillin}, at: +1 d, status: completed, reasons: [c], source: s}]
findings:
  - {key: f, finding: {text: Crackles}, value: present, category: exam, site: lung, of: c, at: anchor, source: s}
adverse_events: [{key: e, event: {text: Rash}, at: +2 d, suspects: [m], note: It itched., source: s}]
laboratory: [{key: l, test: hemoglobin, value: 9 g/dL, interpretation: low, at: +3 d, source: s}]
"""
    texts = {key: words(resource) for key, resource in built(section).items()}

    assert "The site is Lung." in texts["Observation/f"]
    assert "It is about Pneumonia." in texts["Observation/f"]
    assert "The reason was Pneumonia." in texts["MedicationStatement/m"]
    assert "The suspected cause was Amoxicillin." in texts["AdverseEvent/e"]
    assert "low" in texts["Observation/l"]
    assert "It itched." in texts["AdverseEvent/e"]


def test_what_a_report_consists_of_is_told_with_the_gene_and_with_what_it_says_of_a_drug() -> None:
    section = """
cultures:
  - {key: u, culture: blood-culture, result: growth, at: anchor, source: s,
     organisms: [{organism: escherichia-coli, susceptibilities: [{drug: ceftriaxone, result: R, mic: "> 32 mg/L"}]}]}
variants:
  - {key: v, genes: [KRAS], result: present, protein: p.Gly12Asp, at: anchor, source: s}
  - {key: v2, genes: [BRAF], result: absent, at: anchor, source: s}
genomic_reports: [{key: g, genes: [KRAS, BRAF], variants: [v, v2], at: anchor, source: s}]
"""
    texts = {key: words(resource) for key, resource in built(section).items()}

    assert "Susceptibility to ceftriaxone of >32 mg/L, resistant." in texts["Observation/u-organism-1"]
    assert (
        "The results are KRAS p.Gly12Asp: present; BRAF: absent; DNA regions studied: KRAS, BRAF."
        in texts["DiagnosticReport/g"]
    )


def test_what_a_line_says_is_not_said_again() -> None:
    section = """
encounters: [{key: e, kind: hospital-stay, complaints: [{text: "Crohn's  disease"}], at: anchor, source: s}]
"""
    head = HEAD.replace("procedure: {text: visit}", "procedure: {text: Biopsy}, sites: [{name: lung, side: left}]")
    texts = narratives(read_case(head + section, file="small.yaml"))

    assert (1, 0) == (
        texts["Procedure/small-visit"].count("Lung, left"),
        texts["Procedure/small-visit"].count("The site"),
    )
    assert (1, 0) == (texts["Encounter/small-e"].count("Crohn's"), texts["Encounter/small-e"].count("The reason"))


def test_a_note_is_on_the_resource_of_its_entry_alone() -> None:
    section = """
radiotherapies:
  - {key: rt, course: external-beam, at: +1 d, dose: 50.4 Gy, note: For local control., source: s,
     device: {name: A device, type: {text: a device}},
     volumes: [{key: v, site: lung, description: left lung, source: s}]}
"""
    resources = built(section)

    assert ["Procedure/rt"] == [
        key for key, one in resources.items() if "text" in one and "local control" in words(one)
    ]
    assert ["Procedure/rt"] == [key for key, one in resources.items() if one.get("note")]

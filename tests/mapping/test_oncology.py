"""What reports of cancers say of stages, responses, variants and doses, and what none of them can say."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_case import CaseError
from fhir_case_mappings.medication.frequency import schedule_of
from small_case import built

CANCER = "{key: cancer, kind: primary-cancer, diagnosis: AML, verification: confirmed, at: anchor, source: page 1}"
CAPECITABINE = """
medications:
  - key: a
    drug: capecitabine
    frequency: {name: twice-daily, text: twice daily on days 1-14 of 21}
    status: completed
    source: page 1
"""
CONDITIONS = f"conditions: [{CANCER}]\n"


@pytest.mark.parametrize(
    ("written", "words", "repeat"),
    [
        ("weekly x 4", "every week, 4 doses", {"frequency": 1, "period": 1, "periodUnit": "wk", "count": 4}),
        ("every 3 weeks for 4 cycles", "every 3 weeks, 4 times", {"count": 4, "period": 3, "frequency": 1}),
        ("3 weeks on, 1 week off", "days 1 to 21 of 28", {"frequency": 21, "period": 28, "periodUnit": "d"}),
        ("5 d/wk", "on 5 days in 7 days", {"frequency": 5, "period": 7, "periodUnit": "d"}),
        ("7 days every 28 days", "on 7 days in 28 days", {"frequency": 7, "period": 28, "periodUnit": "d"}),
        ("every morning", "every morning", {"frequency": 1, "period": 1, "periodUnit": "d", "when": ["MORN"]}),
        ("hs", "at bedtime", {"frequency": 1, "period": 1, "periodUnit": "d", "when": ["HS"]}),
        ("once every morning", "every morning", {"frequency": 1, "period": 1, "periodUnit": "d", "when": ["MORN"]}),
        ("6 hourly", "every 6 hours", {"frequency": 1, "period": 6, "periodUnit": "h"}),
        ("3-weekly", "every 3 weeks", {"frequency": 1, "period": 3, "periodUnit": "wk"}),
        ("3 times weekly", "3 times a week", {"frequency": 3, "period": 1, "periodUnit": "wk"}),
    ],
)
def test_frequencies_of_oncology_are_understood(written: str, words: str, repeat: dict[str, Any]) -> None:
    schedule = schedule_of(written)

    assert schedule is not None
    assert words == schedule.words
    assert repeat == {name: schedule.repeat[name] for name in repeat}


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (
            "medications: [{key: a, drug: busulfan, frequency: days -7 to -4, status: completed, source: page 1}]",
            "has days before a treatment; write 'at: 7 d before KEY'",
        ),
        (
            CAPECITABINE,
            "'twice daily on days 1-14 of 21' says something else than 'twice-daily'",
        ),
        (
            "medications: [{key: a, drug: heparin, dose: 500 U/h, rate: 20 mL/h, status: completed, source: page 1}]",
            "'500 U/h' is a rate too, and FHIR has one",
        ),
        (
            "medications: [{key: a, drug: prednisone, replaces: a, status: completed, source: page 1}]",
            "'replaces' leads in a circle: a -> a",
        ),
        (
            "variants: [{key: a, genes: [TP53], result: absent, allele_frequency: 12 %, at: anchor, source: page 1}]",
            "a variant that is absent is in no allele",
        ),
        (
            "laboratory: [{key: a, test: blast-percentage, value: 850 %, at: anchor, source: page 1}]",
            "a share is at most 100 %",
        ),
        (
            "stages: [{key: a, staging: pathologic-t, value: stage-iv, of: cancer, at: anchor, source: page 1}]",
            "stage-iv is a stage group, and no value of pT category",
        ),
        (
            "pathology: [{key: a, nodes: many, at: anchor, source: page 1}]",
            "'many' is not a count of lymph nodes such as 2/15, and not 'negative'",
        ),
    ],
)
def test_what_contradicts_itself_is_told(section: str, message: str) -> None:
    with pytest.raises(CaseError, match=message):
        built(CONDITIONS + section)


def test_complications_of_each_other_are_told() -> None:
    entries = "".join(
        f"  - {{key: {one}, kind: complication, diagnosis: {{text: bleeding}}, of: {other}, verification: confirmed, "
        "at: anchor, source: page 1}\n"
        for one, other in (("a", "b"), ("b", "a"))
    )
    with pytest.raises(CaseError, match="'of' leads in a circle: a -> b -> a"):
        built("conditions:\n" + entries)


def test_an_allelic_ratio_is_a_component_of_its_own() -> None:
    variant = built(
        "variants: [{key: a, genes: [FLT3], result: mutated, type: itd, allelic_ratio: 0.78, at: anchor, source: p}]"
    )["Observation/a"]
    (ratio,) = (one for one in variant["component"] if one["code"].get("text") == "Allelic ratio")

    assert "0.78" == str(ratio["valueQuantity"]["value"])
    assert "LA9633-4" == variant["valueCodeableConcept"]["coding"][0]["code"]


def test_a_change_of_a_protein_without_its_prefix_is_one_of_hgvs() -> None:
    variant = built("variants: [{key: a, genes: [EGFR], result: present, protein: T790M, at: anchor, source: page 1}]")[
        "Observation/a"
    ]

    assert "p.T790M" in [one["valueCodeableConcept"]["text"] for one in variant["component"]]


def test_nodes_that_are_negative_are_none_with_metastasis() -> None:
    made = built("pathology: [{key: a, nodes: negative, at: anchor, source: page 1}]")["Observation/a-nodes"]

    assert 0 == made["valueInteger"]
    assert "component" not in made


def test_a_share_of_stained_cells_may_be_a_range() -> None:
    section = "receptors: [{key: a, marker: ER, value: positive, share: 80-90 %, at: anchor, source: page 1}]"
    (share,) = built(section)["Observation/a"]["component"]

    assert [80, 90] == [share["valueRange"][end]["value"] for end in ("low", "high")]


@pytest.mark.parametrize(
    ("response", "criteria", "text", "code"),
    [("PR", "RECIST 1.1", "PR", "126081"), ("partial-response", "recist-1-1", "partial response", "126081")],
)
def test_a_response_has_the_code_of_its_criteria(response: str, criteria: str, text: str, code: str) -> None:
    entry = f"{{key: a, response: {response}, criteria: {criteria}, of: cancer, at: anchor, source: page 1}}"
    made = built(f"{CONDITIONS}responses: [{entry}]")["Observation/a-criteria"]

    assert [code] == [one["code"] for one in made["method"]["coding"]]
    assert "LA28369-9" == made["valueCodeableConcept"]["coding"][0]["code"]
    assert text == made["valueCodeableConcept"]["text"]


def test_nothing_found_by_immunohistochemistry_is_no_category_of_its_own() -> None:
    entry = "{key: a, staging: pathologic-n, value: {text: pN0(i-)}, method: ajcc-8, of: cancer, at: anchor, source: p}"
    value = built(f"{CONDITIONS}stages: [{entry}]")["Observation/a"]["valueCodeableConcept"]

    assert ["American Joint Committee on Cancer pN0 (qualifier value)"] == [one["display"] for one in value["coding"]]
    assert "pN0(i-)" == value["text"]


@pytest.mark.parametrize("field", ["for", "duration"])
def test_a_drug_that_was_taken_for_some_time_ends_after_it(field: str) -> None:
    entry = f"{{key: a, drug: tamoxifen, at: 2 mo after visit, {field}: 5 a, status: completed, source: page 1}}"
    when = built(f"medications: [{entry}]")["MedicationStatement/a"]["effectivePeriod"]

    assert ("2020-03-31", "2025-03-31") == (when["start"], when["end"])


def test_a_drug_of_a_regimen_ends_so_long_after_the_regimen_began() -> None:
    section = """
regimens: [{key: r, regimen: {text: words}, at: anchor, until: 4 mo after visit, status: completed, source: page 1}]
medications: [{key: a, drug: imatinib, regimen: r, duration: 5 d, status: completed, source: page 1}]
"""
    assert "2020-02-05" == built(section)["MedicationStatement/a"]["effectivePeriod"]["end"]


def test_how_long_a_drug_was_taken_is_kept_without_a_begin() -> None:
    entry = "{key: a, drug: imatinib, duration: 5 d, status: completed, source: page 1}"
    (dosage,) = built(f"medications: [{entry}]")["MedicationStatement/a"]["dosage"]

    assert ("d", "5") == (
        dosage["timing"]["repeat"]["boundsDuration"]["code"],
        str(dosage["timing"]["repeat"]["boundsDuration"]["value"]),
    )


def test_a_duration_beside_an_end_is_told() -> None:
    entry = "{key: a, drug: imatinib, at: anchor, for: 5 d, until: 1 mo after a, status: completed, source: page 1}"
    with pytest.raises(CaseError, match="the end is told by 'until' or by a 'duration' above 0"):
        built(f"medications: [{entry}]")


def test_a_time_that_counts_cycles_is_told_how_to_count() -> None:
    with pytest.raises(CaseError, match="'after cycle 2' counts cycles, and a time counts days"):
        built("medications: [{key: b, drug: imatinib, status: active, at: after cycle 2, source: page 1}]")


def test_no_request_says_that_a_drug_was_planned_where_the_report_tells_that_it_was_taken() -> None:
    entries = "".join(
        f"  - {{key: {status}, drug: imatinib, status: {status}, at: anchor, source: page 1}}\n"
        for status in ("completed", "intended")
    )
    made = built("medications:\n" + entries)

    assert (
        "A plan that the treatment implies; the report tells of no order"
        in made["MedicationRequest/completed"]["text"]["div"]
    )
    assert "<p>Planned: Imatinib; intended.</p>" in made["MedicationRequest/intended"]["text"]["div"]


def test_a_group_of_risk_is_a_class_of_a_score() -> None:
    made = built("scores: [{key: a, score: ELN risk, value: Adverse, at: anchor, source: page 1}]")["Observation/a"]

    assert ("ELN risk", "Adverse") == (made["code"]["text"], made["valueCodeableConcept"]["text"])


def test_a_sign_that_is_absent_is_excluded() -> None:
    entries = "phenotypes: [{{key: a, phenotype: splenomegaly, status: {}, at: anchor, source: page 1}}]"

    assert built(entries.format("excluded")) == built(entries.format("absent"))


def test_what_was_at_the_index_event_names_it() -> None:
    made = built("medications: [{key: a, drug: imatinib, at: anchor, status: completed, source: page 1}]")

    assert "Begin: at visit." in made["MedicationStatement/a"]["text"]["div"]
    assert "visit (the index event)" in made["Procedure/visit"]["text"]["div"]


def test_free_text_in_a_narrative_ends_with_a_full_stop() -> None:
    section = "pathology: [{key: a, conclusion: no residual tumour, note: seen twice, at: anchor, source: page 1}]"
    div = built(section)["DiagnosticReport/a"]["text"]["div"]

    assert "<p>no residual tumour.</p><p>seen twice.</p>" in div
    assert "<p>Source: report, page 1.</p>" in div


@pytest.mark.parametrize(("copies", "code"), [("6", "Copy number"), ("6.2", "Mean copy number")])
def test_a_mean_of_copies_is_no_count_of_them(copies: str, code: str) -> None:
    entry = f"{{key: a, genes: [ERBB2], result: present, copy_number: {copies}, at: anchor, source: page 1}}"
    component = built(f"variants: [{entry}]")["Observation/a"]["component"][-1]

    assert (code, copies) == (component["code"]["text"], str(component["valueQuantity"]["value"]))
    assert ("coding" in component["code"]) == (code == "Copy number")

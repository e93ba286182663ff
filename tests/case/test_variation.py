"""What a case declares to vary is checked with its place before a patient is made, and every patient stays a case."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from fhir_case.case.reading import varied_case_of
from fhir_case.case.shipped import shipped_case_text, shipped_variation
from fhir_case.case.text import decode
from fhir_case.case.tree import read_tree
from fhir_case.case.variation.distribution import PARAMETERS, Distribution
from fhir_case.case.variation.draws import uniform_numbers
from fhir_case.errors import CaseError
from fhir_case.mapping import model_of_cases, read_case
from small_case import HEAD

if TYPE_CHECKING:
    from fhir_case.case import Case
    from fhir_case.case.variation.varied import VariedCase

COURSE = """\
laboratory:
  - {key: albumin, test: albumin, value: 4.1 g/dL, at: baseline, source: page 1}
  - {key: inr, test: inr, value: 1.08, at: baseline, source: page 1}
conditions:
  - key: tumour
    kind: primary-cancer
    diagnosis: hepatocellular-carcinoma
    status: active
    verification: confirmed
    onset: {age: 56 a}
    at: visit
    source: page 1
  - key: relapse
    kind: recurrence
    diagnosis: {text: relapse}
    status: active
    verification: confirmed
    of: tumour
    at: +19 mo
    source: page 1
medications:
  - key: drug
    drug: sorafenib
    dose: 400 mg
    at: +1 mo
    until: after reaction
    status: stopped
    reasons: [tumour]
    source: page 1
adverse_events:
  - {key: reaction, event: hand-foot-skin-reaction, grade: 2, at: 2 wk after drug, suspects: [drug], source: page 1}
imaging:
  - {key: ct, study: liver-ct, modalities: [ct], at: +19 mo, conclusion: A mass of 6 cm., source: page 2}
scores:
  - {key: child-pugh, score: child-pugh, value: 5, at: baseline, source: page 1}
radiotherapies:
  - key: tare
    course: y90-radioembolisation
    at: visit
    volumes:
      - {key: left, site: liver, description: left, activity: 3 GBq, source: page 1}
      - {key: right, site: liver, description: right, activity: 8 GBq, source: page 1}
    total_activity: 11 GBq
    source: page 1
tumours:
  - key: mass
    of: tumour
    site: liver
    description: mass
    sizes: [{key: mass-size, value: 6 cm, at: +19 mo, source: page 2}]
    source: page 2
"""
TEXT = HEAD.replace("patient: {sex: female", "patient: {sex: female, age: 56 a") + COURSE


def _varied(beside: str, text: str = TEXT) -> VariedCase:
    tree = read_tree(text, "case.yaml")
    return varied_case_of(tree, model_of_cases(), read_tree(beside, "case.vary.yaml"))


def _patients(varied: VariedCase, count: int = 60, seed: int = 1) -> list[Case]:
    return [varied.patient(number, uniform_numbers(seed, number)) for number in range(1, count + 1)]


def _keys(case: Case) -> set[str]:
    return {entry.key for _, entry in case.entries()}


def _problems(beside: str, text: str = TEXT) -> list[str]:
    with pytest.raises(CaseError) as caught:
        _varied(beside, text)
    return [str(problem) for problem in caught.value.problems]


def test_without_a_declaration_nothing_varies() -> None:
    varied = varied_case_of(read_tree(TEXT, "case.yaml"), model_of_cases())
    first, second = (varied.patient(number, uniform_numbers(1, number)) for number in (1, 2))

    assert [entry for _, entry in varied.case.entries()] == [entry for _, entry in first.entries()]
    assert first.patient == second.patient


def test_a_declaration_in_the_case_file_and_one_beside_it_draw_the_same() -> None:
    inline = TEXT.replace("value: 4.1 g/dL,", "value: 4.1 g/dL, vary: {value: 2-5 g/dL},")
    in_file = varied_case_of(read_tree(inline, "case.yaml"), model_of_cases())
    beside = _varied("albumin: {value: 2-5 g/dL}")
    drawn = [[str(case.laboratory[0].value) for case in _patients(each, 5)] for each in (in_file, beside)]

    assert drawn[0] == drawn[1]
    assert len(set(drawn[0])) > 1


def test_a_declaration_stands_on_a_value_and_on_an_offset_too() -> None:
    text = TEXT.replace("value: 4.1 g/dL", "value: {value: 4.1, unit: g/dL, vary: 2-5 g/dL}").replace(
        "at: +1 mo", "at: {relation: after, count: 1, unit: mo, vary: 10-50 d}"
    )
    cases = _patients(varied_case_of(read_tree(text, "case.yaml"), model_of_cases()), 20)

    assert len({str(case.laboratory[0].value) for case in cases}) > 5
    assert {"d"} == {case.medications[0].at.unit for case in cases}
    assert all(10 <= case.medications[0].at.count <= 50 for case in cases)


def test_a_case_that_declares_something_is_read_as_the_same_case() -> None:
    inline = TEXT.replace("value: 4.1 g/dL,", "value: 4.1 g/dL, vary: {value: 2-5 g/dL, probability: 0.5},")

    assert [entry for _, entry in read_case(TEXT).entries()] == [entry for _, entry in read_case(inline).entries()]


def test_a_wrong_declaration_in_a_case_file_is_told_when_the_case_is_read() -> None:
    inline = TEXT.replace("value: 4.1 g/dL,", "value: 4.1 g/dL, vary: {value: 5-2 g/dL},")
    with pytest.raises(CaseError) as caught:
        read_case(inline)

    assert (
        "case.yaml:8:66: laboratory.albumin.vary.value: the range begins above its end: 5 to 2; correct the numbers"
        == str(caught.value.problems[0])
    )


def test_a_number_keeps_the_digits_and_the_unit_of_the_case() -> None:
    values = {str(case.laboratory[0].value) for case in _patients(_varied("albumin: {value: 2-5 g/dL}"))}

    assert all(text.endswith(" g/dL") and len(text.split()[0]) == 3 for text in values)


def test_the_same_seed_gives_the_same_patient_whatever_else_is_declared() -> None:
    alone = _varied("albumin: {value: 2-5 g/dL}").patient(7, uniform_numbers(3, 7))
    further = _varied("inr: {value: 0.9-1.3}\nalbumin: {value: 2-5 g/dL}").patient(7, uniform_numbers(3, 7))

    assert alone.laboratory[0].value == further.laboratory[0].value


def test_every_patient_says_that_it_is_synthetic_and_what_was_varied() -> None:
    case = _varied("albumin: {value: 2-5 g/dL}").patient(7, uniform_numbers(1, 7))

    assert "Synthetic patient 7, varied from: A small case" == case.title
    assert "Synthetic patient 7, varied from: made up" == case.report.citation
    assert "varied from page 1" == case.laboratory[0].source
    assert "page 1" == case.laboratory[1].source


def test_who_gets_no_drug_has_no_reaction_to_it() -> None:
    cases = _patients(_varied("drug: {probability: 0.5}"))
    with_drug = [case for case in cases if "drug" in _keys(case)]

    assert 15 < len(with_drug) < 45
    assert all(("drug" in _keys(case)) is ("reaction" in _keys(case)) for case in cases)


def test_a_list_of_what_is_partly_left_out_keeps_the_rest() -> None:
    text = TEXT.replace("suspects: [drug]", "suspects: [drug, tare]")
    cases = _patients(_varied("drug: {probability: 0.5}", text.replace("2 wk after drug", "2 wk after tare")), 20)

    assert {("drug", "tare"), ("tare",)} == {case.adverse_events[0].suspects for case in cases}


def test_the_end_of_a_treatment_that_counts_from_what_is_left_out_is_not_told() -> None:
    cases = _patients(_varied("reaction: {probability: 0.5}"), 20)

    assert {True, False} == {case.medications[0].until is None for case in cases}
    assert all((case.medications[0].until is None) is ("reaction" not in _keys(case)) for case in cases)


def test_a_field_says_something_else_without_an_entry() -> None:
    beside = "reaction: {probability: 0.5}\ndrug: {until: {without: reaction, choice: [+12 mo]}}"
    for case in _patients(_varied(beside), 20):
        until = case.medications[0].until
        assert (until.event == "reaction") is ("reaction" in _keys(case))
        assert (until.count == 12) is ("reaction" not in _keys(case))


def test_an_entry_is_there_only_with_another() -> None:
    cases = _patients(_varied("relapse: {probability: 0.5}\nct: {with: relapse}"), 20)

    assert {True, False} == {"ct" in _keys(case) for case in cases}
    assert all(("ct" in _keys(case)) is ("relapse" in _keys(case)) for case in cases)


def test_times_that_are_written_alike_are_one_visit() -> None:
    for case in _patients(_varied("relapse: {at: 13-36 mo}"), 20):
        assert case.conditions[1].at == case.imaging[0].at == case.tumours[0].sizes[0].at


def test_a_time_that_varies_apart_varies_alone() -> None:
    cases = _patients(_varied("relapse: {at: {range: 13-36 mo, apart: true}}"), 20)

    assert {19} == {int(case.imaging[0].at.count) for case in cases}
    assert len({case.conditions[1].at.count for case in cases}) > 5


def test_the_age_at_onset_follows_the_age_that_it_is_written_like() -> None:
    for case in _patients(_varied("patient: {age: 30-80 a}"), 20):
        assert case.patient.age == case.conditions[0].onset.age


def test_a_total_is_the_sum_of_its_parts_in_every_patient() -> None:
    beside = "left: {activity: {range: 2-4 GBq, digits: 1}}\nright: {activity: 5-11 GBq, probability: 0.7}"
    cases = _patients(_varied(beside), 30)
    for case in cases:
        parts = [volume.activity.value for volume in case.radiotherapies[0].volumes]
        assert sum(parts) == case.radiotherapies[0].total_activity.value

    assert {1, 2} == {len(case.radiotherapies[0].volumes) for case in cases}


def test_a_share_of_another_number_and_a_text_of_it() -> None:
    beside = (
        "mass-size: {value: {range: 2-15 cm, digits: 1}}\n"
        "ct: {conclusion: {text: 'A mass of {mass-size.value}.'}}\n"
        "inr: {value: {of: child-pugh.value, factor: 0.1-0.2, digits: 2}}"
    )
    for case in _patients(_varied(beside), 10):
        assert f"A mass of {case.tumours[0].sizes[0].value}." == case.imaging[0].conclusion
        assert Decimal("0.5") <= case.laboratory[1].value.quantity.value <= Decimal("1.0")


def test_a_choice_keeps_its_probabilities() -> None:
    beside = "patient: {sex: {choice: [{value: male, probability: 0.8}, female]}}"
    counts = Counter(case.patient.sex for case in _patients(_varied(beside), 300))

    assert 215 < counts["male"] < 265
    assert 300 == sum(counts.values())


def test_a_choice_of_nothing_leaves_a_field_out() -> None:
    cases = _patients(_varied("ct: {conclusion: {choice: [null, No mass.]}}"), 20)

    assert {None, "No mass."} == {case.imaging[0].conclusion for case in cases}


@pytest.mark.parametrize(
    ("name", "low", "high", "parameters"),
    [
        ("uniform", 2, 5, ()),
        ("log-uniform", 1, 100, ()),
        ("normal", 10, 90, (60, 12)),
        ("lognormal", 1, 400000, (37, 3)),
        ("triangular", 13, 36, (19,)),
        ("exponential", 0, 60, (20,)),
    ],
)
def test_a_distribution_stays_in_its_range_and_rises(
    name: str, low: int, high: int, parameters: tuple[int, ...]
) -> None:
    distribution = Distribution(name, Decimal(low), Decimal(high), tuple(map(Decimal, parameters)), 3)
    drawn = [distribution.quantile(step / 1000) for step in range(1000)]

    assert drawn == sorted(drawn)
    assert low == drawn[0]
    assert high * Decimal("0.5") < drawn[-1] <= high
    assert set(PARAMETERS) >= {name}


def test_quantiles_of_a_normal_distribution_are_those_of_the_tables() -> None:
    distribution = Distribution("normal", Decimal(-100), Decimal(100), (Decimal(0), Decimal(1)), 2)

    assert ["-1.96", "-0.67", "0.00", "0.67", "1.96"] == [
        str(distribution.quantile(part)) for part in (0.025, 0.25, 0.5, 0.75, 0.975)
    ]


@pytest.mark.parametrize(
    ("beside", "problem"),
    [
        (
            "albumin: {value: 5-2 g/dL}",
            "case.vary.yaml:1:18: albumin.vary.value: the range begins above its end: 5 to 2",
        ),
        ("albumin: {value: 2-5 mg/dL}", "the unit is mg/dL, and the value in the case is in g/dL"),
        ("albumin: {value: 2-5}", "the unit is missing, and the value in the case is in g/dL"),
        ("inr: {value: 1-2 mg}", "the unit is mg, and the value in the case is without a unit"),
        ("relapse: {at: 2-5 kg}", "the unit is kg, and the value in the case is in mo"),
        ("albumin: {value: {range: 2-5 g/dL, distribution: gauss}}", "'gauss' is not a distribution"),
        ("albumin: {value: {range: 2-5 g/dL, distribution: norml}}", "did you mean 'normal'?"),
        ("albumin: {value: {range: 2-5 g/dL, distribution: normal, mean: 3 g/dL}}", "needs 'sd'"),
        ("albumin: {value: {range: 2-5 g/dL, distribution: normal, mean: 3 mg, sd: 1 g/dL}}", "the unit is mg"),
        (
            "albumin: {value: {range: 2-5 g/dL, distribution: normal, mean: 3 g/dL, sd: 0 g/dL}}",
            "is more than 0, not 0",
        ),
        ("albumin: {value: {range: 2-5 g/dL, distribution: normal, mean: 900 g/dL, sd: 1 g/dL}}", "next to nothing"),
        ("albumin: {value: {range: 0-5 g/dL, distribution: log-uniform}}", "begins above 0, not at 0"),
        ("albumin: {value: {range: 2-5 g/dL, mode: 3 g/dL}}", "a uniform distribution has no mode"),
        ("albumin: {value: {rnge: 2-5 g/dL}}", "unknown key 'rnge'; did you mean 'range'?"),
        ("albumin: {value: {range: 2-5 g/dL, choice: [1]}}", "not range and choice"),
        ("albumin: {value: many}", "'many' is not a range"),
        ("albumin: {probability: 1.5}", "case.vary.yaml:1:24: albumin.vary: 1.5 is not a probability"),
        ("albumin: {probability: 60 %}", "'60 %' where a probability is expected"),
        (
            "albumin: {value: {choice: [{value: 3 g/dL, probability: 0.7}, {value: 4 g/dL, probability: 0.7}]}}",
            "add up to 1.4",
        ),
        (
            "albumin: {value: {choice: [{value: 3 g/dL, probability: 0.7}, {value: 4 g/dL, probability: 0.1}]}}",
            "not to 1",
        ),
        ("albumen: {value: 2-5 g/dL}", "no entry has the key 'albumen'; did you mean 'albumin'?"),
        ("albumin: {valeu: 2-5 g/dL}", "there is no field 'valeu'; did you mean 'value'?"),
        ("albumin: {key: {choice: [a]}}", "'key' does not vary"),
        ("tumour: {diagnosis: 2-5}", "'diagnosis' has no number in the case"),
        ("child-pugh: {value: 5-20}", "20 is not possible here: child-pugh: Child-Pugh score goes from 5 to 15"),
        ("patient: {age: 30-200 a}", "200 is not possible here"),
        ("patient: {sex: {choice: [male, mle]}}", "case.vary.yaml:1:32: patient.sex: this is not possible here"),
        ("patient: {probability: 0.5}", "'patient' is one mapping"),
        ("visit: {probability: 0.5}", "without 'visit' there is no 'visit', which all times count from"),
        ("ct: {with: nobody}", "no entry has the key 'nobody'"),
        ("drug: {dose: {of: inr.value}}", "the unit of 'inr.value' is None, and that of this is mg"),
        ("inr: {value: {of: child-pugh.value}}\nchild-pugh: {value: {of: inr.value}}", "is a share of itself"),
        ("drug: {status: {without: reaction, choice: [completed]}}", "every patient has 'reaction'"),
        ("tare: {total_activity: 10-12 GBq}\nleft: {activity: 2-4 GBq}", "this total is the sum of its parts"),
        ("mass-size: {value: 2-15 cm}", "ct.conclusion says '6 cm', which is not so in every patient any more"),
        ("drug: {at: 1-30 mo}", "this could turn round the order of two times that count from visit"),
        ("[albumin]", "a list where keys of entries"),
    ],
)
def test_a_wrong_declaration_is_told_with_its_place(beside: str, problem: str) -> None:
    problems = _problems(beside)

    assert any(problem in each for each in problems), problems
    assert all(each.startswith("case.vary.yaml:") for each in problems)


def test_all_mistakes_are_told_in_one_run() -> None:
    assert 2 == len(_problems("albumin: {value: 2-5 mg/dL}\ninr: {value: 1-2 mg}"))


def test_a_field_that_is_declared_twice_is_refused() -> None:
    inline = TEXT.replace("value: 4.1 g/dL,", "value: 4.1 g/dL, vary: {value: 2-5 g/dL},")

    assert "how 'albumin.value' varies is declared twice, first at case.yaml:8:66" in "".join(
        _problems("albumin: {value: 2-5 g/dL}", inline)
    )


def test_an_end_that_could_come_before_its_begin_is_refused() -> None:
    text = TEXT.replace("until: after reaction", "until: 3 mo after tumour").replace("2 wk after drug", "+2 mo")

    assert any("drug could end" in each for each in _problems("drug: {at: {range: 1-6 mo, apart: true}}", text))


def test_a_range_that_makes_a_patient_too_young_is_refused() -> None:
    hepatitis = (
        "  - {key: hbv, kind: comorbidity, diagnosis: {text: hepatitis}, status: active, verification: confirmed, "
        "at: 20 a before baseline, source: page 1}\n"
    )
    text = TEXT.replace("conditions:\n", f"conditions:\n{hepatitis}")

    assert any("would not be born" in each for each in _problems("patient: {age: 18-80 a}", text))


def test_a_section_of_every_patient_does_not_count_from_what_may_be_left_out() -> None:
    text = TEXT.replace("age: 56 a,", "age: 56 a, alive_at: 3 mo after relapse,")

    assert any("patient.alive_at names 'relapse'" in each for each in _problems("relapse: {probability: 0.5}", text))


def test_the_shipped_case_declares_what_varies_and_its_patients_differ() -> None:
    name = "hcc-tare-sorafenib"
    tree = read_tree(decode(shipped_case_text(name), name), name)
    varied = varied_case_of(tree, model_of_cases(), read_tree(decode(shipped_variation(name), name), name))
    cases = _patients(varied, 30)

    assert 20 < len({str(case.tumour_markers[0].value) for case in cases})
    assert {True, False} == {"sorafenib-twice-daily" in _keys(case) for case in cases}
    assert {True, False} == {"local-recurrence" in _keys(case) for case in cases}
    assert {5} == {int(score.value.quantity.value) for case in cases for score in case.scores}

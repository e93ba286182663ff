"""A good file keeps its digits and places; a bad one is told of whole, in the order of its lines."""

from __future__ import annotations

import json
import pickle
import sys
import warnings
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import fhir_case
from fhir_case import build_bundle
from fhir_case.case.node import Place
from fhir_case.errors import CaseError
from fhir_case.mapping import load_case, read_case

if TYPE_CHECKING:
    from collections.abc import Callable

BASE = (Path(__file__).parent / "broken" / "base.yaml").read_text(encoding="utf-8")


def _problems(text: str) -> list[str]:
    with pytest.raises(CaseError) as caught:
        read_case(text)
    return [str(problem) for problem in caught.value.problems]


def test_the_shipped_case_loads_by_its_name() -> None:
    case = load_case("hcc-tare-sorafenib")

    assert case.case == "hcc-tare-sorafenib"
    assert case.conditions[0].key == "hcc"


def test_reading_and_building_the_shipped_case_take_a_bounded_number_of_calls() -> None:
    case = load_case("hcc-tare-sorafenib")
    build_bundle(case)  # the imports are not counted

    # No clock, so that a busy machine changes nothing. When this was written: 24,000 and 52,000.
    assert _calls(lambda: load_case("hcc-tare-sorafenib")) < 60_000
    assert _calls(lambda: build_bundle(case)) < 120_000


def _calls(action: Callable[[], object]) -> int:
    """Return how many functions written in Python something calls."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        action()
    finally:
        sys.setprofile(before)
    return calls


def test_a_case_loads_by_its_path_whatever_its_suffix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("case.yaml", "case.YML", "case.txt", "case"):
        Path(name).write_text(BASE, encoding="utf-8")
        assert load_case(name).case == "base"
        assert load_case(Path(name)).case == "base"


def test_the_name_of_a_shipped_case_wins_over_a_file_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("hcc-tare-sorafenib").write_text(BASE, encoding="utf-8")

    assert load_case("hcc-tare-sorafenib").case == "hcc-tare-sorafenib"
    assert load_case("./hcc-tare-sorafenib").case == "base"


def test_a_misspelt_name_of_a_shipped_case_gives_the_nearest() -> None:
    with pytest.raises(CaseError) as caught:
        load_case("hcc-tare")

    expected = "no shipped case is called 'hcc-tare' and there is no such file; did you mean 'hcc-tare-sorafenib'?"
    assert expected == str(caught.value)


def test_an_unknown_name_lists_what_is_shipped() -> None:
    with pytest.raises(CaseError, match=r"shipped are: .*hcc-tare-sorafenib"):
        load_case("breast")


def test_json_is_read_as_well() -> None:
    text = """{"case": "j", "title": "t \\ud83d\\ude00", "report": {"citation": "c", "transcribed": "2026-01-15"},
    "timeline": {"anchor": "op", "index_date": "2024-03-01"}, "patient": {"sex": "male", "source": "s"},
    "procedures": [{"key": "op", "procedure": {"text": "p"}, "at": "anchor", "source": "s"}]}"""

    case = read_case(text)

    assert case.title == "t \U0001f600"
    assert case.procedures[0].place == Place("case.yaml", 3, 20)


def test_a_windows_file_with_a_byte_order_mark_reads_the_same() -> None:
    windows = ("\ufeff" + BASE.replace("\n", "\r\n")).encode("utf-8")

    case = read_case(windows, file="w.yaml")

    assert case == read_case(BASE, file="w.yaml")
    assert case.tumours[0].place == Place("w.yaml", 28, 5)


def test_line_separators_inside_a_text_do_not_shift_the_lines() -> None:
    text = BASE.replace("A case that", "A\u2028case\u0085that").replace("sex: male", "sex: mle")

    assert _problems(text)[0].startswith("case.yaml:10:8: patient.sex:")


def test_every_digit_of_a_number_is_kept() -> None:
    dose = read_case(BASE.replace("dose: 5 mg", "dose: {value: 5.00, unit: mg}")).medications[0].dose
    marker = read_case(BASE).tumour_markers[0].value.quantity

    assert dose is not None
    assert dose.quantity.value.as_tuple() == Decimal("5.00").as_tuple()
    assert marker is not None
    assert marker.value.as_tuple() == Decimal("12.40").as_tuple()


def test_dates_and_yes_are_texts_as_in_yaml_1_2() -> None:
    case = read_case(BASE.replace("citation: none", "citation: yes"))

    assert case.report.citation == "yes"
    assert case.timeline is not None
    assert case.timeline.index_date == date(2024, 3, 1)


def test_entries_and_their_parts_keep_their_lines() -> None:
    case = read_case(BASE, file="x.yaml")

    assert case.patient.place == Place("x.yaml", 10, 3)
    assert case.conditions[0].place == Place("x.yaml", 14, 5)
    assert case.tumours[0].sizes[0].place == Place("x.yaml", 33, 9)


def test_anchors_and_aliases_are_read() -> None:
    text = BASE.replace("diagnosis: {text: cancer}", "diagnosis: &d {text: cancer}").replace(
        "event: {text: rash}", "event: *d"
    )

    assert read_case(text).adverse_events[0].event.text == "cancer"


def test_all_problems_are_told_in_one_run_in_the_order_of_lines() -> None:
    text = (
        BASE.replace("sex: male", "sex: mle")
        .replace("dose: 5 mg", "dose: .nan")
        .replace("key: rash", "key: drug")
        .replace("of: cancer", "of: cancre")
        .replace("    status: completed", "    status: completed\n    status: stopped")
        .replace("title: A case that every mistake is made in\n", "")
    )

    assert [
        "case.yaml:1:1: 'title' is missing; add it",
        "case.yaml:9:8: patient.sex: 'mle' is not one of male, female, other, unknown; did you mean 'male'?",
        "case.yaml:28:9: tumours.mass.of: no entry of conditions has the key 'cancre'; did you mean 'cancer'?",
        "case.yaml:42:11: medications.drug.dose: '.nan' is not a number; write the number, or leave the entry out",
        "case.yaml:46:5: medications.drug: 'status' is written twice, first at case.yaml:45:5; keep one of them",
        (
            "case.yaml:49:10: adverse_events.drug.key: 'drug' already is the key of an entry of medications, "
            "at case.yaml:40:10; every entry has a key of its own"
        ),
    ] == _problems(text)


def test_the_error_of_many_problems_counts_them_and_shows_the_first() -> None:
    with pytest.raises(CaseError) as caught:
        read_case(BASE.replace("sex: male", "sex: mle").replace("grade: 2", "grade: 9"))

    assert str(caught.value).startswith("case.yaml:10:8: 2 problems; the first: patient.sex: 'mle' is not one of")
    assert [problem.where for problem in caught.value.problems] == ["case.yaml:10:8", "case.yaml:51:12"]


def test_a_problem_holds_place_sentence_and_advice_apart() -> None:
    with pytest.raises(CaseError) as caught:
        read_case(BASE.replace("sex: male", "sex: mle"))

    problem = caught.value.problems[0]
    assert problem.where == "case.yaml:10:8"
    assert problem.message == "patient.sex: 'mle' is not one of male, female, other, unknown"
    assert problem.hint == "did you mean 'male'?"


def test_every_time_that_cannot_be_computed_is_told_and_a_circle_once() -> None:
    text = (
        BASE.replace("at: 2 wk after operation", "at: 2 wk after rash")
        .replace("until: +3 mo", "until: 1 d after rash")
        .replace("value: 6 cm, at: baseline", "value: 6 cm, at: +99999 a")
    )

    assert [
        (
            "case.yaml:33:43: tumours.mass.sizes.mass-size.at: 99999 a from 2024-03-01 leaves the calendar; "
            "check the number and its unit"
        ),
        (
            "case.yaml:44:9: medications.drug.at: the times count in a cycle: drug -> rash -> drug; "
            "let one of them count from the anchor, or give it a date"
        ),
    ] == _problems(text)


def test_a_chain_of_times_that_is_no_report_is_told_once() -> None:
    links = "".join(
        f"  - {{key: e{n}, procedure: {{text: p}}, at: 1 d after e{n - 1}, source: s}}\n" for n in range(1, 1001)
    )
    text = BASE.replace(
        "medications:", "  - {key: e0, procedure: {text: p}, at: +1 d, source: s}\n" + links + "medications:"
    )

    problems = _problems(text)

    assert len(problems) == 1
    assert "procedures.e100.at: the time counts from an entry through 100 others" in problems[0]


def test_a_flood_of_problems_is_cut_and_counted() -> None:
    text = BASE + "".join(f"x{n}: 1\n" for n in range(1000))

    problems = _problems(text)

    assert len(problems) == 101
    assert problems[-1] == "case.yaml: 900 more problems; mend the first ones"


def test_the_first_problems_of_a_flood_are_those_of_the_first_lines() -> None:
    flood = "".join(f"  - {{key: late-{n}}}\n" for n in range(200))

    problems = _problems("xylophone: 42\n" + BASE + flood)

    assert problems[0].startswith("case.yaml:1:1: unknown key 'xylophone'; allowed here: case, title,")
    assert problems[1].startswith("case.yaml:56:5: adverse_events.late-0: '")


def test_nothing_is_warned_about() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read_case("%YAML 1.1\n---\n" + BASE.replace("dose: 5 mg", "dose: {value: 1e1, unit: mg}"))

    assert caught == []


def test_a_problem_in_a_key_that_cannot_be_printed_is_shown_on_one_line() -> None:
    problems = _problems(BASE.replace("patient:\n", 'patient:\n  "a\\nb": 1\n'))

    assert ["\n" in problem for problem in problems] == [False]
    assert json.dumps(problems)


def test_a_case_can_be_pickled_and_is_made_of_what_it_holds() -> None:
    case = load_case("hcc-tare-sorafenib")
    again = pickle.loads(pickle.dumps(case))  # noqa: S301 - our own

    assert case == again
    assert type(case) is type(again) is fhir_case.Case
    assert case.conditions[0].place == again.conditions[0].place
    assert case.model_dump() == fhir_case.Case.model_validate(case.model_dump()).model_dump()


def test_a_case_of_an_outside_mapping_is_a_case_too() -> None:
    outside = Path(__file__).parents[1] / "mapping" / "outside" / "death.py"
    case = read_case(BASE, mapping_files=[outside])

    assert isinstance(case, fhir_case.Case)
    assert case == pickle.loads(pickle.dumps(case))  # noqa: S301 - our own
    assert case.death is None

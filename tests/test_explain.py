"""Where each fact of a case arrives: by code, by value, in words only, or nowhere."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fhir_case import load_case
from fhir_case.case.shipped import shipped_case_names
from fhir_case.explain import explain
from support import SHIPPED, result_of, run_command
from test_pages_of_tables import write_tables

if TYPE_CHECKING:
    from fhir_case.explain import Explanation, Fact

ROOMS = Path(__file__).parent / "mapping" / "cases"
NOT_SAID = {("refuted", "kind"): "a disease is what is none of the other kinds, and one that is refuted is no problem"}

# What the mappings say of every entry alike, or of how resources hang together; the rest has to come from the case.
BOOKKEEPING = {
    "actuality", "basedOn", "category", "class", "code", "content", "description", "focus", "identifier",
    "imagingStudy", "intent", "issued", "name", "patient", "performedPeriod", "performer", "reportedBoolean",
    "result", "resultingCondition", "status", "subject", "type", "verificationStatus",
}  # fmt: skip

CASE = """
case: small
title: A small case
report: {citation: "Somebody. A report. 2020", transcribed: 2024-05-01}
timeline: {anchor: operation, index_date: 2020-01-15}
patient: {sex: female, age: 61 a, at: operation, source: page 1}
conditions:
  - key: hypertension
    kind: comorbidity
    diagnosis: hypertension
    status: active
    verification: confirmed
    note: Well treated.
    source: page 1
  - {key: rare, kind: disease, diagnosis: {text: a rare one}, status: active, verification: confirmed, source: page 2}
procedures:
  - {key: operation, procedure: {text: an operation of our own}, at: anchor, source: page 2}
"""


def facts(explanation: Explanation) -> dict[tuple[str, str], Fact]:
    return {(fact.entry, fact.field): fact for fact in explanation.facts}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    file = tmp_path / "small.yaml"
    file.write_text(CASE, encoding="utf-8")
    return file


@pytest.mark.parametrize("name", shipped_case_names())
def test_no_fact_of_a_shipped_case_is_nowhere_and_nothing_but_bookkeeping_is_without_evidence(name: str) -> None:
    explanation = explain(load_case(name))

    assert [] == [str(fact) for fact in explanation.facts if fact.state == "nowhere"]
    elements = {one.path.partition("[")[0].partition(".")[0] for one in explanation.without_evidence}
    assert set() == elements - BOOKKEEPING
    assert sum(explanation.entries.values()) > 40


@pytest.mark.parametrize("room", sorted(one.name for one in ROOMS.iterdir()))
def test_no_fact_of_a_concept_is_nowhere(room: str) -> None:
    explanation = explain(load_case(ROOMS / room / "full.yaml"))

    lost = [fact for fact in explanation.facts if fact.state == "nowhere" and (fact.entry, fact.field) not in NOT_SAID]
    assert [] == [str(fact) for fact in lost]


def test_a_fact_has_its_place_and_the_elements_that_express_it(small: Path) -> None:
    found = facts(explain(load_case(small)))

    diagnosis = found["hypertension", "diagnosis"]
    assert ("hypertension", "page 1", f"{small}:8:5") == (diagnosis.said, diagnosis.source, diagnosis.place)
    (element,) = diagnosis.elements
    assert ("Condition/hypertension", "code", "coded") == (element.resource, element.path, element.state)
    assert "http://snomed.info/sct 38341003" in element.shown
    assert ("words", "a rare one") == (
        found["rare", "diagnosis"].state,
        found["rare", "diagnosis"].elements[0].shown,
    )
    assert ("words", True) == (found["hypertension", "note"].state, found["hypertension", "note"].free)
    assert "coded" == found["", "sex"].state or "value" == found["", "sex"].state
    assert "61 a" in [one.shown for one in found["", "age"].elements]
    assert "value" == found["operation", "at"].state
    assert ("", "source") not in found


def test_totals_count_entries_by_their_worst_fact_and_notes_as_they_should_be(small: Path) -> None:
    explanation = explain(load_case(small))

    assert {"coded": 2, "value": 0, "words": 2, "nowhere": 0} == explanation.entries
    assert len(explanation.facts) == sum(explanation.counts.values())
    assert explanation.summary().startswith("4 entries: 2 coded, 2 with words only, 0 with what is nowhere. ")


LOSES = '''
from fhir_case.case import Event, Section
from fhir_case.case.forms import Text
from fhir_case.mapping import PATIENT, Mapping, resource

class Walk(Event):
    """
    A walk.

    Args:
        metres: How far it was.
        shoes: What was worn.
    """

    metres: int
    shoes: Text | None = None

def walks(case):
    for entry in case.entries_of(Walk):
        yield resource("Observation", entry.key, entry, "A walk.", status="final", code={"text": "walk"},
                       subject=PATIENT, valueInteger=entry.metres)

MAPPING = Mapping("walk", walks, "Walks", sections=(Section("walks", Walk, "Observation", time="effective"),))
'''


def test_what_a_mapping_from_outside_loses_is_told(small: Path, tmp_path: Path) -> None:
    mapping = tmp_path / "walk.py"
    mapping.write_text(LOSES, encoding="utf-8")
    small.write_text(CASE + "walks:\n  - {key: first, metres: 400, shoes: boots, at: operation, source: page 3}\n")

    done = run_command("explain", small, "--mapping", mapping, "--only", "nowhere")

    assert 5 == done.exit_code, done.stderr
    assert "walks first  (page 3; " in done.stdout
    assert "  shoes: boots\n    -> nowhere" in done.stdout
    assert "  at: at operation\n    -> nowhere" in done.stdout
    assert "metres" not in done.stdout
    assert "1 with what is nowhere" in done.stdout


def test_json_has_the_facts_and_the_totals(small: Path) -> None:
    done = run_command("explain", small, "--format", "json", "--only", "words")
    written = result_of(done.stdout)

    assert 0 == done.exit_code
    assert {"words": 2} == {state: number for state, number in written["entries"].items() if state == "words"}
    assert {"words"} == {one["state"] for one in written["found"]}
    assert "4 entries" in done.stderr
    assert {"Condition/rare", "Procedure/operation"} <= {one["resource"] for one in written["without_evidence"]}


def test_a_spreadsheet_takes_no_cell_for_a_formula(small: Path, tmp_path: Path) -> None:
    small.write_text(CASE.replace("Well treated.", "=HYPERLINK(1)"))
    output = tmp_path / "facts.csv"

    assert 0 == run_command("explain", small, "--format", "csv", "-o", output).exit_code
    rows = list(csv.DictReader(io.StringIO(output.read_text(encoding="utf-8"))))
    (note,) = [row for row in rows if row["field"] == "note"]
    assert ("'=HYPERLINK(1)", "'=HYPERLINK(1)", "words") == (note["said"], note["shown"], note["state"])


def test_what_two_fields_say_alike_is_not_nowhere() -> None:
    found = facts(explain(load_case(ROOMS / "family" / "full.yaml")))

    assert "nowhere" != found["mother", "deceased"].state


def test_a_patient_of_tables_is_explained_from_file_line_and_column_on(tmp_path: Path) -> None:
    recipe = write_tables(tmp_path)
    code, out, err = run_command("explain", recipe, "--patient", "P2")
    lost = out[out.index("Not carried over into the case:") :]

    assert 5 == code, err
    assert re.search(r"patient  \(patients\.csv, line 3: sex, birth; .*patients\.csv:3:1\)\n  sex: male\n    -> ", out)
    assert re.search(r"patients\.csv:3:5: patients, test: 'Ferritin': not a word of its map", lost)
    assert re.search(r"patients\.csv:3:7: patients, hospital: 'B': of ours", lost)
    assert "P2" not in lost
    assert " 4 of the file in no entry, 1 of them left out by the recipe." in lost
    first = run_command("explain", recipe, "--format", "csv")
    assert 0 == first.exit_code, "all that is in no entry has its reason in the recipe"
    assert {"of ours": "left out"} == {row["shown"]: row["state"] for row in _without_an_entry(first.stdout)}
    assert "first patient" in first.stderr
    assert "is P1; --patient ID explains another" in first.stderr
    assert "patients.csv:2:7" in first.stdout


def _without_an_entry(text: str) -> list[dict[str, str]]:
    return [row for row in csv.DictReader(io.StringIO(text)) if not row["section"]]


def test_a_patient_who_is_not_there_and_one_of_no_table_are_refused(tmp_path: Path) -> None:
    absent = run_command("explain", write_tables(tmp_path), "--patient", "P9")
    none = run_command("explain", SHIPPED, "--patient", "P9")

    assert (3, True) == (absent.exit_code, "there is no patient 'P9'" in absent.stderr)
    assert (2, True) == (none.exit_code, "--patient chooses one of a recipe for tables" in none.stderr)

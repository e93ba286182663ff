"""A case without some of the rows of its patient is made only where somebody asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support import run_command

if TYPE_CHECKING:
    from pathlib import Path

RECIPE = """\
recipe: small
title: Patient {id}
report: {citation: A made-up table, transcribed: 2026-11-29}
timeline: {anchor: diagnosis, index_date: 2020-01-01}
files:
  patients: {path: p.csv, patient: id, rows: patient}
  weights: {path: w.csv, patient: id}
entries:
  - {section: patient, file: patients, fields: {sex: {column: sex}}}
  - section: conditions
    file: patients
    key: diagnosis
    fields: {kind: disease, diagnosis: {text: gout}, verification: confirmed, status: active, at: anchor}
  - section: vital_signs
    file: weights
    key: weight
    fields: {sign: body-weight, value: {column: weight, unit: kg}, at: {column: day}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "p.csv").write_text("id,sex\nA,female\nB,male\n")
    (tmp_path / "w.csv").write_text("id,weight,day\nA,60,2021-05\nB,61,2021-06\n")
    return tmp_path


def _cases(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("out/*.yaml"))


@pytest.mark.parametrize(
    ("weights", "problem", "without", "with_keep_going"),
    [
        ("A,60,2021-05,A,61,2021-07\nB,61,2021-06\n", "w.csv:2:1: the row has 6 cells", ["b.yaml"], ", 1 row left out"),
        ("A,60\nB,61,2021-06\n", "w.csv:2:1: the row has 2 cells", ["b.yaml"], ", 1 row left out"),
        ("A,60,2021-05\rA,6\nB,61,2021-06\n", "w.csv:2:1: this is not CSV", [], ""),
        ('A,"60,2021-05\nB,61,2021-06\n', "w.csv:2:1: a quote is not closed", [], ""),
        (f"A,{'6' * 1_000_001},2021-05\nB,61,2021-06\n", "w.csv:2:1: a cell has more than", [], ""),
    ],
)
def test_a_patient_of_whom_a_row_is_broken_becomes_no_case(
    folder: Path, weights: str, problem: str, without: list[str], with_keep_going: str
) -> None:
    (folder / "w.csv").write_bytes(f"id,weight,day\n{weights}".encode())

    code, out, err = run_command("import", "recipe.yaml", "-o", "out", cwd=folder)
    assert 3 == code
    assert problem in err
    assert without == _cases(folder)
    assert f"{2 - len(without)} patient" in out
    assert without or "rows that are not read may be those of any patient: no patient becomes a case; mend them" in err

    code, out, err = run_command("import", "recipe.yaml", "-o", "out", "--keep-going", cwd=folder)
    assert 0 == code, err
    assert ["a.yaml", "b.yaml"] == _cases(folder)
    assert problem in err
    assert f"2 cases made{with_keep_going};" in out
    assert without or "any patient: each case may lack what they say" in err


@pytest.mark.parametrize(("weights", "count"), [("A,60,2021-05,A\nB,61,2021-06\n", 1), ('A,"60,2021-05\n', 0)])
def test_build_makes_no_bundle_of_a_patient_of_whom_a_row_is_broken(folder: Path, weights: str, count: int) -> None:
    (folder / "w.csv").write_text(f"id,weight,day\n{weights}")

    code, _, err = run_command("build", "recipe.yaml", "--out", "out", cwd=folder)

    assert 3 == code
    assert "w.csv:2:1: " in err
    assert count == len(list(folder.glob("out/*")))


def test_a_broken_row_of_the_table_of_patients_is_told_once(folder: Path) -> None:
    (folder / "p.csv").write_text("id,sex\nA,female,x\nB,male\n")

    code, _, err = run_command("import", "recipe.yaml", "-o", "out", "--keep-going", cwd=folder)

    assert 0 == code
    assert ["b.yaml"] == _cases(folder)
    assert "p.csv:2:1: the row has 3 cells" in err
    assert "is no patient" not in err

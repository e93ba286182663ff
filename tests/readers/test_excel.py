"""A sheet of Excel is a table: its days are days, its numbers as written, its formulas refused."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest

from fhir_case.mapping import load_case
from support import run_command

if TYPE_CHECKING:
    from pathlib import Path

RECIPE = """\
recipe: workbook
title: Patient {id}
report: {citation: A made-up workbook, transcribed: 2026-11-29}
timeline: {anchor: diagnosis, index_date: {column: diagnosed}}
files:
  patients: {path: book.xlsx, sheet: Patients, patient: id, rows: patient, header: 2}
  weights: {path: book.xlsx, sheet: Weights, patient: id}
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


def _book(path: Path, *weights: tuple[Any, ...]) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Patients"
    for row in (["our patients", None, None], ["id", "sex", "diagnosed"], [7, "female", date(2021, 5, 17)]):
        sheet.append(row)
    more = book.create_sheet("Weights")
    for each in (("id", "weight", "day"), *weights):
        more.append(each)
    book.save(path / "book.xlsx")
    (path / "recipe.yaml").write_text(RECIPE)


def test_days_numbers_and_two_sheets_become_a_case(tmp_path: Path) -> None:
    _book(tmp_path, (7, 62.5, datetime(2021, 6, 1)), (7, 60.0, "2021-07"), (None, None, None))  # noqa: DTZ001

    code, _, err = run_command("import", "recipe.yaml", "-o", "out", "--strict", cwd=tmp_path)

    assert 0 == code, err
    case = load_case(tmp_path / "out" / "p-7.yaml")
    assert "2021-05-17" == str(case.timeline and case.timeline.index_date)
    assert [("62.5 kg", "2021-06-01"), ("60 kg", "2021-07")] == [
        (str(one.value), one.at.day) for one in case.vital_signs
    ]
    assert "book.xlsx[Weights], line 2: weight, day" == case.vital_signs[0].source


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ((7, "=60+2", "2021-07"), "B2 holds the formula =60+2, whose result is not known here; copy the column"),
        ((7, 60, "2021-07", "x"), "'x' stands beyond the last column of the header; give the column a name"),
        ((7, "#N/A", "2021-07"), "B2 holds the error #N/A of Excel; mend the cell, or empty it"),
    ],
)
def test_what_is_no_value_is_told_with_its_cell(tmp_path: Path, row: tuple[Any, ...], problem: str) -> None:
    _book(tmp_path, row)

    code, _, err = run_command("import", "recipe.yaml", "-o", "out", cwd=tmp_path)

    assert 3 == code
    assert "book.xlsx[Weights]:2:" in err
    assert problem in err


def test_a_missing_sheet_and_what_is_no_workbook_are_told(tmp_path: Path) -> None:
    _book(tmp_path)
    (tmp_path / "recipe.yaml").write_text(RECIPE.replace("sheet: Weights", "sheet: Weihgts"))
    assert (
        "has no sheet 'Weihgts'; did you mean 'Weights'?" in run_command("import", "recipe.yaml", cwd=tmp_path).stderr
    )

    (tmp_path / "book.xlsx").write_text("id,sex\n")
    code, _, err = run_command("import", "recipe.yaml", cwd=tmp_path)
    assert 3 == code
    assert "this is not a workbook of Excel: " in err


def test_a_day_as_excel_stores_it_is_told_in_a_table_in_text(tmp_path: Path) -> None:
    _book(tmp_path, (7, 60, "44197"))
    (tmp_path / "recipe.yaml").write_text(RECIPE.replace("at: {column: day}", 'at: {column: day, date: "%Y-%m-%d"}'))

    err = run_command("import", "recipe.yaml", "-o", "out", cwd=tmp_path).stderr

    assert "as Excel stores days it is 2021-01-01: format the column as a date" in err

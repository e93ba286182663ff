"""A sheet of Excel is a table: its days are days, its numbers as written, its formulas refused."""

from __future__ import annotations

import zipfile
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest

from fhir_case.mapping import load_case
from fhir_case.readers.table import workbook
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


BEGIN_OF_SHEET = b"""<worksheet xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main'>
<dimension ref='A1:C3'/><sheetData><row r='1'><c r='A1' t='inlineStr'><is><t>"""


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


def test_merged_cells_are_told_and_a_row_of_them_is_left_out_whole(tmp_path: Path) -> None:
    _book(tmp_path, (7, 62.5, "2021-06"), (7, None, "2021-07"), (7, 60, "2021-08"))
    book = openpyxl.load_workbook(tmp_path / "book.xlsx")
    book["Weights"].merge_cells("B2:B3")
    book["Patients"].merge_cells("A1:C1")  # a title above the header
    book.save(tmp_path / "book.xlsx")

    code, _, err = run_command("import", "recipe.yaml", "-o", "out", cwd=tmp_path)
    assert 3 == code
    for line in (2, 3):
        assert f"book.xlsx[Weights]:{line}:2: the cells B2:B3 are merged, so that only the first has a value" in err

    assert 0 == run_command("import", "recipe.yaml", "-o", "out", "--keep-going", cwd=tmp_path).exit_code
    assert ["60 kg"] == [str(one.value) for one in load_case(tmp_path / "out" / "p-7.yaml").vital_signs]


def test_a_sheet_that_no_table_is_is_told_unless_the_recipe_says_why(tmp_path: Path) -> None:
    _book(tmp_path, (7, 60, "2021-07"))
    book = openpyxl.load_workbook(tmp_path / "book.xlsx")
    book.create_sheet("Empty")
    hidden = book.create_sheet("Codes")
    hidden.append(["w", "weight"])
    hidden.sheet_state = "hidden"
    book.save(tmp_path / "book.xlsx")

    code, _, err = run_command("import", "recipe.yaml", "--strict", "--report", "loss.txt", cwd=tmp_path)
    assert 3 == code
    assert "book.xlsx[Codes]: the sheet is not read; use it, or give the reason under 'unused_sheets'" in err
    assert "Empty" not in err
    assert "book.xlsx[Codes]" in (tmp_path / "loss.txt").read_text()

    reason = "patient: id, unused_sheets: {Codes: words for people}}"
    (tmp_path / "recipe.yaml").write_text(RECIPE.replace("patient: id}", reason))
    assert 0 == run_command("import", "recipe.yaml", "--strict", cwd=tmp_path).exit_code


def test_rows_beyond_what_a_file_says_of_its_size_are_read(tmp_path: Path) -> None:
    _book(tmp_path, (7, 60, "2021-07"), (7, 61, "2021-08"))
    _changed(tmp_path / "book.xlsx", "xl/worksheets/sheet2.xml", b'ref="A1:C3"', b'ref="A1:C2"')

    assert 0 == run_command("import", "recipe.yaml", "-o", "out", cwd=tmp_path).exit_code
    assert ["60 kg", "61 kg"] == [str(one.value) for one in load_case(tmp_path / "out" / "p-7.yaml").vital_signs]


@pytest.mark.parametrize(
    ("member", "size", "problem"),
    [
        ("xl/sharedStrings.xml", 120, "has 0.1 GB of texts and styles, all of which are kept in memory"),
        ("xl/worksheets/sheet9.xml", 70, "the workbook has 0.1 GB unpacked; at most 0.05 GB are read; save the sheet"),
        ("xl/worksheets/sheet2.xml", 25, "a row of the sheet 'Weights' has more than 20,000,000 bytes; save the sheet"),
    ],
)
def test_a_workbook_that_unpacks_to_more_than_memory_holds_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, member: str, size: int, problem: str
) -> None:
    if "sheet9" in member:
        monkeypatch.setattr(workbook, "_MOST_BYTES", 50_000_000)
    _book(tmp_path, (7, 60, "2021-07"))
    with zipfile.ZipFile(tmp_path / "book.xlsx") as archive:
        others = {name: archive.read(name) for name in archive.namelist() if name != member}
    with zipfile.ZipFile(tmp_path / "book.xlsx", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in others.items():
            archive.writestr(name, content)
        with archive.open(member, "w", force_zip64=True) as file:
            file.write(BEGIN_OF_SHEET)
            for _ in range(size):
                file.write(b" " * 1_000_000)

    code, _, err = run_command("import", "recipe.yaml", cwd=tmp_path)

    assert 3 == code
    assert problem in err


def _changed(path: Path, member: str, old: bytes, new: bytes) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    assert old in members[member]
    members[member] = members[member].replace(old, new)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)

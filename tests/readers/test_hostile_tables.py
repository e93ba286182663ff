"""What strangers put where a table should be: a place, what, what to do, and no memory for it."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fhir_case.mapping import load_case
from fhir_case.readers.table import spool
from support import run_command

if TYPE_CHECKING:
    from support import Result

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
WEIGHTS = "id,weight,day\nA,60,2021-05\nA,61,2021-06\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "data"
    inside.mkdir()
    (inside / "recipe.yaml").write_text(RECIPE)
    (inside / "p.csv").write_text("id,sex\nA,female\n")
    (inside / "w.csv").write_text(WEIGHTS)
    return inside


def _import(folder: Path, *options: object) -> Result:
    return run_command("import", "recipe.yaml", "-o", "out", *options, cwd=folder)


def _replace(folder: Path, old: str, new: str) -> None:
    assert old in RECIPE
    (folder / "recipe.yaml").write_text(RECIPE.replace(old, new))


@pytest.mark.parametrize("encoding", ["utf-99", "rot13", "base64", "undefined"])
def test_what_is_no_encoding_of_text_is_told_in_the_recipe(folder: Path, encoding: str) -> None:
    _replace(folder, "patient: id}", f"patient: id, encoding: {encoding}}}")

    code, _, err = _import(folder)

    assert 3 == code
    assert f"recipe.yaml:7:49: files.weights.encoding: '{encoding}' is no encoding, such as utf-8 or cp1252" in err


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (WEIGHTS.replace("\n", "\r").encode(), "utf-8"),
        (WEIGHTS.replace("\n", "\r\n").encode("utf-8-sig"), "utf-8"),
        (WEIGHTS.replace("\n", "\r").encode("utf-16"), "utf-16"),
    ],
)
def test_lines_end_with_lf_crlf_or_cr(folder: Path, content: bytes, encoding: str) -> None:
    (folder / "w.csv").write_bytes(content)
    _replace(folder, "patient: id}", f"patient: id, encoding: {encoding}}}")

    code, _, err = _import(folder, "--strict")

    assert 0 == code, err
    assert ["w.csv, line 2: weight, day", "w.csv, line 3: weight, day"] == [
        one.source for one in load_case(folder / "out" / "a.yaml").vital_signs
    ]


def test_a_character_that_only_some_take_for_the_end_of_a_line_is_part_of_its_cell(folder: Path) -> None:
    (folder / "w.csv").write_bytes(b"id,weight,day,remark\nA,60,2021-05,well\x85 and\x0c up\nA,61,2021-06,\n")
    _replace(folder, "patient: id}", "patient: id, encoding: latin-1, unused: {remark: words}}")

    code, out, err = _import(folder, "--strict")

    assert 0 == code, err
    assert "3 rows read" in out


def test_a_byte_that_is_no_text_has_its_line_in_any_encoding(folder: Path) -> None:
    (folder / "w.csv").write_bytes(WEIGHTS.encode() + b"A,60,2021-07\n" * 5_000 + b"A,6\x81,2021-07\n")
    _replace(folder, "patient: id}", "patient: id, encoding: cp1252}")

    code, _, err = _import(folder)

    assert 3 == code
    assert "w.csv:5004: not CP1252: the byte 0x81; write its encoding in the recipe" in err


@pytest.mark.parametrize("pattern", ["../w.csv", "../*.csv", "/etc/passwd", "sub/../../w.csv"])
def test_a_recipe_reads_nothing_outside_of_its_folder(folder: Path, pattern: str) -> None:
    (folder.parent / "w.csv").write_text(WEIGHTS)
    _replace(folder, "path: w.csv", f'path: "{pattern}"')

    code, _, err = _import(folder)

    assert 3 == code
    assert f"recipe.yaml:7:19: '{pattern}' leads out of the folder" in err
    assert "let --data name the folder" in err


def test_a_link_out_of_the_folder_is_not_followed(folder: Path) -> None:
    (folder.parent / "secret.csv").write_text("a secret\n")
    (folder / "w.csv").unlink()
    (folder / "w.csv").symlink_to("../secret.csv")

    code, _, err = _import(folder)

    assert 3 == code
    assert "recipe.yaml:7:19: 'w.csv' is a link out of the folder, to " in err
    assert "a secret" not in err


@pytest.mark.parametrize("kind", ["a folder", "a link that leads nowhere", "a pipe or a device"])
def test_what_is_no_file_is_told_as_what_it_is(folder: Path, kind: str) -> None:
    (folder / "w.csv").unlink()
    if kind == "a folder":
        (folder / "w.csv").mkdir()
    elif kind.startswith("a link"):
        (folder / "w.csv").symlink_to("w.csv")
    else:
        os.mkfifo(folder / "w.csv")

    code, _, err = _import(folder)

    assert 3 == code
    assert f"recipe.yaml:7:19: 'w.csv' is {kind}, not a file; name a file, or a pattern" in err


@pytest.mark.parametrize("pattern", ["none*.csv", "**", "[", "a**"])
def test_a_pattern_that_matches_no_file_is_told(folder: Path, pattern: str) -> None:
    _replace(folder, "path: w.csv", f'path: "{pattern}"')

    code, _, err = _import(folder)

    assert 3 == code
    assert "recipe.yaml:7:19: " in err
    assert f"'{pattern}'" in err


def test_a_pattern_may_stand_for_more_files_than_can_be_open_at_once(folder: Path) -> None:
    resource = pytest.importorskip("resource")
    for number in range(200):
        (folder / f"w{number}.csv").write_text(WEIGHTS)
    _replace(folder, "path: w.csv", 'path: "w*.csv"')
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/dev/fd").iterdir())) + 60, before[1]))
    try:
        code, out, err = _import(folder)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

    assert 0 == code, err
    assert "403 rows read, 1 case made" in out


def test_a_header_that_is_empty_is_told(folder: Path) -> None:
    (folder / "w.csv").write_text("\n\n" + WEIGHTS)

    assert "w.csv:1: line 1, which should have the names of the columns, is empty" in _import(folder).stderr

    _replace(folder, "patient: id}", "patient: id, header: 3}")
    assert 0 == _import(folder).exit_code


def test_a_column_without_a_name_has_its_number_and_a_second_of_one_name_too(folder: Path) -> None:
    (folder / "w.csv").write_text(
        WEIGHTS.replace("day\n", "day,,day\n").replace("05\n", "05,x,y\n").replace("06\n", "06,,\n")
    )

    err = _import(folder).stderr

    assert "w.csv:2:4: weights: the column '(column 4)' is never used, for example 'x'" in err
    assert "w.csv:2:5: weights: the column 'day#2' is never used, for example 'y'" in err


def test_of_thousands_of_columns_that_are_not_used_the_first_are_told(folder: Path) -> None:
    more = ",".join(f"c{number}" for number in range(10_000))
    (folder / "w.csv").write_text(f"id,weight,day,{more}\nA,60,2021-05{',1' * 10_000}\n")

    code, _, err = _import(folder)

    assert 0 == code
    assert "and 9,950 more; --report FILE has all" in err
    assert 60 > len(err.splitlines())


def test_a_patient_with_more_rows_than_a_case_can_hold_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "MOST_ROWS", 2)
    monkeypatch.setattr("fhir_case.readers.table.tables.MOST_ROWS", 2)

    code, out, err = _import(folder)

    assert 3 == code
    assert "the patient 'A' has more than 2 rows, more than a case can hold; check the column of the patient" in err
    assert "0 cases made, 1 patient left out" in out


def test_a_case_that_no_file_can_hold_is_not_written(folder: Path) -> None:
    (folder / "w.csv").write_text(WEIGHTS + "A,60,2021-07\n" * 2_500)

    code, out, err = _import(folder)

    assert 3 == code
    assert "a.yaml: the case would have 0.3 MB and " in err
    assert "a case file has at most 1 MB and 20,000 values: 'build', 'run' and 'upload' take the recipe itself" in err
    assert "0 cases made, 1 patient left out" in out
    assert not (folder / "out" / "a.yaml").exists()


def test_a_name_of_a_patient_of_any_length_is_clipped_in_messages(folder: Path) -> None:
    (folder / "w.csv").write_text(WEIGHTS + "B" * 900_000 + ",60,2021-07\n")

    code, _, err = _import(folder)

    assert 3 == code
    assert f"'{'B' * 60}…' is no patient of the table 'patients'" in err
    assert 1_000 > len(err)


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ("%d%d%Y", "'%d' stands there twice"),
        ("%Q", "'%Q' is no part of a day"),
        ("%d.%m.%y", "'%y' does not say the century"),
        ("%-d.%m.%Y", "'%-' is no part of a day"),
        ("%d.%m.%Y%", "'%' is no part of a day"),
        ("%d.%m", "it has no year, '%Y'"),
        ("%d %Y", "it has a day without a month"),
        ("day", "it has no year, '%Y'"),
    ],
)
def test_a_form_by_which_no_day_can_be_read_is_told_in_the_recipe(folder: Path, form: str, why: str) -> None:
    _replace(folder, "{column: day}", f'{{column: day, date: "{form}"}}')

    code, _, err = _import(folder)

    assert 3 == code
    assert f"'{form}' is no form of a day: {why}" in err
    assert "recipe.yaml:17:92: date: " in err


@pytest.mark.parametrize("form", ["%Y", "%Y-%m", "%d.%m.%Y", "%B %d, %Y", "%Y-%m-%d %H:%M", "%Y-%j"])
def test_a_form_of_a_day_as_precise_as_it_says_is_taken(folder: Path, form: str) -> None:
    _replace(folder, "{column: day}", f'{{column: day, date: "{form}"}}')

    assert "is no form of a day" not in _import(folder).stderr


def test_an_address_with_a_password_for_a_table_is_not_repeated(folder: Path) -> None:
    _replace(folder, "path: w.csv", 'path: "https://someone:hunter2@example.org/w.csv"')

    code, out, err = _import(folder)

    assert 3 == code
    assert "recipe.yaml:7:" in err
    assert "'path' is an address, and a recipe reads files" in err
    assert "hunter2" not in out + err


def test_no_cell_of_a_report_is_a_formula_for_a_spreadsheet(folder: Path) -> None:
    (folder / "p.csv").write_text("id,sex,=1+1\nA,female,=cmd|' /C calc'!A0\nB,male,@SUM(1)\nC,male,+1+1\n")

    assert 0 == _import(folder, "--report", "report.csv").exit_code

    with (folder / "report.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {"'=cmd|' /C calc'!A0", "'@SUM(1)", "'+1+1"} <= {row["value"] for row in rows}
    assert "'=1+1" in {row["column"] for row in rows}


@pytest.mark.parametrize(
    ("options", "file"),
    [
        (("--html", "p.csv"), "p.csv"),
        (("--report", "w.csv"), "w.csv"),
        (("-o", "."), "a.yaml"),
        (("--html", "x"), "a.yaml"),
    ],
)
def test_what_is_read_is_not_written_over(folder: Path, options: tuple[str, str], file: str) -> None:
    (folder / "recipe.yaml").rename(folder / "a.yaml")
    (folder / "x").symlink_to("a.yaml")
    before = (folder / file).read_bytes()

    code, _, err = run_command("import", "a.yaml", *options, cwd=folder)

    assert 2 == code
    assert f"{file if options[1] != 'x' else 'x'} is the recipe or one of its tables; name another file" in err
    assert before == (folder / file).read_bytes()

"""Whatever a function of the user's does or returns, the import says so with row and function."""

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
files: {patients: {path: p.csv, patient: id, rows: patient}}
entries:
  - {section: patient, file: patients, fields: {sex: {function: sex, columns: [sex]}}}
  - section: conditions
    file: patients
    key: diagnosis
    fields: {kind: disease, diagnosis: {text: gout}, verification: confirmed, status: active, at: anchor}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "p.csv").write_text("id,sex\nA,female\n")
    return tmp_path


@pytest.mark.parametrize("command", ["import", "build"])
@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("import sys; sys.exit(0)", "SystemExit: 0"),
        ("raise GeneratorExit", "GeneratorExit: "),
        ("return sex(row)", "RecursionError: "),
        ("held = []; held.append(held); return held", "ValueError: it returned values nested more than 50 levels deep"),
        (
            "held = 'female'\n    for _ in range(5000): held = [held]\n    return held",
            "ValueError: it returned values nested more than 50 levels deep",
        ),
        ("return 10**5000", "ValueError: it returned a number of more than 40 digits"),
        (
            "held = ['x'] * 10\n    for _ in range(20): held = [held] * 10\n    return held",
            "ValueError: it returned more than 20,000 values",
        ),
    ],
)
def test_a_function_that_fails_in_any_way_is_told_with_its_row(folder: Path, command: str, body: str, why: str) -> None:
    (folder / "own.py").write_text(f"def sex(row):\n    {body}\n")

    code, _, err = run_command(command, "recipe.yaml", "--functions", "own.py", cwd=folder)

    assert 3 == code
    assert f"p.csv:2:2: the function 'sex' failed for {{'sex': 'female'}}: {why}" in err
    assert "Traceback" not in err


def test_a_function_for_the_day_of_the_anchor_that_fails_is_told_too(folder: Path) -> None:
    recipe = RECIPE.replace("index_date: 2020-01-01", "index_date: {function: sex, columns: [sex]}")
    (folder / "recipe.yaml").write_text(
        recipe.replace("fields: {sex: {function: sex, columns: [sex]}}", "fields: {sex: {column: sex}}")
    )
    (folder / "own.py").write_text("def sex(row):\n    1 / 0\n")

    code, _, err = run_command("import", "recipe.yaml", "--functions", "own.py", cwd=folder)

    assert 3 == code
    assert "p.csv:2:2: the function 'sex' failed for {'sex': 'female'}: ZeroDivisionError: division by zero" in err


def test_what_a_function_prints_is_no_part_of_the_answer(folder: Path) -> None:
    (folder / "own.py").write_text("print('begin')\ndef sex(row):\n    print('noise')\n    return row['sex']\n")

    code, out, err = run_command("build", "recipe.yaml", "--functions", "own.py", cwd=folder)

    assert 0 == code
    assert "{" == out[:1]
    assert "begin" in err
    assert "noise" in err

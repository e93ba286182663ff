"""A case file as input of validate: checked as its Bundle, findings with the line of the case."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support import CASES, run_command

if TYPE_CHECKING:
    from pathlib import Path

CASE = (CASES / "colon-cancer-open-codes" / "case.yaml").read_text(encoding="utf-8")


def line_of(words: str, file: Path) -> int:
    lines = file.read_text(encoding="utf-8").splitlines()
    return next(number for number, text in enumerate(lines, 1) if words in text)


def test_a_good_case_has_no_finding() -> None:
    done = run_command("validate", str(CASES / "colon-cancer-open-codes" / "case.yaml"))

    assert (0, "") == (done.exit_code, done.stderr)
    assert "29 resources checked: no errors, no warnings" in done.stdout


def test_a_finding_names_the_line_of_the_case_that_caused_it(tmp_path: Path) -> None:
    file = tmp_path / "case.yaml"
    text = CASE.replace("at: 10 d after capecitabine", "at: 3 wk before resection")
    file.write_text(text.replace("until: nausea", "until: 6 wk after resection"), encoding="utf-8")
    line = line_of("key: nausea", file)
    done = run_command("validate", str(file))

    assert 5 == done.exit_code
    assert f"(from {file}:{line}:5)" in done.stdout
    assert "event-before-cause" in done.stdout


def test_a_part_of_an_entry_is_traced_to_the_entry(tmp_path: Path) -> None:
    file = tmp_path / "case.yaml"
    file.write_text(CASE.replace("45 Gy", "{value: 45, unit: Gray, ucum: Gray}"), encoding="utf-8")
    line = next(
        n for n, text in enumerate(file.read_text(encoding="utf-8").splitlines(), 1) if "radiotherapies:" in text
    )
    done = run_command("validate", str(file))

    assert 5 == done.exit_code
    assert f"(from {file}:{line + 1}:5)" in done.stdout


def test_every_mistake_of_a_case_file_is_a_finding(tmp_path: Path) -> None:
    file = tmp_path / "case.yml"
    file.write_text(CASE.replace("sex: female", "sex: femal").replace("9.80 g/dL", "{text: }"), encoding="utf-8")
    done = run_command("validate", str(file))

    assert (5, "") == (done.exit_code, done.stderr)
    assert f"{file}:" in done.stdout
    assert "did you mean 'female'" in done.stdout


def test_an_unknown_short_name_is_a_finding_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "case.yaml"
    file.write_text(CASE.replace("test: hemoglobin", "test: hemoglobim"), encoding="utf-8")
    done = run_command("validate", str(file))

    assert (5, "") == (done.exit_code, done.stderr)
    assert "did you mean 'hemoglobin'" in done.stdout


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_mistake_of_one_of_several_files_names_its_file_once(tmp_path: Path, form: str) -> None:
    for name in ("one.yaml", "two.yaml"):
        (tmp_path / name).write_text("case: {", encoding="utf-8")
    (tmp_path / "patient.json").write_text('{"resourceType": "Patient", "gender": "m"}', encoding="utf-8")
    files = [str(tmp_path / name) for name in ("one.yaml", "two.yaml", "patient.json")]
    lines = run_command("validate", *files, "--format", form, "--engine", "none").stdout.splitlines()

    assert [1, 1, 1] == [next(line for line in lines if file in line).count(file) for file in files]

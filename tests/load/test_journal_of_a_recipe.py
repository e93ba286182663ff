"""The journal of a recipe names the recipe, and its tables as what the recipe leads to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import openpyxl
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smallserver import SmallServer

    Run = Callable[..., tuple[int, str, str]]

RECIPE = """\
recipe: register
title: Patient {{id}} of a register
report: {{citation: A made-up register, transcribed: 2026-11-29}}
timeline: {{anchor: diagnosis, index_date: {{column: diagnosed}}}}
files:
  patients: {{path: {patients}, patient: id, rows: patient}}
  weights: {{path: {weights}, patient: id}}
entries:
  - {{section: patient, file: patients, fields: {{sex: {{column: sex}}}}}}
  - section: conditions
    file: patients
    key: diagnosis
    fields: {{kind: disease, diagnosis: {{text: gout}}, verification: confirmed, status: active, at: anchor}}
  - section: vital_signs
    file: weights
    key: weight
    fields: {{sign: body-weight, value: {{column: weight, unit: kg}}, at: {{column: day}}}}
"""
PATIENTS = (("id", "sex", "diagnosed"), ("p1", "female", "2021-05-17"), ("p2", "male", "2021-06-17"))


def as_csv(folder: Path, weight: str) -> list[str]:
    weights = (("id", "weight", "day"), ("p1", weight, "2021-06-01"))
    for name, rows in (("patients", PATIENTS), ("weights", weights)):
        (folder / f"{name}.csv").write_text("\n".join(map(",".join, rows)) + "\n")
    return ["patients.csv", "weights.csv"]


def as_workbook(folder: Path, weight: str) -> list[str]:
    book = openpyxl.Workbook()
    for name, rows in (("Patients", PATIENTS), ("Weights", (("id", "weight", "day"), ("p1", weight, "2021-06-01")))):
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.remove(book["Sheet"])
    book.save(folder / "book.xlsx")
    return ["book.xlsx, sheet: Patients", "book.xlsx, sheet: Weights"]


@pytest.mark.parametrize(
    ("write", "tables", "beside"),
    [(as_csv, ["patients.csv", "weights.csv"], False), (as_workbook, ["book.xlsx"], True)],
)
def test_what_a_recipe_loaded_is_verified_and_a_changed_table_is_named(
    fake: SmallServer,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    write: Callable[[Path, str], list[str]],
    tables: list[str],
    beside: bool,
) -> None:
    data = tmp_path if beside else tmp_path / "data"
    data.mkdir(exist_ok=True)
    patients, weights = write(data, "60")
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(patients=patients, weights=weights))
    monkeypatch.chdir(tmp_path)
    upload = (
        "upload",
        "recipe.yaml",
        "--server",
        fake.url,
        "--journal",
        "j.jsonl",
        *(() if beside else ("--data", "data")),
    )

    assert 0 == run(*upload)[0]
    header = json.loads((tmp_path / "j.jsonl").read_text().splitlines()[0])
    names = tables if beside else [f"data/{name}" for name in tables]
    assert ["recipe.yaml", *names] == [each["path"] for each in header["inputs"]]
    assert [None, *(["recipe.yaml"] * len(names))] == [each.get("of") for each in header["inputs"]]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    code, out, err = run("verify", "../j.jsonl")
    assert (0, False) == (code, "Skipped" in err), out + err
    assert 0 == run("timeline", "../j.jsonl", "--patient", "p1-patient", "-o", "t.html")[0]

    monkeypatch.chdir(tmp_path)
    assert 0 == run(*upload)[0]
    write(data, "61")
    for again in (("verify", "j.jsonl"), upload):
        code, _, err = run(*again)
        assert 1 == code
        assert f"the input has changed since this journal was begun: {names[-1]};" in err

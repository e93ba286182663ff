"""What the page about tables says of a workbook, step by step: drafted, read, and on a server in one command."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest

from fhir_case.mapping import load_case
from smallserver import SmallServer
from support import run_command

if TYPE_CHECKING:
    from pathlib import Path

PATIENTS = (
    ("Patient ID", "Sex", "Date of birth", "Date of diagnosis", "Diagnosis", "ER status", "ECOG"),
    ("BC-001", "female", "12.03.1961", "04.05.2019", "Breast cancer, left", "positive", 0),
    ("BC-002", "female", "30.11.1954", "17.10.2020", "Breast cancer, right", "negative", 1),
    ("BC-003", "male", "01.07.1970", "22.01.2022", "Breast cancer, left", "positive", None),
)
TREATMENTS = (
    ("Patient ID", "Treatment", "Drug", "Start", "End"),
    ("BC-001", "Mastectomy", None, "20.05.2019", None),
    ("BC-001", "Hormone therapy", "Tamoxifen", "15.10.2019", None),
    ("BC-002", "Chemotherapy", "Sorafenib", "01.11.2020", "20.02.2021"),
    ("BC-002", "Radiation", None, "10.03.2021", "20.04.2021"),
    ("BC-003", "Mastectomy", None, "10.02.2022", None),
)


def _book(folder: Path, **sheets: tuple[tuple[Any, ...], ...]) -> None:
    book = openpyxl.Workbook()
    for number, (name, rows) in enumerate(sheets.items()):
        sheet = book.create_sheet(name, number)
        for row in rows:
            sheet.append(row)
    book.save(folder / "breast.xlsx")  # with the empty sheet that it began with


def test_a_workbook_of_two_sheets_is_drafted_and_arrives_on_a_server_in_one_command(tmp_path: Path) -> None:
    _book(tmp_path, Patients=PATIENTS, Treatments=TREATMENTS)

    code, _, err = run_command("import", "--draft", "breast.xlsx", "-o", "recipe.yaml", cwd=tmp_path)
    assert 0 == code, err
    with SmallServer() as server:
        code, out, err = run_command(
            "run", "recipe.yaml", "--server", server.url, "--engine", "none", "-o", "out", cwd=tmp_path
        )
        stored = dict(server.resources)

    assert 0 == code, err
    assert "3 cases" in out
    kinds = [name.partition("/")[0] for name in stored]
    assert {"Patient": 3, "Procedure": 3, "MedicationStatement": 2} == {
        kind: kinds.count(kind) for kind in ("Patient", "Procedure", "MedicationStatement")
    }
    assert "8 rows read, 3 cases made; columns: 11 used, 0 used in part, 1 never used" in err


def test_a_draft_knows_cancer_drugs_radiation_and_days_and_names_what_it_made_nothing_of(tmp_path: Path) -> None:
    _book(tmp_path, Patients=PATIENTS, Treatments=TREATMENTS)

    _, draft, _ = run_command("import", "--draft", "breast.xlsx", cwd=tmp_path)
    for line in (
        "  treatments: {path: breast.xlsx, sheet: Treatments, patient: Patient ID, rows: event}  # guess",
        "      kind: primary-cancer  # guess",
        "      diagnosis: {any: [{column: Diagnosis, words: true}, {text: Not stated}]}  # guess",
        "    only_if: [{column: Treatment, is: [Radiation]}, {column: Drug, known: false}]",
        "  #   ER status: positive, negative",
    ):
        assert line in draft.splitlines()
    (tmp_path / "recipe.yaml").write_text(draft)
    assert 0 == run_command("import", "recipe.yaml", "-o", "out", cwd=tmp_path).exit_code
    case = load_case(tmp_path / "out" / "bc-002.yaml")

    assert [("sorafenib", "Sorafenib", "2020-11-01", "Chemotherapy")] == [
        (one.drug.name, one.drug.text, one.at.day, one.note) for one in case.medications
    ]
    assert [("Radiation", "2021-04-20")] == [(one.course.text, one.until.day) for one in case.radiotherapies]
    assert () == case.procedures


@pytest.mark.parametrize("days", ["text", "dates"])
def test_a_draft_knows_days_of_excel_and_results_in_rows(tmp_path: Path, days: str) -> None:
    day = "2021-05-17" if days == "text" else date(2021, 5, 17)
    _book(
        tmp_path,
        People=(("id", "gender", "age", "date"), ("7", "M", 61, day)),
        Results=(
            ("id", "test", "value", "unit", "date"),
            ("7", "AFP", 12.5, "ng/mL", day),
            ("7", "Xyz", 1, "g/L", day),
        ),
    )

    run_command("import", "--draft", "breast.xlsx", "-o", "recipe.yaml", cwd=tmp_path)
    code, _, err = run_command("import", "recipe.yaml", "-o", "out", "--strict", cwd=tmp_path)

    assert 0 == code, err
    first, second = load_case(tmp_path / "out" / "p-7.yaml").laboratory
    assert ("afp", "12.5 ng/mL", "2021-05-17") == (first.test.name, str(first.value), first.at.day)
    assert ("Xyz", "1 g/L") == (second.test.text, str(second.value))


def test_two_sheets_of_one_name_in_two_workbooks_are_two_tables(tmp_path: Path) -> None:
    _book(tmp_path, Patients=PATIENTS, Treatments=TREATMENTS)
    (tmp_path / "patients.csv").write_text("id,sex\nA,f\n")

    _, draft, _ = run_command("import", "--draft", "patients.csv", "--draft", "breast.xlsx", cwd=tmp_path)

    assert "  patients_2: {path: breast.xlsx, sheet: Patients, " in draft

"""Read the rows of a sheet of Excel: days as dates, numbers as they are written, formulas refused."""

from __future__ import annotations

import zipfile
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from fhir_case.case.node import Place, Problem
from fhir_case.errors import CaseError
from fhir_case.readers.table.rows import MOST_CHARACTERS, Row
from fhir_case.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fhir_case.readers.table.recipe import TableFile

__all__ = ["excel_rows", "is_excel"]

_SUFFIXES = (".xlsx", ".xlsm")
_MOST_BYTES = 1_000_000_000


def is_excel(path: Path, form: TableFile) -> bool:
    """Whether a table is a file of Excel."""
    return form.format == "excel" or (form.format is None and path.suffix.lower() in (*_SUFFIXES, ".xls"))


def excel_rows(path: Path, form: TableFile) -> Iterator[Row | Problem]:
    """
    Return the rows of a sheet from its header on, and what is wrong with cells.

    Raises:
        CaseError: The file is no workbook, has no such sheet, or is too large; or openpyxl is not installed.
    """
    book = _workbook(path)
    try:
        sheet = book[form.sheet] if form.sheet in book.sheetnames else book.worksheets[0]
        if form.sheet is not None and form.sheet not in book.sheetnames:
            near = did_you_mean(form.sheet, book.sheetnames) or f"it has: {', '.join(book.sheetnames)}"
            raise CaseError(f"the workbook has no sheet '{form.sheet}'", where=str(path), hint=near)
        name, width = f"{path}[{sheet.title}]", 0
        for number, cells in enumerate(sheet.iter_rows(), 1):
            if number < form.header or form.header < number <= form.header + form.skip:
                continue
            wrong = [problem for cell in cells if (problem := _problem(cell, number, name))]
            texts = [_text(cell.value) for cell in cells]
            if not width:
                while texts and not texts[-1].strip():
                    texts.pop()
                width = len(texts)
                yield Row(number, texts)
            elif any(text.strip() for text in texts):
                beyond = next((text for text in texts[width:] if text.strip()), "")
                if beyond:
                    what = f"'{beyond[:40]}' stands beyond the last column of the header"
                    wrong.append(Problem(Place(name, number, width + 1), (), what, "give the column a name"))
                if wrong:
                    yield from wrong
                else:
                    yield Row(number, [*texts[:width], *[""] * (width - len(texts))])
        if not width:
            raise CaseError(
                "the sheet has no header", where=f"{name}:{form.header}", hint="check 'header' in the recipe"
            )
    finally:
        book.close()


def _workbook(path: Path) -> Any:
    try:
        import openpyxl
    except ImportError:
        what = "openpyxl, which reads Excel, is not installed"
        raise CaseError(
            what, where=str(path), hint="pip install 'fhir-case[excel]', or save the sheet as CSV"
        ) from None
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > _MOST_BYTES:
            what = f"the workbook has {size / 1e9:.1f} GB, of which Excel keeps parts in memory"
            raise CaseError(what, where=str(path), hint="save the sheet as CSV, which may have any size")
        return openpyxl.load_workbook(path, read_only=True)
    except OSError as error:
        raise CaseError(f"the workbook cannot be read: {error.strerror or error}", where=str(path)) from None
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        hint = "save it as .xlsx, or as CSV; an older .xls is not read"
        raise CaseError(f"this is not a workbook of Excel: {error}", where=str(path), hint=hint) from None


def _problem(cell: Any, row: int, name: str) -> Problem | None:
    kind, column = getattr(cell, "data_type", "n"), getattr(cell, "column", 1)
    if kind == "f":
        what = f"{cell.coordinate} holds the formula {str(cell.value)[:40]}, whose result is not known here"
        return Problem(Place(name, row, column), (), what, "copy the column, and paste its values in its place")
    if kind == "e":
        what = f"{cell.coordinate} holds the error {cell.value} of Excel"
        return Problem(Place(name, row, column), (), what, "mend the cell, or empty it")
    if isinstance(cell.value, str) and len(cell.value) > MOST_CHARACTERS:
        what = f"{cell.coordinate} has more than {MOST_CHARACTERS:,} characters"
        return Problem(Place(name, row, column), (), what, "shorten it")
    return None


def _text(value: Any) -> str:
    """Return a cell as text: a day as ``2021-05-17``, a whole number without decimals."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "minutes")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value)

"""Open a workbook of Excel that may be anyone's: bounded in size, with its sheets and its merged cells."""

from __future__ import annotations

import re
import zipfile
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from fhir_case.errors import CaseError, FhirCaseError
from fhir_case.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["MergedCells", "broken_sheets", "merged_cells", "open_workbook", "sheet_named", "sheets_beside"]

_MOST_BYTES = 1_000_000_000
_MOST_BYTES_IN_MEMORY = 100_000_000
_MOST_BYTES_OF_ROW = 20_000_000
_CHUNK = 1_000_000
_OF_SHEETS = "xl/worksheets/"
_AREA = re.compile(rb"<(?:[A-Za-z0-9]+:)?mergeCell [^<>]*\bref=[\"']([A-Z]{1,3})([0-9]{1,7}):([A-Z]{1,3})([0-9]{1,7})")
_LONGEST_AREA = 500
_MOST_AREAS = 1000


class MergedCells(NamedTuple):
    """Cells of a sheet that are one: their reference, such as ``A2:A3``, first row and column, and last row."""

    reference: str
    row: int
    column: int
    end: int


@contextmanager
def open_workbook(path: Path) -> Iterator[Any]:
    """
    Return a workbook whose sheets are read row by row.

    Raises:
        CaseError: The file is no workbook, or is too large; or openpyxl is not installed.
    """
    try:
        import openpyxl
    except ImportError:
        what = "openpyxl, which reads Excel, is not installed"
        hint = "pip install 'fhir-case[excel]', or save the sheet as CSV"
        raise CaseError(what, where=str(path), hint=hint) from None
    with ExitStack() as opened:
        try:
            file = opened.enter_context(path.open("rb"))
            with zipfile.ZipFile(file) as archive:
                _refuse_large(archive, path)
            book = openpyxl.load_workbook(file, read_only=True)
        except CaseError:
            raise
        except OSError as error:
            raise CaseError(f"the workbook cannot be read: {error.strerror or error}", where=str(path)) from None
        except Exception as error:  # openpyxl lets pass whatever the XML and its own classes raise
            hint = "save it as .xlsx, or as CSV; an older .xls, or one with a password, is not read"
            raise CaseError(f"this is not a workbook of Excel: {error}", where=str(path), hint=hint) from None
        opened.callback(book.close)
        yield book


@contextmanager
def broken_sheets(path: Path) -> Iterator[None]:
    """Turn what openpyxl raises for a sheet that is no sheet into an error with its file."""
    try:
        yield
    except (FhirCaseError, GeneratorExit):
        raise
    except Exception as error:
        hint = "open it in Excel, and save it as a new file"
        raise CaseError(f"the workbook cannot be read: {error}", where=str(path), hint=hint) from None


def _refuse_large(archive: zipfile.ZipFile, path: Path) -> None:
    members = archive.infolist()
    kept = sum(one.file_size for one in members if not one.filename.startswith(_OF_SHEETS))
    for size, most, of in (
        (sum(one.file_size for one in members), _MOST_BYTES, "unpacked"),
        (kept, _MOST_BYTES_IN_MEMORY, "of texts and styles, all of which are kept in memory"),
    ):
        if size > most:
            what = f"the workbook has {size / 1e9:.1f} GB {of}; at most {most / 1e9:g} GB are read"
            raise CaseError(what, where=str(path), hint="save the sheet as CSV, which may have any size")


def sheet_named(book: Any, name: str | None, where: str) -> Any:
    """
    Return a sheet by its name; without one, the first that is not hidden.

    Raises:
        CaseError: There is no such sheet.
    """
    sheets = {sheet.title: sheet for sheet in book.worksheets}
    if name is None:
        visible = [sheet for sheet in sheets.values() if sheet.sheet_state == "visible"]
        if not visible:
            raise CaseError("the workbook has no sheet that is not hidden", where=where, hint="name one by 'sheet'")
        return visible[0]
    if name not in sheets:
        near = did_you_mean(name, sheets) or f"it has: {', '.join(sheets)}"
        raise CaseError(f"the workbook has no sheet '{name}'", where=where, hint=near)
    return sheets[name]


def sheets_beside(path: Path, named: Iterable[str | None]) -> list[str]:
    """
    Return the sheets of a workbook that hold something, hidden ones too, but for those that are named.

    Raises:
        CaseError: The file is no workbook, or has no such sheet.
    """
    with open_workbook(path) as book, broken_sheets(path):
        read = {sheet_named(book, name, str(path)).title for name in named}
        return [sheet.title for sheet in book.worksheets if sheet.title not in read and _holds_something(sheet)]


def _holds_something(sheet: Any) -> bool:
    sheet.reset_dimensions()
    return any(value is not None for row in sheet.iter_rows(values_only=True) for value in row)


def merged_cells(book: Any, sheet: Any, where: str) -> list[MergedCells]:
    """
    Return the merged cells of a sheet, up to a bound; openpyxl does not tell them of sheets that it reads by rows.

    Raises:
        CaseError: A row is longer than a row can be: it would be kept in memory whole.
    """
    found: list[MergedCells] = []
    since_row, rest = 0, b""
    with book._archive.open(sheet._worksheet_path) as file:  # noqa: SLF001 - the way to the XML that it reads itself
        while chunk := file.read(_CHUNK):
            end = chunk.rfind(b"</")
            since_row = since_row + len(chunk) if end < 0 or b"row>" not in chunk else len(chunk) - end
            if since_row > _MOST_BYTES_OF_ROW:
                what = f"a row of the sheet '{sheet.title}' has more than {_MOST_BYTES_OF_ROW:,} bytes"
                raise CaseError(what, where=where, hint="save the sheet as CSV")
            text = rest + chunk
            last = 0
            for area in _AREA.finditer(text):
                last = area.end()
                if len(found) < _MOST_AREAS:
                    found.append(_merged(area))
            rest = text[max(last, len(text) - _LONGEST_AREA) :]
    return found


def _merged(area: re.Match[bytes]) -> MergedCells:
    column = 0
    for letter in area[1]:
        column = 26 * column + letter - 64
    reference = f"{area[1].decode()}{area[2].decode()}:{area[3].decode()}{area[4].decode()}"
    return MergedCells(reference, int(area[2]), column, int(area[4]))

"""
Read the rows of a table in text, one at a time: a row, or what is wrong with it.

Nothing here takes memory without bound: lines and cells have a greatest length, also where a quote never ends.
"""

from __future__ import annotations

import codecs
import csv
from typing import TYPE_CHECKING, NamedTuple

from fhir_case.case.node import Place, Problem
from fhir_case.errors import CaseError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from fhir_case.readers.table.recipe import TableFile

__all__ = ["MOST_CHARACTERS", "Row", "column_names", "text_rows"]

MOST_CHARACTERS = 1_000_000
"""The longest cell; a value of a case has 5,000 characters at most."""

_MOST_BYTES_OF_LINE = 20_000_000
_MARKS = ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_DELIMITERS = {".tsv": "\t", ".tab": "\t"}


class Row(NamedTuple):
    """The number of the line that a row begins on, and its cells."""

    line: int
    cells: list[str]


def column_names(cells: list[str]) -> list[str]:
    """Return the names of columns; the second of one name is ``NAME#2``."""
    names: list[str] = []
    count: dict[str, int] = {}
    for cell in cells:
        name = cell.strip()
        count[name] = count.get(name, 0) + 1
        names.append(name if count[name] == 1 else f"{name}#{count[name]}")
    return names


def text_rows(path: Path, form: TableFile) -> Iterator[Row | Problem]:
    """
    Return the rows of a table in text from its header on.

    The header comes first. What is wrong with one row is a problem in its place; what is wrong with the file ends it.

    Raises:
        CaseError: The file cannot be read, or the rest of it cannot be.
    """
    try:
        with path.open("rb") as file:
            yield from _rows(file, str(path), form)
    except OSError as error:
        raise CaseError(f"the table cannot be read: {error.strerror}", where=str(path)) from None


def _rows(file: BinaryIO, name: str, form: TableFile) -> Iterator[Row | Problem]:
    csv.field_size_limit(MOST_CHARACTERS)
    lines = _Lines(file, name, form.encoding)
    lines.skip(form.header - 1)
    delimiter = form.delimiter or ("\t" if form.format == "tsv" else _DELIMITERS.get(_suffix(name), ","))
    reader = csv.reader(
        lines, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if form.quotes else csv.QUOTE_NONE, strict=True
    )
    width = 0
    while True:
        begin = lines.number + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise _not_csv(error, Place(name, begin, 1), lines.number) from None
        if cells is None:
            break
        if not width:
            width = len(cells)
            yield Row(begin, cells)
            lines.skip(form.skip)
        elif len(cells) == width:
            yield Row(begin, cells)
        elif any(cell.strip() for cell in cells):
            what = f"the row has {len(cells)} cells where the header has {width}"
            hint = "look for a missing or superfluous separator, or a line break in a cell"
            yield Problem(Place(name, begin, 1), (), what, hint)
    if not width:
        raise CaseError("the table has no header", where=f"{name}:{form.header}", hint="check 'header' in the recipe")


def _suffix(name: str) -> str:
    return name[name.rfind(".") :].lower()


def _not_csv(error: csv.Error, begin: Place, end: int) -> CaseError:
    said = str(error)
    if "field larger" in said:
        what = f"a cell has more than {MOST_CHARACTERS:,} characters: a quote is not closed, or this is no table"
    elif "unexpected end" in said:
        what = f"a quote is not closed: the cell goes on to the end of the file, line {end}"
    elif "expected after" in said:
        what = "a cell goes on after its closing quote"
    else:
        what = f"this is not CSV: {said}"
    return CaseError(what, where=str(begin), hint="mend the row, or write 'quotes: false' where quotes are only text")


class _Lines:
    """The lines of a text in some encoding, counted."""

    def __init__(self, file: BinaryIO, name: str, encoding: str) -> None:
        self.number = 0
        self._file = file
        self._name = name
        head = file.read(4)
        file.seek(0)
        told = codecs.lookup(encoding).name
        for mark, actual in _MARKS:
            if head.startswith(mark) and not told.startswith(actual.replace("_", "-")):
                hint = f"write 'encoding: {actual}' in the recipe, or save it as UTF-8"
                raise CaseError(f"the table is written in {actual.upper()}", where=f"{name}:1", hint=hint)
        self._text = codecs.getreader("utf-8-sig" if told == "utf-8" else encoding)(file) if told != "utf-8" else None
        self._encoding = encoding
        if self._text is None and head.startswith(codecs.BOM_UTF8):
            file.seek(3)

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._next()
        if not line:
            raise StopIteration
        self.number += 1
        return line

    def skip(self, count: int) -> None:
        """Pass over lines that are no rows."""
        for _ in range(count):
            next(self, None)

    def _next(self) -> str:
        where = f"{self._name}:{self.number + 1}"
        try:
            if self._text is not None:
                line: str = self._text.readline(_MOST_BYTES_OF_LINE, keepends=True)
            else:
                raw = self._file.readline(_MOST_BYTES_OF_LINE + 1)
                if len(raw) > _MOST_BYTES_OF_LINE:
                    raise CaseError(
                        f"a line has more than {_MOST_BYTES_OF_LINE:,} bytes", where=where, hint="is it text?"
                    )
                line = raw.decode()
        except UnicodeDecodeError as error:
            byte = error.object[error.start]
            hint = "write its encoding in the recipe, such as 'encoding: cp1252', or save it as UTF-8"
            raise CaseError(f"not {self._encoding.upper()}: the byte 0x{byte:02X}", where=where, hint=hint) from None
        if "\0" in line:
            raise CaseError("holds a NUL character", where=where, hint="save the table as UTF-8")
        return line

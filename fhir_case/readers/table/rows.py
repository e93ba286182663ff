"""
Read the rows of a table in text, one at a time: a row, or what is wrong with it.

Nothing here takes memory without bound: lines and cells have a greatest length, also where a quote never ends.
"""

from __future__ import annotations

import csv
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from fhir_case.case.node import Place, Problem
from fhir_case.errors import CaseError
from fhir_case.readers.table.lines import Lines

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from fhir_case.readers.table.recipe import TableFile

__all__ = ["MOST_CHARACTERS", "BrokenRow", "Row", "column_names", "text_rows"]

MOST_CHARACTERS = 1_000_000
"""The longest cell; a value of a case has 5,000 characters at most."""

_DELIMITERS = {".tsv": "\t", ".tab": "\t"}


class Row(NamedTuple):
    """The number of the line that a row begins on, and its cells."""

    line: int
    cells: list[str]


class BrokenRow(NamedTuple):
    """A row that cannot be taken as it is: its line, what could be read of its cells, and what is wrong with it."""

    line: int
    cells: list[str]
    problems: tuple[Problem, ...]


def column_names(cells: list[str]) -> list[str]:
    """Return the names of columns; the second of one name is ``NAME#2``, the third without one ``(column 3)``."""
    names: list[str] = []
    count: dict[str, int] = {}
    for cell in cells:
        name = cell.strip() or f"(column {len(names) + 1})"
        count[name] = count.get(name, 0) + 1
        names.append(name if count[name] == 1 else f"{name}#{count[name]}")
    return names


def text_rows(path: Path, form: TableFile) -> Generator[Row | BrokenRow]:
    """
    Return the rows of a table in text from its header on.

    The header comes first. What is wrong with one row stands in its place; what is wrong with the file ends it.

    Raises:
        CaseError: The file cannot be read, or the rest of it cannot be.
    """
    try:
        with path.open("rb") as file, closing(Lines(file, str(path), form.encoding)) as lines:
            yield from _rows(lines, str(path), form)
    except OSError as error:
        raise CaseError(f"the table cannot be read: {error.strerror}", where=str(path)) from None


def _rows(lines: Lines, name: str, form: TableFile) -> Iterator[Row | BrokenRow]:
    csv.field_size_limit(MOST_CHARACTERS)
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
            if not any(cell.strip() for cell in cells):
                what = f"line {begin}, which should have the names of the columns, is empty"
                raise CaseError(what, where=f"{name}:{begin}", hint="write 'header' in the recipe, the line with them")
            width = len(cells)
            yield Row(begin, cells)
            lines.skip(form.skip)
        elif len(cells) == width:
            yield Row(begin, cells)
        elif any(cell.strip() for cell in cells):
            what = f"the row has {len(cells)} cells where the header has {width}"
            hint = "look for a missing or superfluous separator, or a line break in a cell"
            yield BrokenRow(begin, cells, (Problem(Place(name, begin, 1), (), what, hint),))
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

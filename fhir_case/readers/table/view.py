"""A row of a table as the rules of a recipe see it: its known values, and which of them an entry holds in the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fhir_case.case.node import Place
from fhir_case.readers.protocol import Unused
from fhir_case.readers.table.losses import NO_RULE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from fhir_case.readers.table.losses import FileLoss
    from fhir_case.readers.table.reading import CompiledRule
    from fhir_case.readers.table.recipe import TableFile

__all__ = ["OpenTable", "RowOfPatient", "View"]


@dataclass(frozen=True, slots=True)
class OpenTable:
    """
    A table that was opened.

    Args:
        name: Its name in the recipe.
        file: Its path for messages; with the sheet, of Excel.
        short: The name of the file, as the source of an entry.
        form: What the recipe says of it.
        columns: The position of each column.
        absent: The words that mean that nothing is known, in any column of it.
        separator: What stands between several values in one cell.
        split: The positions of columns of which a rule takes each value.
        loss: What became of its columns.
    """

    name: str
    file: str
    short: str
    form: TableFile
    columns: Mapping[str, int]
    absent: frozenset[str]
    separator: str
    split: frozenset[int]
    loss: FileLoss


@dataclass(slots=True)
class RowOfPatient:
    """
    A row with what is known of its fate.

    Args:
        table: The table.
        line: Its line.
        cells: Its cells.
        number: The number of the row among those of the patient in this table, from 1 on.
        carried: The position of each cell, and of the value in it, that an entry holds.
        reasons: Why a value was not carried over, by the same.
        entries: How many entries were made of it.
        missed: The key of each entry that was not made of it, its rule, and the fields that are not known.
    """

    table: OpenTable
    line: int
    cells: list[str]
    number: int
    carried: set[tuple[int, int]] = field(default_factory=set)
    reasons: dict[tuple[int, int], str] = field(default_factory=dict)
    entries: int = 0
    missed: list[tuple[str, CompiledRule, list[str]]] = field(default_factory=list)

    def place(self, column: int = 0) -> Place:
        """Return the place of a cell."""
        return Place(self.table.file, self.line, column + 1)

    def values(self, column: int) -> list[str]:
        """Return the values in a cell: one, or several of a column of which a rule takes each value."""
        cell = self.cells[column]
        if column not in self.table.split or self.table.separator not in cell:
            return [cell.strip()]
        return [value.strip() for value in cell.split(self.table.separator)]

    def known_values(self) -> Iterator[tuple[str, int, int, str]]:
        """Return each known value: the name and position of its column, its position in the cell, itself."""
        for name, index in self.table.columns.items():
            if self.cells[index]:
                for position, value in enumerate(self.values(index)):
                    if self.is_known(value):
                        yield name, index, position, value

    def holds(self, index: int, position: int) -> bool:
        """Whether an entry of the case holds a value, or it names the patient."""
        return (index, position) in self.carried or index == self.table.columns[self.table.form.patient]

    def unused(self) -> Iterator[Unused]:
        """Return each known value that no entry holds, and why."""
        for name, index, position, value in self.known_values():
            if not self.holds(index, position):
                given = self.table.loss.columns[name].reason
                why = self.reasons.get((index, position)) or given or NO_RULE
                yield Unused(self.place(index), f"{self.table.name}, {name}: '{value}'", why, bool(given))

    def is_known(self, value: str) -> bool:
        """Whether a value, or one of several in a cell, is neither empty nor a word for that."""
        table = self.table
        if not value or value in table.absent:
            return False
        return table.separator not in value or any(
            part.strip() and part.strip() not in table.absent for part in value.split(table.separator)
        )


class View:
    """
    A row, or one of the values in each of its cells, for one entry.

    Args:
        row: The row.
        position: The position of the values in cells that have several; None for the whole row.
        each: The positions of the columns that this is about.
        patient: The name of the patient.
    """

    def __init__(
        self, row: RowOfPatient, patient: str, position: int | None = None, each: Collection[int] = ()
    ) -> None:
        self.row = row
        self.patient = patient
        self.position = position
        self._each = each
        self.touched: dict[tuple[int, int], None] = {}

    def at(self, column: str) -> tuple[int, int]:
        """Return the position of a column, and of the value in its cell."""
        found = self.row.table.columns[column]
        return found, (self.position or 0) if found in self._each else 0

    def text(self, column: str, absent: Collection[str] = ()) -> str | None:
        """Return the value of a column; None where it is not known. Whatever is asked for becomes part of the entry."""
        index, position = self.at(column)
        if index in self._each:
            values = self.row.values(index)
            value = values[position] if position < len(values) else ""
        else:
            value = self.row.cells[index].strip()
        if value in absent or not self.row.is_known(value):
            return None
        if index not in self._each and index in self.row.table.split:
            self.touched.update(((index, at), None) for at in range(len(self.row.values(index))))
        self.touched[index, position] = None
        return value

    def place(self, column: str) -> Place:
        """Return the place of a column in this row."""
        return self.row.place(self.row.table.columns[column])

    def refuse(self, column: str, why: str) -> None:
        """Note why the value of a column is not carried over."""
        key = self.at(column)
        self.touched.pop(key, None)
        self.row.reasons.setdefault(key, why)

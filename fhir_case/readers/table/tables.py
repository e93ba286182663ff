"""Read the tables of a recipe as cases, one patient after the other, and account for every row, column and value."""

from __future__ import annotations

import re
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from fhir_case.case.reading import case_of
from fhir_case.errors import CaseError
from fhir_case.readers.protocol import Reading
from fhir_case.readers.table.entries import case_tree
from fhir_case.readers.table.losses import LEFT_OUT, NO_CASE, Losses
from fhir_case.readers.table.opening import fill, open_tables
from fhir_case.readers.table.spool import MOST_ROWS, spool
from fhir_case.readers.table.view import RowOfPatient

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from fhir_case.case import Case
    from fhir_case.case.node import Node
    from fhir_case.case.tree import Tree
    from fhir_case.readers.protocol import Unused
    from fhir_case.readers.table.reading import CompiledRecipe
    from fhir_case.readers.table.spool import Spool
    from fhir_case.readers.table.view import OpenTable

__all__ = ["MadeCase", "Tables", "open_import"]

_MOST_WRONG = 100
_PLACE = re.compile(r"^(?P<file>.+):(?P<line>[0-9]+):[0-9]+$")

MadeCase = tuple[str, "Node", "Case"]
"""The id of a case, what its case file says, and the case."""

SpooledRows = list[tuple[int, int, list[str] | None]]
"""The table, the line and the cells of each row; None for those of a broken one."""


class Tables:
    """
    The cases that the tables of a recipe become.

    Args:
        compiled: The recipe.
        tables: Its tables.
        rows: Their rows by patient.
        losses: What became of them, which grows as cases are made.
        sections: The names of the sections, in the order of a case file.
    """

    def __init__(
        self, compiled: CompiledRecipe, tables: list[OpenTable], rows: Spool, losses: Losses, sections: list[str]
    ) -> None:
        self.losses = losses
        self._compiled = compiled
        self._tables = tables
        self._spool = rows
        self._sections = sections
        self._told: set[str] = set()
        self._lacking = False
        self._has_patients = any(table.form.rows == "patient" for table in tables)

    def report(self, problem: str) -> None:
        """Note something wrong, once, up to a bound of what is shown."""
        if problem in self._told:
            return
        if len(self._told) < _MOST_WRONG:
            self._told.add(problem)
            self.losses.wrong.append(problem)
        else:
            self.losses.more_wrong += 1

    def report_of_anyone(self, problem: str) -> None:
        """Note something wrong with rows that may be those of any patient: every case may lack what they say."""
        self.report(problem)
        self._lacking = True

    def _lacks(self, spooled: SpooledRows, *, keep_going: bool = False) -> bool:
        """Whether rows of a patient are broken, or may be, so that what would become a case is not whole."""
        if self._lacking:
            every = "each case may lack what they say" if keep_going else "no patient becomes a case"
            hint = "" if keep_going else "; mend them; 'import --keep-going' makes the cases without them"
            self.report(f"{self.losses.recipe}: rows that are not read may be those of any patient: {every}{hint}")
        return not keep_going and (self._lacking or any(cells is None for _, _, cells in spooled))

    def readings(self) -> Iterator[Reading]:
        """Return each case before it is checked; what its check finds says whether it counts as made."""
        for patient, spooled in self._spool.patients():
            rows = self._rows(spooled)
            if not self._lacks(spooled) and self._is_patient(patient, rows, spooled):
                tree = case_tree(self._compiled, patient, rows, self._sections)
                if self._claimed(tree, patient):
                    yield Reading(tree, name=str(tree.root.data["case"]), checked=partial(self._checked, rows))
                    continue
            self._leave_out(rows)

    def cases(self, model: type[Case], *, keep_going: bool) -> Iterator[MadeCase]:
        """
        Return each case that is right; what is wrong with the others is reported.

        Args:
            model: The model of a case.
            keep_going: Whether a case is made without the rows that are wrong in it; they are left out whole.
        """
        for patient, spooled in self._spool.patients():
            without: set[tuple[str, int]] = set()
            lacks = self._lacks(spooled, keep_going=keep_going)
            made = None if lacks else self._made(patient, spooled, model, without, keep_going=keep_going)
            if made is None:
                self._leave_out(self._rows(spooled))
                continue
            self.losses.cases += 1
            yield made

    def of_patient(self, patient: str | None, model: type[Case]) -> tuple[str, Case, tuple[Unused, ...]]:
        """
        Return the name of a patient, the case, and each value of the rows that no entry of it holds.

        Args:
            patient: As the tables name the patient; None for the first one.
            model: The model of a case.

        Raises:
            CaseError: There is no such patient, or the rows become no case.
        """
        for name, spooled in self._spool.patients():
            if patient not in (None, name):
                continue
            rows = self._rows(spooled)
            if not self._lacks(spooled) and self._is_patient(name, rows, spooled):
                case = case_of(case_tree(self._compiled, name, rows, self._sections), model)
                return name, case, tuple(one for row in rows for one in row.unused())
        if self.losses.wrong:
            raise self.losses.error()
        what = f"there is no patient '{_clipped(patient)}'" if patient else "there is no patient"
        raise CaseError(what, where=self.losses.recipe, hint="the tables name each in the column of the patient")

    def _made(
        self, patient: str, spooled: SpooledRows, model: type[Case], without: set[tuple[str, int]], *, keep_going: bool
    ) -> MadeCase | None:
        claimed = False
        while True:
            rows = self._rows(spooled, without)
            if not self._is_patient(patient, rows, spooled):
                return None
            tree = case_tree(self._compiled, patient, rows, self._sections)
            if not claimed and not self._claimed(tree, patient):
                return None
            claimed = True
            try:
                case = case_of(tree, model)
            except CaseError as error:
                wrong = self._rows_of(error, rows)
                for problem in error.problems:
                    self.report(str(problem))
                if not keep_going or not wrong:
                    return None
                without |= wrong
                continue
            left = [row for row in self._rows(spooled) if (row.table.file, row.line) in without]
            self._account(rows, "")
            self._account(left, LEFT_OUT)
            self.losses.left_out_rows += len(left) + sum(cells is None for _, _, cells in spooled)
            return case.case, tree.root, case

    def _rows(self, spooled: SpooledRows, without: Collection[tuple[str, int]] = ()) -> list[RowOfPatient]:
        rows: list[RowOfPatient] = []
        numbers: dict[str, int] = {}
        for file, line, cells in spooled:
            table = self._tables[file]
            numbers[table.name] = numbers.get(table.name, 0) + 1
            if cells is not None and (table.file, line) not in without:
                rows.append(RowOfPatient(table, line, cells, numbers[table.name]))
        return rows

    def _is_patient(self, patient: str, rows: list[RowOfPatient], spooled: SpooledRows) -> bool:
        """Whether the rows are those of one patient; what is wrong is reported, of a broken row it was already."""
        patients_are_broken = any(
            cells is None and self._tables[file].form.rows == "patient" for file, _, cells in spooled
        )
        of_patient = [row for row in rows if row.table.form.rows == "patient"]
        if not rows or (not of_patient and patients_are_broken):
            return False
        if len(spooled) > MOST_ROWS:
            what = f"the patient '{_clipped(patient)}' has more than {MOST_ROWS:,} rows, more than a case can hold"
            self.report(f"{rows[0].place()}: {what}; check the column of the patient, or leave out rows before")
            return False
        if not self._has_patients:
            return True
        if not of_patient:
            place = rows[0].place(rows[0].table.columns[rows[0].table.form.patient])
            name = self._compiled.patients
            what = f"'{_clipped(patient)}' is no patient of the table '{name}'"
            self.report(f"{place}: {what}; add the patient, or correct the name")
            return False
        twice = next(iter(of_patient[1:]), None)
        if twice is not None:
            column = twice.table.columns[twice.table.form.patient]
            what = f"the patient '{_clipped(patient)}' is there twice, first at {of_patient[0].place(column)}"
            self.report(f"{twice.place(column)}: {what}; keep one row, or make the rows events ('rows: event')")
            return False
        return True

    def _claimed(self, tree: Tree, patient: str) -> bool:
        case = str(tree.root.data["case"])
        other = self._spool.claim(case, patient)
        if other:
            place = tree.root.pairs["case"][1].place
            what = f"the patients '{_clipped(other)}' and '{_clipped(patient)}' would have one case, '{_clipped(case)}'"
            self.report(f"{place}: {what}; give the recipe a 'case' that tells them apart")
        return not other

    def _rows_of(self, error: CaseError, rows: list[RowOfPatient]) -> set[tuple[str, int]]:
        """Return the rows of events that problems are about; none where one is about the patient, or the recipe."""
        events = {(row.table.file, row.line) for row in rows if row.table.form.rows == "event"}
        found: set[tuple[str, int]] = set()
        for problem in error.problems:
            place = _PLACE.match(problem.where)
            row = (place["file"], int(place["line"])) if place else ("", 0)
            if row not in events:
                return set()
            found.add(row)
        return found

    def _checked(self, rows: list[RowOfPatient], wrong: CaseError | None) -> CaseError | None:
        """Add up what became of the rows of a case that was checked; return what is to be said of it."""
        if wrong is None:
            self.losses.cases += 1
            self._account(rows, "")
        else:
            self._leave_out(rows)
        return wrong

    def _leave_out(self, rows: list[RowOfPatient]) -> None:
        self.losses.left_out += 1
        self._account(rows, NO_CASE)

    def _account(self, rows: list[RowOfPatient], why: str) -> None:
        """Add up which values the entries of a case hold; a reason holds for all values of rows without a case."""
        for row in rows:
            loss = row.table.loss
            if not row.entries or why:
                loss.without_entry += 1
            for name, index, position, value in row.known_values():
                column = loss.columns[name]
                column.known += 1
                if not why and row.holds(index, position):
                    column.carried += 1
                else:
                    column.lose(value, why or row.reasons.get((index, position), ""), row.place(index))


def _clipped(name: str) -> str:
    return name if len(name) <= 60 else f"{name[:60]}…"


@contextmanager
def open_import(compiled: CompiledRecipe, folder: Path, model: type[Case]) -> Iterator[Tables]:
    """
    Return the cases of a recipe for the tables in a folder.

    Raises:
        CaseError: A table is missing or cannot be read, or has no such column.
        FhirCaseError: There is no room for the temporary file.
    """
    losses = Losses(compiled.recipe.recipe)
    opened = open_tables(compiled, folder, losses)
    with spool() as rows:
        tables = Tables(
            compiled, [table for table, _ in opened], rows, losses, [section.name for section in model.sections]
        )
        fill(rows, opened, tables.report, tables.report_of_anyone)
        yield tables

"""Read the tables of a recipe as cases, one patient after the other, and account for every row, column and value."""

from __future__ import annotations

import re
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from fhir_case.case.reading import case_of
from fhir_case.errors import CaseError
from fhir_case.readers.protocol import Reading
from fhir_case.readers.table.entries import case_id, case_tree
from fhir_case.readers.table.losses import LEFT_OUT, NO_CASE, Losses, clipped
from fhir_case.readers.table.opening import fill, open_tables
from fhir_case.readers.table.refusals import named_error, reason_of
from fhir_case.readers.table.spool import MOST_ROWS, spool
from fhir_case.readers.table.view import RowOfPatient, View

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from fhir_case.case import Case
    from fhir_case.case.node import Node
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
            why = self._refusal(patient, rows, spooled)
            if why:
                self._leave_out(patient, spooled, why)
                continue
            tree = case_tree(self._compiled, patient, rows, self._sections)
            checked = partial(self._checked, patient, spooled, rows)
            yield Reading(tree, name=str(tree.root.data["case"]), checked=checked)

    def cases(self, model: type[Case], *, keep_going: bool) -> Iterator[MadeCase]:
        """
        Return each case that is right; what is wrong with the others is reported.

        Args:
            model: The model of a case.
            keep_going: Whether a case is made without the rows that are wrong in it; they are left out whole.
        """
        for patient, spooled in self._spool.patients():
            why = self._refusal(patient, self._rows(spooled), spooled, keep_going=keep_going)
            made = why or self._made(patient, spooled, model, keep_going=keep_going)
            if isinstance(made, str):
                self._leave_out(patient, spooled, made)
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
            if not self._refusal(name, rows, spooled):
                case = self._case(name, rows, model)[1]
                return name, case, tuple(one for row in rows for one in row.unused())
        if self.losses.wrong:
            raise self.losses.error()
        what = f"there is no patient '{clipped(patient)}'" if patient else "there is no patient"
        raise CaseError(what, where=self.losses.recipe, hint="the tables name each in the column of the patient")

    def _case(self, patient: str, rows: list[RowOfPatient], model: type[Case]) -> tuple[Node, Case]:
        tree = case_tree(self._compiled, patient, rows, self._sections)
        try:
            return tree.root, case_of(tree, model)
        except CaseError as error:
            raise self._named(error, patient, rows) from None

    def _named(self, error: CaseError, patient: str, rows: list[RowOfPatient]) -> CaseError:
        return named_error(error, self._compiled.root.place.file, patient, rows)

    def _made(self, patient: str, spooled: SpooledRows, model: type[Case], *, keep_going: bool) -> MadeCase | str:
        """Return the case of a patient; why there is none, where something is wrong."""
        without: set[tuple[str, int]] = set()
        while True:
            rows = self._rows(spooled, without)
            try:
                root, case = self._case(patient, rows, model)
            except CaseError as error:
                wrong = self._rows_of(error, rows)
                for problem in error.problems:
                    self.report(str(problem))
                if not keep_going or not wrong:
                    return reason_of(error, patient, rows)
                without |= wrong
                if len(without) == len(spooled):
                    return reason_of(error, patient, rows)
                continue
            left = [row for row in self._rows(spooled) if (row.table.file, row.line) in without]
            self._account(rows, "")
            self._account(left, LEFT_OUT)
            self.losses.left_out_rows += len(left) + sum(cells is None for _, _, cells in spooled)
            return case.case, root, case

    def _rows(self, spooled: SpooledRows, without: Collection[tuple[str, int]] = ()) -> list[RowOfPatient]:
        rows: list[RowOfPatient] = []
        numbers: dict[str, int] = {}
        for file, line, cells in spooled:
            table = self._tables[file]
            numbers[table.name] = numbers.get(table.name, 0) + 1
            if cells is not None and (table.file, line) not in without:
                rows.append(RowOfPatient(table, line, cells, numbers[table.name]))
        return rows

    def _refusal(
        self, patient: str, rows: list[RowOfPatient], spooled: SpooledRows, *, keep_going: bool = False
    ) -> str:
        """Return why the rows become no case, which is reported; the name of a patient who is refused stays taken."""
        of_patient = [row for row in rows if row.table.form.rows == "patient"]
        case, other = "", ""
        first = next((row for row in rows if row.table.name == self._compiled.patients), None)
        if first is None and rows and not self._has_patients:
            first = rows[0]
        if first is not None:
            case = case_id(self._compiled, View(first, patient))
            other = self._spool.claim(case, patient)
        broken = any(cells is None and self._tables[file].form.rows == "patient" for file, _, cells in spooled)
        if self._lacks(spooled, keep_going=keep_going) or not rows or (not of_patient and broken):
            return "rows of it could not be read"  # which is reported already
        why = ""
        twice = next(iter(of_patient[1:]), None) if self._has_patients else None
        if len(spooled) > MOST_ROWS:
            what = f"the patient '{clipped(patient)}' has more than {MOST_ROWS:,} rows, more than a case can hold"
            why = f"{rows[0].place()}: {what}; check the column of the patient, or leave out rows before"
        elif self._has_patients and not of_patient:
            place = rows[0].place(rows[0].table.columns[rows[0].table.form.patient])
            what = f"'{clipped(patient)}' is no patient of the table '{self._compiled.patients}'"
            why = f"{place}: {what}; add the patient, or correct the name"
        elif twice is not None:
            column = twice.table.columns[twice.table.form.patient]
            what = f"the patient '{clipped(patient)}' is there twice, first at {of_patient[0].place(column)}"
            why = f"{twice.place(column)}: {what}; keep one row, or make the rows events ('rows: event')"
        elif other and first is not None:
            place = first.place(first.table.columns[first.table.form.patient])
            what = f"the patients '{clipped(other)}' and '{clipped(patient)}' would have one case"
            why = f"{place}: {what}, '{clipped(case)}'; give the recipe a 'case' that tells them apart"
        if why:
            self.report(why)
        return why

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

    def _checked(
        self, patient: str, spooled: SpooledRows, rows: list[RowOfPatient], wrong: CaseError | None
    ) -> CaseError | None:
        """Add up what became of the rows of a case that was checked; return what is to be said of it."""
        if wrong is None:
            self.losses.cases += 1
            self._account(rows, "")
            return None
        named = self._named(wrong, patient, rows)
        self._leave_out(patient, spooled, reason_of(named, patient, rows))
        return named

    def _leave_out(self, patient: str, spooled: SpooledRows, why: str) -> None:
        file, line, _ = spooled[0]
        self.losses.leave_out(f"{self._tables[file].file}:{line}:1", patient, why)
        self._account(self._rows(spooled), NO_CASE)

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

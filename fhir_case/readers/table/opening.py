"""Find the tables of a recipe in a folder, open them, and bring their rows together by patient."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING

import orjson

from fhir_case.case.node import Place, Problem
from fhir_case.case.problems import case_error
from fhir_case.errors import CaseError
from fhir_case.readers.table.excel import excel_rows, is_excel
from fhir_case.readers.table.losses import ColumnLoss, FileLoss, UnreadSheet
from fhir_case.readers.table.paths import table_paths
from fhir_case.readers.table.rows import BrokenRow, Row, column_names, text_rows
from fhir_case.readers.table.spool import BROKEN
from fhir_case.readers.table.view import OpenTable
from fhir_case.readers.table.workbook import sheets_beside
from fhir_case.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fhir_case.readers.table.losses import Losses
    from fhir_case.readers.table.reading import CompiledRecipe
    from fhir_case.readers.table.recipe import TableFile
    from fhir_case.readers.table.spool import Spool, SpooledRow

__all__ = ["fill", "open_tables"]

Rows = Iterator[Row | BrokenRow]


def open_tables(compiled: CompiledRecipe, folder: Path, losses: Losses) -> list[tuple[OpenTable, Rows]]:
    """
    Open all tables, and check that they have the columns that the recipe names.

    Returns: Each table with its rows after the header.

    Raises:
        CaseError: A table is missing or cannot be read, or has no such column.
    """
    tables: list[tuple[OpenTable, Rows]] = []
    problems: list[Problem] = []
    named = table_paths(compiled, folder)
    losses.unread.extend(_unread_sheets(compiled, named))
    for name, paths in named.items():
        for path in paths:
            form = compiled.recipe.files[name]
            rows: Rows
            if is_excel(path, form):
                rows = excel_rows(path, form)
                table = _opened(name, path, rows, compiled, losses)
            else:  # read again afterwards: a pattern may stand for more files than can be open at once
                with closing(text_rows(path, form)) as begin:
                    table = _opened(name, path, begin, compiled, losses)
                rows = islice(text_rows(path, form), 1, None)
            tables.append((table, rows))
            problems += _missing_columns(table, compiled)
    if problems:
        raise case_error(problems, compiled.root)
    return tables


def _unread_sheets(compiled: CompiledRecipe, paths: dict[str, list[Path]]) -> Iterator[UnreadSheet]:
    """Return the sheets of the workbooks that no table of the recipe is."""
    forms: dict[Path, list[TableFile]] = {}
    for name, found in paths.items():
        for path in found:
            if is_excel(path, compiled.recipe.files[name]):
                forms.setdefault(path, []).append(compiled.recipe.files[name])
    for path, ours in forms.items():
        reasons = {sheet: why for form in ours for sheet, why in form.unused_sheets.items()}
        for sheet in sheets_beside(path, [form.sheet for form in ours]):
            yield UnreadSheet(f"{path}[{sheet}]", reasons.get(sheet, ""))


def _opened(name: str, path: Path, rows: Rows, compiled: CompiledRecipe, losses: Losses) -> OpenTable:
    form = compiled.recipe.files[name]
    header = next(rows)
    if isinstance(header, BrokenRow):
        raise CaseError(header.problems[0].what, where=str(header.problems[0].place), hint=header.problems[0].hint)
    names = column_names(header.cells)
    columns = {column: index for index, column in enumerate(names)}
    loss = losses.files.setdefault(name, FileLoss(name))
    for column in names:
        reason = form.unused.get(column) or form.partly.get(column) or ""
        loss.columns.setdefault(column, ColumnLoss(column, reason))
    ours = [rule.rule for rule in compiled.rules if rule.rule.file == name]
    split = {columns[each] for rule in ours for each in rule.each if each in columns}
    sheet = f"[{form.sheet}]" if form.sheet and is_excel(path, form) else ""
    return OpenTable(
        name,
        f"{path}{sheet}",
        f"{path.name}{sheet}",
        form,
        columns,
        frozenset((*compiled.recipe.absent, *form.absent)),
        form.separator or compiled.recipe.separator,
        frozenset(split),
        loss,
    )


def _missing_columns(table: OpenTable, compiled: CompiledRecipe) -> Iterator[Problem]:
    for column, place in dict.fromkeys(compiled.columns[table.name]):
        if column not in table.columns:
            near = did_you_mean(column, table.columns) or f"it has: {', '.join(list(table.columns)[:30])}"
            yield Problem(place, (), f"{table.short} has no column '{column}'", near)


def fill(
    spool: Spool,
    tables: list[tuple[OpenTable, Rows]],
    report: Callable[[str], None],
    report_of_anyone: Callable[[str], None],
) -> None:
    """
    Bring the rows of all tables together; of a broken row, only that its patient has one.

    Args:
        spool: Where they are kept.
        tables: The tables with their rows.
        report: Called with what is wrong with a row of a patient, or with a row that names none.
        report_of_anyone: Called with what is wrong with rows that may be those of any patient: the rest of a table that
            cannot be read, a broken row of which the patient cannot be.
    """
    for number, (table, rows) in enumerate(tables):
        spool.add(_spooled(number, table, rows, report, report_of_anyone))


def _spooled(
    number: int,
    table: OpenTable,
    rows: Rows,
    report: Callable[[str], None],
    report_of_anyone: Callable[[str], None],
) -> Iterator[SpooledRow]:
    form: TableFile = table.form
    index = table.columns[form.patient]
    try:
        for row in rows:
            table.loss.rows += 1
            patient = row.cells[index].strip() if index < len(row.cells) else ""
            if isinstance(row, BrokenRow):
                is_known = bool(patient) and patient not in table.absent
                for problem in row.problems:
                    (report if is_known else report_of_anyone)(_shown(problem))
                if is_known:
                    yield patient, number, row.line, BROKEN
                continue
            if not patient or patient in table.absent:
                what = f"the row names no patient: its column '{form.patient}' is empty"
                report(
                    _shown(Problem(Place(table.file, row.line, index + 1), (), what, "fill it in, or delete the row"))
                )
                continue
            yield patient, number, row.line, orjson.dumps(row.cells)
    except CaseError as error:
        report_of_anyone(str(error))


def _shown(problem: Problem) -> str:
    return f"{problem.place}: {problem.what}; {problem.hint}"

"""Say of a patient who becomes no case who it is, where the rows are, and what is behind it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fhir_case.case.node import LocatedDict
from fhir_case.errors import CaseError
from fhir_case.readers.table.losses import clipped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fhir_case.readers.table.view import RowOfPatient

__all__ = ["named_error", "reason_of"]

_MISSING_KEY = re.compile(r"has the key '([^']+)'")
_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
_SHOWN = 3


def named_error(error: CaseError, recipe: str, patient: str, rows: Sequence[RowOfPatient]) -> CaseError:
    """
    Return what is wrong with a case, each problem with a place in a table.

    What the recipe says of all patients alike has its place in the recipe: there the patient is named, with the first
    row, and the entry of that key which could not be made.
    """
    problems = tuple(_named(problem, recipe, patient, rows) for problem in error.problems)
    first = problems[0]
    message = first.message if len(problems) == 1 else f"{len(problems)} problems; the first: {first.message}"
    return CaseError(message, where=first.where, hint=first.hint, problems=problems)


def reason_of(error: CaseError, patient: str, rows: Sequence[RowOfPatient]) -> str:
    """Return what is wrong with a case in a line that stands behind the place of its first row and the patient."""
    before = f"{rows[0].place()}: patient '{clipped(patient)}': "
    said = [str(problem).removeprefix(before) for problem in error.problems[:_SHOWN]]
    more = len(error.problems) - len(said)
    return " | ".join([*said, f"and {more:,} more"] if more else said)


def _named(problem: CaseError, recipe: str, patient: str, rows: Sequence[RowOfPatient]) -> CaseError:
    if not problem.where.startswith(f"{recipe}:"):
        return problem
    cause = _cause(problem.message, rows)
    what = f"patient '{clipped(patient)}': {problem.message} (which {problem.where} needs){cause}"
    return CaseError(what, where=str(rows[0].place()), hint="mend the row, or the recipe" if cause else problem.hint)


def _cause(message: str, rows: Sequence[RowOfPatient]) -> str:
    found = _MISSING_KEY.search(message) if "no entry " in message else None
    for row in rows if found else ():
        for key, rule, missing in row.missed:
            if found and key == found[1]:
                fields = ", ".join(missing)
                cells = "; ".join(_cells(row, rule.rule.fields, missing))
                told = f": {cells}" if cells else ""
                return f", since line {row.line} made no entry of '{rule.section.name}': {fields} is not known{told}"
    return ""


def _cells(row: RowOfPatient, fields: Any, missing: Sequence[str]) -> Iterator[str]:
    """Return what stands in the columns that a missing field is made of."""
    for column in dict.fromkeys(name for field in missing for name in _columns(fields.get(field))):
        index = row.table.columns.get(column)
        if index is not None:
            value = row.cells[index].strip()
            why = row.reasons.get((index, 0), "" if row.is_known(value) else "which means that nothing is known")
            told = f"'{clipped(value)}'" if value else "empty"
            yield f"'{column}' is {told}{f', {why}' if why and value else ''}"


def _columns(written: Any) -> Iterator[str]:
    """Return the columns that what a recipe writes for a field names, at any depth."""
    if isinstance(written, str):
        yield from _PLACEHOLDER.findall(written)
    elif isinstance(written, list | tuple):
        for one in written:
            yield from _columns(one)
    elif isinstance(written, dict | LocatedDict):
        if isinstance(written.get("column"), str):
            yield written["column"]
        for name, one in written.items():
            if name == "columns":
                yield from one
            elif name not in {"column", "map"}:
                yield from _columns(one)

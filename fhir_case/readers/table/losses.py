"""What became of the rows, columns and values of tables: carried over, in part, not at all, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fhir_case.errors import CaseError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case.node import Place

__all__ = ["ColumnLoss", "FileLoss", "Losses", "PatientLeftOut", "UnreadSheet", "ValueLoss", "clipped"]

_MOST_VALUES = 200
_MOST_PATIENTS = 10_000
NO_RULE = "no rule carries it over"


def clipped(text: str) -> str:
    """Return the begin of a text of a table, as long as a message shows it."""
    return text if len(text) <= 60 else f"{text[:60]}…"


@dataclass(slots=True)
class ValueLoss:
    """A value of a column that was not carried over, why, how often, and where first."""

    value: str
    why: str
    count: int = 0
    place: str = ""

    @property
    def is_unknown(self) -> bool:
        """Whether its map has no such word."""
        return self.why.startswith(UNKNOWN)


@dataclass(slots=True)
class ColumnLoss:
    """
    What became of one column.

    Args:
        name: The column.
        reason: Why it is not used, or in part, as the recipe says.
        known: How many values are known.
        carried: How many of them an entry of a case holds.
        values: The values that none holds; further ones beyond a bound are counted together.
    """

    name: str
    reason: str = ""
    known: int = 0
    carried: int = 0
    values: dict[tuple[str, str], ValueLoss] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """Return ``used``, ``used in part``, ``never used``, or ``empty`` where it has no known value."""
        if not self.known:
            return "empty"
        if self.carried == self.known:
            return "used"
        return "used in part" if self.carried else "never used"

    def lose(self, value: str, why: str, place: Place) -> None:
        """Note a value that was not carried over."""
        shown = clipped(value)
        key = (shown, why or NO_RULE)
        if key not in self.values and len(self.values) >= _MOST_VALUES:
            key = ("(other values)", key[1] if len(self.values) < 2 * _MOST_VALUES else "for various reasons")
        if key not in self.values:
            self.values[key] = ValueLoss(*key, place=str(place))
        self.values[key].count += 1


@dataclass(slots=True)
class FileLoss:
    """What became of one table: its rows and its columns."""

    name: str
    rows: int = 0
    without_entry: int = 0
    columns: dict[str, ColumnLoss] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UnreadSheet:
    """A sheet of a workbook that no table of the recipe is: its place, and the reason in the recipe."""

    place: str
    reason: str


@dataclass(frozen=True, slots=True)
class PatientLeftOut:
    """A patient who became no case: the place of the first row, the name in the tables, and why."""

    place: str
    patient: str
    why: str

    def __str__(self) -> str:
        return f"{self.place}: patient '{self.patient}' is left out: {self.why}"


@dataclass(slots=True)
class Losses:
    """
    What became of all that was read.

    Args:
        recipe: The name of the recipe.
        files: The tables.
        unread: The sheets of workbooks that are no table of it.
        cases: How many cases were made.
        left_out: How many patients became no case, since something is wrong.
        patients: Those who became no case, up to a bound.
        left_out_rows: How many rows of events were left out of a case, since something is wrong with them.
        wrong: What is wrong: the place, what, what to do; up to a bound.
        more_wrong: How much more is wrong.
    """

    recipe: str
    files: dict[str, FileLoss] = field(default_factory=dict)
    unread: list[UnreadSheet] = field(default_factory=list)
    cases: int = 0
    left_out: int = 0
    patients: list[PatientLeftOut] = field(default_factory=list)
    left_out_rows: int = 0
    more_wrong: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Return how many rows were read."""
        return sum(one.rows for one in self.files.values())

    def leave_out(self, place: str, patient: str, why: str) -> None:
        """Note a patient who becomes no case."""
        self.left_out += 1
        if len(self.patients) < _MOST_PATIENTS:
            self.patients.append(PatientLeftOut(place, clipped(patient), why))

    def error(self) -> CaseError:
        """Return one error of all that is wrong."""
        errors = tuple(CaseError(one) for one in self.wrong)
        more = (CaseError(f"{self.more_wrong} more problems", hint="mend the first ones"),) if self.more_wrong else ()
        return CaseError(f"{len(errors) + self.more_wrong} problems in the tables", problems=(*errors, *more))

    def unexplained(self) -> Iterator[str]:
        """Return what was not carried over without a reason in the recipe; ``--strict`` makes it an error."""
        for sheet in self.unread:
            if not sheet.reason:
                yield f"{sheet.place}: the sheet is not read; use it, or give the reason under 'unused_sheets'"
        for name, one in self.files.items():
            for column in one.columns.values():
                lost = [value for value in column.values.values() if value.why not in OF_WHOLE_ROWS]
                if column.reason or not lost:
                    continue
                worst = max(lost, key=lambda value: value.count)
                hint = "'unused'" if column.state == "never used" else "'partly'"
                yield (
                    f"{worst.place}: {name}: the column '{column.name}' is {column.state}, for example "
                    f"'{worst.value}' ({worst.why}); use it, or give the reason under {hint}"
                )

    def unknown(self) -> Iterator[tuple[FileLoss, ColumnLoss, ValueLoss]]:
        """Return the values that no map knew."""
        for one in self.files.values():
            for column in one.columns.values():
                for value in column.values.values():
                    if value.is_unknown:
                        yield one, column, value

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON has it."""
        return {
            "recipe": self.recipe,
            "rows": self.rows,
            "cases": self.cases,
            "left_out": self.left_out,
            "patients_left_out": [
                {"patient": one.patient, "first": one.place, "why": one.why} for one in self.patients
            ],
            "rows_left_out": self.left_out_rows,
            "wrong": self.wrong,
            "more_wrong": self.more_wrong,
            "sheets_not_read": [{"sheet": one.place, "reason": one.reason} for one in self.unread],
            "files": [
                {
                    "file": one.name,
                    "rows": one.rows,
                    "rows_without_entry": one.without_entry,
                    "columns": [
                        {
                            "column": column.name,
                            "state": column.state,
                            "reason": column.reason,
                            "known": column.known,
                            "carried": column.carried,
                            "not_carried": [
                                {"value": each.value, "why": each.why, "count": each.count, "first": each.place}
                                for each in column.values.values()
                            ],
                        }
                        for column in one.columns.values()
                    ],
                }
                for one in self.files.values()
            ],
        }


NO_CASE, LEFT_OUT = "its rows became no case", "its row is wrong and was left out"
OF_WHOLE_ROWS = frozenset({NO_CASE, LEFT_OUT})
"""Why all values of a row are not carried over, which is told of the row."""

UNKNOWN = "not a word of its map"

"""What an import carried over and what not, as text, JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

from fhir_case.report.counts import counted
from fhir_case.report.spreadsheet import cell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.readers.table.losses import ColumnLoss, Losses

__all__ = ["FORMS", "loss_csv", "loss_json", "loss_summary", "loss_text"]

_COLUMNS = ("file", "column", "state", "reason", "known", "carried", "value", "why", "count", "first")
_SHOWN = 5


def loss_summary(losses: Losses) -> str:
    """Return one line: rows read, cases made, columns used, in part, never used."""
    states = [column.state for one in losses.files.values() for column in one.columns.values()]
    columns = ", ".join(f"{states.count(state)} {state}" for state in ("used", "used in part", "never used", "empty"))
    left = f", {counted(losses.left_out, 'patient')} left out" if losses.left_out else ""
    rows = f", {counted(losses.left_out_rows, 'row')} left out" if losses.left_out_rows else ""
    return f"{counted(losses.rows, 'row')} read, {counted(losses.cases, 'case')} made{left}{rows}; columns: {columns}"


def loss_text(losses: Losses) -> str:
    """Return a line for each column, with the values that were not carried over."""
    lines = [f"Import by {losses.recipe}: {loss_summary(losses)}"]
    for one in losses.files.values():
        without = f", {one.without_entry:,} of them without an entry" if one.without_entry else ""
        lines += ["", f"{one.name}: {counted(one.rows, 'row')}{without}"]
        for column in one.columns.values():
            lines += _lines_of(column)
    if losses.patients:
        lines += ["", "Patients left out:", *(f"  {one}" for one in losses.patients)]
    if losses.left_out > len(losses.patients):
        lines.append(f"  and {losses.left_out - len(losses.patients):,} more")
    if losses.unread:
        lines += ["", "Sheets that are not read:"]
        lines += [f"  {one.place}{f' - {one.reason}' if one.reason else ''}" for one in losses.unread]
    if losses.wrong:
        lines += ["", "Wrong:", *(f"  {one}" for one in losses.wrong)]
    if losses.more_wrong:
        lines.append(f"  and {losses.more_wrong:,} more")
    return "\n".join(lines) + "\n"


def _lines_of(column: ColumnLoss) -> Iterator[str]:
    reason = f" - {column.reason}" if column.reason else ""
    numbers = f" ({column.carried:,} of {column.known:,})" if column.state == "used in part" else ""
    yield f"  {column.state:<13} {column.name}{numbers}{reason}"
    values = sorted(column.values.values(), key=lambda value: -value.count)
    if column.state == "used in part" or not column.reason:
        for value in values[:_SHOWN]:
            yield f"      {value.count:,} x '{value.value}': {value.why} (first: {value.place})"
        if len(values) > _SHOWN:
            yield f"      and {len(values) - _SHOWN:,} other values"


def loss_json(losses: Losses) -> str:
    """Return all of it as JSON."""
    return json.dumps(losses.to_dict(), indent=2, ensure_ascii=False) + "\n"


def loss_csv(losses: Losses) -> str:
    """Return a line for each column and each value that was not carried over."""
    written = io.StringIO()
    rows = csv.writer(written, lineterminator="\n")
    rows.writerow(_COLUMNS)
    for one in losses.files.values():
        for column in one.columns.values():
            head = (one.name, column.name, column.state, column.reason, column.known, column.carried)
            for each in column.values.values():
                rows.writerow(map(cell, (*head, each.value, each.why, each.count, each.place)))
            if not column.values:
                rows.writerow(map(cell, (*head, "", "", "", "")))
    return written.getvalue()


FORMS = {".txt": loss_text, ".json": loss_json, ".csv": loss_csv}
"""How a report is written, by the ending of its file."""

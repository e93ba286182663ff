"""Report on a web page what of tables was carried over and what not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from fhir_case.report.page.templates import page

if TYPE_CHECKING:
    from fhir_case.readers.table.losses import ColumnLoss, FileLoss, Losses, ValueLoss

__all__ = ["TablesRead", "import_page"]

_MOST_COLUMNS = 1_000
_MOST_VALUES = 1_000


@dataclass
class TablesRead:
    """
    What a page shows of the tables of a recipe.

    Args:
        losses: What became of them.
    """

    losses: Losses

    @property
    def columns(self) -> list[tuple[FileLoss, ColumnLoss]]:
        """Return the first columns in their order, each with its table."""
        return self._columns[:_MOST_COLUMNS]

    @property
    def more_columns(self) -> int:
        """Return how many columns are not shown."""
        return len(self._columns) - len(self.columns)

    @property
    def values(self) -> list[tuple[FileLoss, ColumnLoss, ValueLoss]]:
        """Return what was not carried over: what no map knew first, then what occurs most often."""
        return self._values[:_MOST_VALUES]

    @property
    def more_values(self) -> int:
        """Return how many values are not shown."""
        return len(self._values) - len(self.values)

    @property
    def marks(self) -> list[tuple[bool, str]]:
        """Return the results in a word each, and whether they are good."""
        right = not self.losses.wrong and not self.losses.left_out
        complete = next(self.losses.unexplained(), None) is None
        return [
            (right, "nothing is wrong" if right else "something is wrong"),
            (complete, "each loss has its reason" if complete else "losses without a reason"),
        ]

    @cached_property
    def _columns(self) -> list[tuple[FileLoss, ColumnLoss]]:
        return [(one, column) for one in self.losses.files.values() for column in one.columns.values()]

    @cached_property
    def _values(self) -> list[tuple[FileLoss, ColumnLoss, ValueLoss]]:
        found = [(file, column, value) for file, column in self._columns for value in column.values.values()]
        return sorted(found, key=lambda each: (not each[2].is_unknown, -each[2].count))


def import_page(losses: Losses, *, software: str) -> str:
    """
    Return the page of an import, with a search; whatever a table says is text in it, never markup.

    Args:
        losses: What became of the tables.
        software: The name and version of this program.
    """
    read = TablesRead(losses)
    script = "search.js" if read.values else ""
    return page("page/import.html.jinja", filters={}, script=script, read=read, software=software)

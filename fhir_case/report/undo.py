"""Report what undo removed and what it did not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.report.characters import printable
from fhir_case.report.counts import counts_table
from fhir_case.report.reasons import reasons_json, reasons_text
from fhir_case.wording import CountedReasons

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fhir_case.load.undo.undo import State, Undone

__all__ = ["undo_json", "undo_text"]

_WORDS: dict[State, str] = {"gone": "already gone", "left": "not deleted"}


def undo_text(server: str, counts: Mapping[State, int], remaining: Sequence[Undone]) -> str:
    """Return the counts as a table, then why resources were not deleted."""
    lines = [
        printable(f"Undone at {server}"),
        *counts_table({"Resources": {_WORDS.get(state, state): number for state, number in counts.items()}}),
    ]
    if remaining:
        lines += [
            "",
            "Not deleted:",
            *reasons_text(_reasons(remaining), len(remaining), rest="--format json lists all"),
        ]
    return "\n".join(lines)


def _reasons(remaining: Sequence[Undone]) -> list[dict[str, Any]]:
    found = CountedReasons()
    for each in remaining:
        name = each.stored_as or each.resource
        found.note(each.reason, name, name)
    return reasons_json(found)


def undo_json(server: str, counts: Mapping[State, int], remaining: Sequence[Undone]) -> dict[str, Any]:
    """Return the same as JSON."""
    return {
        "server": server,
        **{str(state): number for state, number in counts.items()},
        "reasons": _reasons(remaining),
        "left_over": [each.to_dict() for each in remaining],
    }

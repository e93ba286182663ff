"""Report what undo removed and what it did not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_case.report.characters import printable
from fhir_case.report.counts import counts_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fhir_case.load.undo.undo import State, Undone

__all__ = ["undo_json", "undo_text"]

_WORDS: dict[State, str] = {"gone": "already gone", "left": "not deleted"}


def undo_text(server: str, counts: Mapping[State, int], remaining: Sequence[Undone]) -> str:
    """Return the counts as a table, then each resource that was not deleted, with the reason."""
    lines = [
        printable(f"Undone at {server}"),
        *counts_table({"Resources": {_WORDS.get(state, state): number for state, number in counts.items()}}),
    ]
    if remaining:
        lines += [
            "",
            "Not deleted:",
            *(printable(f"  {each.stored_as or each.resource}: {each.reason}") for each in remaining),
        ]
    return "\n".join(lines)


def undo_json(server: str, counts: Mapping[State, int], remaining: Sequence[Undone]) -> dict[str, Any]:
    """Return the same as JSON."""
    return {
        "server": server,
        **{str(state): number for state, number in counts.items()},
        "left_over": [each.to_dict() for each in remaining],
    }

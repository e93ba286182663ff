"""Remember what a request without a proper response may have created, where nothing shows whether it did."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fhir_case.load.journal.entry import JournalEntry
    from fhir_case.load.plan.entry import PlannedEntry
    from fhir_case.load.send.before import Before

__all__ = ["Doubts"]

_FOUND = ("unchanged", "updated", "updated or unchanged")
_WHY = "a request without a response may have created it, or somebody else has"


class Doubts:
    """
    What was sent, may be stored, and is sent again: that the server has it then does not say whose it is.

    Attributes:
        of_all: Whether it is not known what was sent, so that this holds of all that is found.
    """

    def __init__(self) -> None:
        self._before: dict[tuple[str, int], list[Before]] = {}
        self.of_all = False

    def add(self, keys: Iterable[tuple[str, int]], before: Before) -> None:
        """
        Note that a request with some entries may have been carried out.

        Args:
            keys: Of each its document and its position there.
            before: What the server had before it.
        """
        for key in keys:
            self._before.setdefault(key, []).append(before)

    def marked(self, entries: Sequence[PlannedEntry], results: tuple[JournalEntry, ...]) -> tuple[JournalEntry, ...]:
        """Return what became of some entries, with a doubt where the server has it, and had not before."""
        if not (self._before or self.of_all):
            return results
        return tuple(
            replace(result, doubt=_WHY) if self._is_in_doubt(entry, result) else result
            for entry, result in zip(entries, results, strict=True)
        )

    def _is_in_doubt(self, entry: PlannedEntry, result: JournalEntry) -> bool:
        if result.state not in _FOUND or not result.stored_as:
            return False
        return self.of_all or any(_lacks(each, entry, result) for each in self._before.get(entry.key, ()))


def _lacks(before: Before, entry: PlannedEntry, result: JournalEntry) -> bool:
    """Whether a server did not have a resource before, or it is not known whether it had."""
    if entry.by_id:
        return before.versions is None or result.stored_as not in before.versions
    return not before.asked or result.stored_as not in before.identified

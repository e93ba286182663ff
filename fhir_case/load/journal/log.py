"""Where what happens to requests is written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fhir_case.load.journal.entry import JournalEntry
    from fhir_case.load.plan.entry import PlannedEntry

__all__ = ["Log"]


class Log(Protocol):
    """Write down what happens, before and after each request."""

    def sending(self, request: str, entries: Sequence[PlannedEntry]) -> None:
        """Note that a request is about to be sent."""
        ...

    def filling(self, request: str, entries: Sequence[PlannedEntry]) -> None:
        """Note that a request is about to be sent that fills in the references of what is stored."""
        ...

    def answered(self, request: str, entries: Sequence[JournalEntry]) -> None:
        """Note what became of the resources of a request; an empty request for those that needed none."""
        ...

    def not_done(self, request: str, reason: str, *, types: Sequence[str] = ()) -> None:
        """
        Note that nothing of a request was stored.

        Args:
            types: The types of what it creates, where the server may carry it out later all the same.
        """
        ...

"""What became of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fhir_case.wording import CountedReasons

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhir_case.errors import FhirCaseError
    from fhir_case.load.journal.entry import JournalEntry

__all__ = ["Result"]

_FAILURES_NAMED = 200


@dataclass(slots=True)
class Result:
    """
    What became of a run.

    Args:
        resources: How many resources the inputs have.
        earlier: How many of them an earlier run had stored.
        failures: The first two hundred resources that failed or of which it is not known, in the order of sending.
        first: The first of them that the server refused itself, not for another one in the same transaction.
        reasons: How many failed for each reason.
        error: What ended the run before all was sent; None when all was.
        seconds: How long sending took.
    """

    resources: int = 0
    earlier: int = 0
    failures: list[JournalEntry] = field(default_factory=list)
    first: JournalEntry | None = None
    reasons: CountedReasons = field(default_factory=CountedReasons)
    error: FhirCaseError | None = None
    seconds: float = 0.0

    def note(self, wrong: Iterable[JournalEntry]) -> None:
        """Note what failed, or of which it is not known."""
        for each in wrong:
            if len(self.failures) < _FAILURES_NAMED:
                self.failures.append(each)
            self.reasons.note(each.reason, each.place, each.resource)

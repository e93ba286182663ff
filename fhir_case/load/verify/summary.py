"""Count what reading back finds while it comes, so that inputs of any size take no more memory."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from fhir_case.load.verify.readback import AS_SENT, FINDINGS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhir_case.load.run.placeholders import Place
    from fhir_case.load.verify.readback import Comparison, Finding

__all__ = ["Findings"]

_KEPT = 100


class Findings:
    """
    Count comparisons, and keep the first hundred of those that are not as sent.

    ``placeholders`` counts what became of those that the server had made for the run of a journal.

    Args:
        server: The base URL.
    """

    def __init__(self, server: str) -> None:
        self.server = server
        self.wrong: list[Comparison] = []
        self.placeholders: Counter[Place] = Counter()
        self._counts: Counter[Finding] = Counter()

    def add(self, comparisons: Iterable[Comparison]) -> None:
        """Count some more."""
        for each in comparisons:
            self._counts[each.state] += 1
            if each.state not in AS_SENT and len(self.wrong) < _KEPT:
                self.wrong.append(each)

    @property
    def ok(self) -> bool:
        """Whether every resource was found and says what was sent, and no placeholder is gone."""
        return not self.wrong and not self.placeholders["gone"]

    @property
    def counts(self) -> dict[Finding, int]:
        """Return how many resources are in each state."""
        return {state: self._counts[state] for state in FINDINGS}

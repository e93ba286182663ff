"""Sum up comparisons while they come, so that inputs of any size take no more memory."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal, get_args

from fhir_case.load.verification.readback import GOOD, THERE, counts_of, reasons_of
from fhir_case.server.placeholders import batches, found_placeholders, is_placeholder
from fhir_case.wording import CountedReasons

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhir_case.load.survey.index import Index
    from fhir_case.load.verification.readback import Comparison, ComparisonState
    from fhir_case.load.verification.sample import Sample
    from fhir_case.server.client import Client

__all__ = ["PLACEHOLDER_STATES", "PlaceholderState", "VerificationSummary", "compare_placeholders"]

_KEPT = 100


class VerificationSummary:
    """
    The counts of comparisons, the first hundred of those that are not as sent, and why the others are not.

    ``placeholders`` counts what became of those that the server had made for the run of a journal.

    Args:
        server: The base URL.
        sample: Which resources are compared in full; None for all.

    Attributes:
        types: For each type how many resources were sent, and how many of them are there.
    """

    def __init__(self, server: str, sample: Sample | None = None) -> None:
        self.server = server
        self.sample = sample
        self.types: dict[str, tuple[int, int]] = {}
        self.wrong: list[Comparison] = []
        self.placeholders: Counter[PlaceholderState] = Counter()
        self.reasons = CountedReasons()
        self._counts: Counter[ComparisonState] = Counter()

    def add(self, comparisons: Iterable[Comparison]) -> None:
        """Count some more."""
        for each in comparisons:
            self._counts[each.state] += 1
            kind = each.resource.partition("/")[0]
            sent, there = self.types.get(kind, (0, 0))
            self.types[kind] = sent + 1, there + (each.state in THERE)
            if each.state not in GOOD:
                reasons_of([each], self.reasons)
                if len(self.wrong) < _KEPT:
                    self.wrong.append(each)

    @property
    def ok(self) -> bool:
        """Whether every resource was found and says what was sent, and no placeholder is gone."""
        return not self.wrong and not self.placeholders["gone"]

    @property
    def counts(self) -> dict[ComparisonState, int]:
        """Return how many resources are in each state."""
        return counts_of(self._counts)


PlaceholderState = Literal["placeholder", "replaced", "gone"]
PLACEHOLDER_STATES: tuple[PlaceholderState, ...] = get_args(PlaceholderState)


def compare_placeholders(index: Index, client: Client) -> Counter[PlaceholderState]:
    """
    Count the placeholders in an index that are still there, those that were replaced by a resource, and those gone.

    Raises:
        ServerError: The server was not reached, or is overloaded.
    """
    counts: Counter[PlaceholderState] = Counter()
    for names in batches(index.awaited()):
        lookup = found_placeholders(client, names)
        for name in names:
            stored = lookup.resources.get(name)
            counts["gone" if stored is None else "placeholder" if is_placeholder(stored) else "replaced"] += 1
    return counts

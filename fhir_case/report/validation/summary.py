"""The sums of the results of many documents."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fhir_case.wording import CountedNames

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhir_case.issues import CheckRun, Issue, State, ValidationResult

__all__ = ["CheckStates", "Summary"]

_STATES = {"could not run": 0, "ran": 1, "not applicable": 2}
_MAX_REASONS = 200
_MAX_NAMES = 1000
_MAX_CODES = 10_000


@dataclass
class CheckStates:
    """
    What became of one check in many documents.

    Args:
        name: The name of the check.
        state: Its worst state.
        reason: Why it did not run, in the first document where it had that state; empty when it ran.
        ran: Whether it ran on any document.
        not_run: The documents in which it could not run, by reason.
    """

    name: str
    state: State
    reason: str
    ran: bool = False
    not_run: dict[str, CountedNames] = field(default_factory=dict)

    def add(self, run: CheckRun, document: str) -> None:
        """Add its state in one document."""
        if _STATES[run.state] < _STATES[self.state]:
            self.state, self.reason = run.state, run.reason
        if run.state == "ran":
            self.ran = True
        elif run.state == "could not run" and (run.reason in self.not_run or len(self.not_run) < _MAX_REASONS):
            self.not_run.setdefault(run.reason, CountedNames(_MAX_NAMES)).note(document)


@dataclass
class Summary:
    """
    The sums of the results of many documents, which are not kept.

    Args:
        documents: How many were checked.
        resources: How many resources are in them.
        found: How many findings of each severity there are.
        kinds: How many of each severity and check.
        waived: How many findings a waiver accepts.
        checks: What became of each check.
        unchecked: The codes and displays that no code table knows, each once, as sentences name them.
    """

    documents: int = 0
    resources: int = 0
    found: Counter[str] = field(default_factory=Counter)
    kinds: Counter[tuple[str, str]] = field(default_factory=Counter)
    waived: int = 0
    checks: dict[str, CheckStates] = field(default_factory=dict)
    unchecked: dict[str, None] = field(default_factory=dict)

    def add(self, result: ValidationResult, name: str) -> None:
        """Add the result of the document of that name."""
        self.documents += 1
        self.resources += result.resources
        self.count(result.issues)
        for run in result.checks:
            known = self.checks.get(run.name)
            if known is None:
                known = self.checks[run.name] = CheckStates(run.name, run.state, run.reason)
                known.add(run, name)
            elif run.state != known.state or run.state == "could not run":  # nearly all of a million are as before
                known.add(run, name)

    def count(self, issues: Iterable[Issue]) -> None:
        """Count findings by severity and check."""
        for issue in issues:
            self.found[issue.severity] += 1
            self.kinds[issue.severity, issue.check] += 1
            if issue.check == "codes" and issue.code == "not-supported" and len(self.unchecked) < _MAX_CODES:
                self.unchecked[issue.message.removeprefix("not checked: ").partition(" is not ")[0]] = None

    @property
    def nothing_checked(self) -> bool:
        """Whether no check ran on any document."""
        return not any(check.ran for check in self.checks.values())

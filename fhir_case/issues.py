"""The findings of a check, and whether each check ran, did not apply, or could not run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

__all__ = ["MOST_RESOURCES", "NOT_ASKED", "SEVERITIES", "CheckRun", "Issue", "Severity", "State", "ValidationResult"]

Severity = Literal["error", "warning", "information"]
State = Literal["ran", "not applicable", "could not run"]

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""The severities, the worst first."""

MOST_RESOURCES = 300
"""Of so many resources, contained ones too, the models are asked without a word; they take 0.3 ms for each."""

NOT_ASKED = {"structure": f"not run for more than {MOST_RESOURCES} resources; --check structure runs it"}
"""The checks that are left out of large inputs, with the reason."""


@dataclass(frozen=True, slots=True)
class Issue:
    """
    One finding, shaped as an issue of an OperationOutcome.

    Args:
        severity: ``error``, ``warning`` or ``information``.
        check: The name of the check that found it, for example ``references``.
        message: What is wrong and, where it helps, what would be right.
        resource: ``Type/id`` of the resource concerned; empty for the Bundle itself.
        expression: The element in that resource, as in FHIRPath, for example ``Observation.value.unit``.
        code: The issue type, a code of http://hl7.org/fhir/issue-type.
        place: The same element from the document on, ``Bundle.entry[3].resource.value.unit``; empty when the resource
            is the document.

    Source: https://hl7.org/fhir/R4/operationoutcome.html
    """

    severity: Severity
    check: str
    message: str
    resource: str = ""
    expression: str = ""
    code: str = "invalid"
    place: str = ""

    def __str__(self) -> str:
        return f"{self.severity}: {self.text} [{self.check}]"

    @property
    def full_expression(self) -> str:
        """Return the element from the document on, as other validators write it."""
        return self.place or self.expression

    @property
    def text(self) -> str:
        """Return the message with the resource and the element."""
        where = " ".join(part for part in (self.resource, self.expression) if part)
        return f"{where}: {self.message}" if where else self.message


@dataclass(frozen=True, slots=True)
class CheckRun:
    """
    The state of one check.

    Args:
        name: The name of the check.
        state: ``ran``, ``not applicable`` or ``could not run``.
        reason: Why it did not run; empty when it ran.
    """

    name: str
    state: State
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """
    All findings about one Bundle or resource, and for each check whether it ran.

    Args:
        issues: The findings, errors first.
        checks: The state of each check, in the order in which they are tried.
        resources: How many resources were checked: those in the entries of a Bundle, else the one document.
    """

    issues: tuple[Issue, ...] = ()
    checks: tuple[CheckRun, ...] = field(default=())
    resources: int = 0

    @property
    def ok(self) -> bool:
        """Whether no check found an error. A check that could not run counts as neither."""
        return not any(issue.severity == "error" for issue in self.issues)

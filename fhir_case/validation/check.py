"""What a check is: a name, a reason, a source, and one function from the subject to findings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from fhir_case.errors import CheckerError
from fhir_case.issues import CheckRun
from fhir_case.validation.located import expression

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fhir_case.issues import Issue, Severity
    from fhir_case.validation.located import Located
    from fhir_case.validation.subject import Subject

__all__ = ["Check", "Finding", "always", "in_bundles", "of_types", "rule", "run_check"]


@dataclass(frozen=True, slots=True)
class Check:
    """
    One check.

    Args:
        name: Its name: that of the invariant in the specification where there is one.
        reason: Why it is made, one line.
        source: The page that states the rule, or what it rests on.
        run: Returns the findings. Raises `fhir_case.errors.CheckerError` when it cannot run.
        unless: Returns why the check does not apply to the subject; empty when it does.
        types: The resource types that it is about, when there is no word about it for documents without them; None when
            there always is one. There are so many invariants that to name each for every document would take longer
            than all the rest.
    """

    name: str
    reason: str
    source: str
    run: Callable[[Subject], Iterable[Issue]]
    unless: Callable[[Subject], str]
    types: frozenset[str] | None = None


def always(_: Subject) -> str:
    """Return no reason: the check applies to everything."""
    return ""


def in_bundles(*types: str) -> Callable[[Subject], str]:
    """Return what makes a check apply to Bundles of these types only; to all Bundles without a type."""

    def unless(subject: Subject) -> str:
        if not subject.is_bundle:
            return "it is about Bundles"
        if types and subject.bundle_type not in types:
            return f"it is about Bundles of type {' or '.join(types)}"
        return ""

    return unless


def of_types(*types: str) -> Callable[[Subject], str]:
    """Return what makes a check apply where at least one resource of these types is present."""

    def unless(subject: Subject) -> str:
        return f"there is no {' or '.join(types)}" if subject.by_type.keys().isdisjoint(types) else ""

    return unless


class Finding(NamedTuple):
    """
    One finding of a rule.

    Args:
        located: The resource concerned.
        message: What is wrong and, where it helps, what would be right.
        node: The dict or list in the resource that is wrong; None means the resource.
        tail: The element of that dict, with its dot: ``.code``.
        severity: ``error``, ``warning`` or ``information``.
        code: The issue type, a code of http://hl7.org/fhir/issue-type.
    """

    located: Located
    message: str
    node: object = None
    tail: str = ""
    severity: Severity = "error"
    code: str = "invariant"

    def issue(self, check: str) -> Issue:
        """Return it as the issue of a check."""
        located = self.located
        element = "" if self.node is None else expression(located.path_to(self.node) or ())
        return located.issue(self.severity, check, self.message, element + self.tail, self.code)


def rule(
    name: str, reason: str, source: str, unless: Callable[[Subject], str] = always
) -> Callable[[Callable[[Subject], Iterable[Finding]]], Check]:
    """Make the check of a function that returns findings; the arguments are those of `Check`."""

    def check(find: Callable[[Subject], Iterable[Finding]]) -> Check:
        return Check(name, reason, source, lambda subject: [found.issue(name) for found in find(subject)], unless)

    return check


@cache
def _run(name: str, state: Literal["ran", "not applicable"], reason: str) -> CheckRun:
    """Return one object for equal outcomes: a stream of Bundles has the same ones over and over."""
    return CheckRun(name, state, reason)


def run_check(check: Check, subject: Subject) -> tuple[list[Issue], CheckRun]:
    """Return the findings of one check, and whether it ran."""
    reason = check.unless(subject)
    if reason:
        return [], _run(check.name, "not applicable", reason)
    try:
        return list(check.run(subject)), _run(check.name, "ran", "")
    except CheckerError as error:
        return [], CheckRun(check.name, "could not run", str(error))

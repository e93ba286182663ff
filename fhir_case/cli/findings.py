"""The output of ``fhir-case validate`` in each of its formats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.cli.output import echo, echo_command, echo_data, echo_json, echo_json_pieces, shown_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fhir_case.report.validation.formats import Checked
    from fhir_case.report.validation.summary import Summary

__all__ = ["echo_findings", "echo_rules"]


def echo_findings(
    form: str, checked: Iterable[Checked], summary: Summary, *, failing: tuple[str, ...], verbose: bool
) -> None:
    """
    Write the findings.

    Args:
        form: ``text``, ``json``, ``junit``, ``sarif`` or ``github``.
        checked: The documents with their findings.
        summary: The counts, which are complete after the last document.
        failing: The severities that are a failure.
        verbose: Whether to show every finding.
    """
    lines = _rendered(form, checked, summary, failing=failing, verbose=verbose)
    if form == "json":
        echo_json_pieces(f"{line}\n" for line in lines)
        return
    for line in lines:
        if form == "text":
            echo(line)
        elif form == "github":
            echo_command(line)
        else:
            echo_data(f"{line}\n")


def _rendered(
    form: str, checked: Iterable[Checked], summary: Summary, *, failing: tuple[str, ...], verbose: bool
) -> Iterator[str]:
    from fhir_case.report.validation.formats import github_lines, junit_lines, sarif_lines
    from fhir_case.report.validation.text import group_lines, outcome_lines, summary_lines

    if form == "json":
        yield from outcome_lines(((one.name, issue) for one in checked for issue in one.result.issues), summary)
    elif form == "junit":
        yield from junit_lines(checked, failing=failing)
    elif form == "sarif":
        from fhir_case import __version__
        from fhir_case.validation import CHECKS

        yield from sarif_lines(checked, CHECKS, version=__version__)
    elif form == "github":
        yield from github_lines(checked, verbose=verbose)
        yield from map(shown_line, summary_lines(summary, verbose=verbose))
    else:
        if verbose:
            for one in checked:
                yield from group_lines(one.name, one.result.issues)
        else:
            yield from _kinds(checked)
        yield from summary_lines(summary, verbose=verbose)


def _kinds(checked: Iterable[Checked]) -> Iterator[str]:
    """Write a line for each kind of finding; also where the rest of the documents cannot be read."""
    from fhir_case.errors import FhirCaseError
    from fhir_case.report.validation.kinds import Kinds

    kinds = Kinds()
    try:
        for one in checked:
            kinds.add(one.name, one.result.issues)
    except (FhirCaseError, KeyboardInterrupt):
        yield from kinds.lines()
        raise
    yield from kinds.lines()


def echo_rules(form: str) -> None:
    """Write the checks, each with its reason and its source."""
    from fhir_case.fhir.invariants import NOT_CHECKED
    from fhir_case.report.validation.text import rule_lines
    from fhir_case.validation import CHECKS

    if form == "json":
        rules = [{"name": each.name, "reason": each.reason, "source": each.source} for each in CHECKS]
        echo_json({"rules": rules, "not_checked": NOT_CHECKED})
        return
    for line in rule_lines(CHECKS, NOT_CHECKED):
        echo(line)

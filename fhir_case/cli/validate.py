"""The command that checks FHIR JSON and says what it could not check."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fhir_case.issues import ValidationResult
    from fhir_case.report.validation import Summary
    from fhir_case.report.validation_formats import Checked
    from fhir_case.validation.documents import Document
    from fhir_case.validation.waivers import Waiver

__all__ = ["validate"]

_FOUND_ERRORS = 5
_NOTHING_CHECKED = 8


_FAILING: dict[str, tuple[str, ...]] = {"error": ("error",), "warning": ("error", "warning"), "never": ()}


@click.command()
@click.argument("paths", nargs=-1, metavar="PATH... | -")
@click.option("--fhir", type=click.Choice(["R4", "R5"]), default="R4", show_default=True, help="The release it is in.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "junit", "sarif", "github"]),
    default="text",
    show_default=True,
    help="Text for people; an OperationOutcome, JUnit XML, SARIF or annotations of GitHub Actions for programs.",
)
@click.option(
    "--fail-on",
    type=click.Choice(list(_FAILING)),
    default="error",
    show_default=True,
    help="The least finding that makes the exit code 5.",
)
@click.option(
    "--waivers",
    "waiver_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A TOML file of findings that are accepted, each with its reason.",
)
@click.option("--closed", is_flag=True, help="Every reference must resolve inside its Bundle.")
@click.option("--list-rules", is_flag=True, help="List the checks, each with its reason and its source.")
@click.option("--verbose", "-v", is_flag=True, help="Show every finding, and every check that did not run.")
def validate(
    *,
    paths: tuple[str, ...],
    fhir: Literal["R4", "R5"],
    form: str,
    fail_on: str,
    waiver_file: Path | None,
    closed: bool,
    list_rules: bool,
    verbose: bool,
) -> None:
    """
    Check FHIR JSON or a case file, and say what was not checked.

    PATH is a resource, a Bundle of any type, NDJSON, each also as .gz, or a directory of them; - is standard input. A
    case file (.yaml) is checked as the Bundle that it becomes, and a finding names the line of the case.
    The exit code is 0 when all is well, 5 when there are findings, 8 when nothing could be checked.
    """
    from fhir_case.report.validation import Summary, rule_lines

    if list_rules:
        from fhir_case.validation import CHECKS

        for line in rule_lines(CHECKS):
            click.echo(line)
        return
    if not paths:
        raise click.UsageError("Missing argument 'PATH... | -'.")
    for path in paths:
        if path != "-" and not Path(path).exists():
            raise click.UsageError(f"'{path}' does not exist.")
    waivers = _read_waivers(waiver_file)
    summary = Summary()
    checked = _check_all(paths, fhir, summary, closed=closed, verbose=verbose, waivers=waivers, source=str(waiver_file))
    for text in _rendered(form, checked, summary, failing=_FAILING[fail_on], verbose=verbose):
        click.echo(text)
    sys.exit(_exit_code(summary, fail_on))


def _read_waivers(path: Path | None) -> tuple[Waiver, ...]:
    from fhir_case.errors import FhirCaseError
    from fhir_case.validation.waivers import read_waivers

    if path is None:
        return ()
    try:
        return read_waivers(path)
    except FhirCaseError as error:
        raise click.BadParameter(str(error), param_hint="--waivers") from None


def _check_all(
    paths: tuple[str, ...],
    fhir: Literal["R4", "R5"],
    summary: Summary,
    *,
    closed: bool,
    verbose: bool,
    waivers: tuple[Waiver, ...],
    source: str,
) -> Iterator[Checked]:
    """Check document by document, add up, and last of all report what is wrong with the waivers, from `source`."""
    from dataclasses import replace

    from fhir_case.issues import ValidationResult
    from fhir_case.report.validation_formats import Checked
    from fhir_case.validation.waivers import as_information, unused, waived

    used: set[Waiver] = set()
    for document in _documents(paths):
        result = _check(document, fhir, closed=closed)
        kept, accepted = waived(result.issues, waivers)
        used.update(waiver for _, waiver in accepted)
        summary.add(replace(result, issues=kept))
        summary.waived += len(accepted)
        shown = kept + as_information(accepted) if verbose else kept
        yield Checked(document.source, replace(result, issues=shown), document.line)
    issues = unused(waivers, used, summary.checks)
    if issues:
        summary.found.update(issue.severity for issue in issues)
        yield Checked(source, ValidationResult(issues))


def _rendered(
    form: str, checked: Iterable[Checked], summary: Summary, *, failing: tuple[str, ...], verbose: bool
) -> Iterator[str]:
    from fhir_case.report.validation import group_lines, outcome, summary_lines
    from fhir_case.report.validation_formats import github_lines, junit_lines, sarif

    if form == "json":
        import orjson

        issues = [(one.name, issue) for one in checked for issue in one.result.issues]
        yield orjson.dumps(outcome(issues, summary), option=orjson.OPT_INDENT_2).decode()
    elif form == "junit":
        yield from junit_lines(checked, failing=failing)
    elif form == "sarif":
        from fhir_case import __version__
        from fhir_case.validation import CHECKS

        yield sarif(checked, CHECKS, version=__version__)
    elif form == "github":
        yield from github_lines(checked, verbose=verbose)
        yield from summary_lines(summary, verbose=verbose)
    else:
        for one in checked:
            yield from group_lines(one.name, one.result.issues, verbose=verbose)
        yield from summary_lines(summary, verbose=verbose)


def _documents(paths: tuple[str, ...]) -> Iterator[Document]:
    from fhir_case.errors import CheckerError
    from fhir_case.validation.documents import find_documents, read_documents

    for path in paths:
        if path == "-":
            yield from read_documents(sys.stdin.buffer, "-")
            continue
        empty = True
        for document in find_documents(Path(path)):
            empty = False
            yield document
        if empty:
            raise CheckerError("there is no .json or .ndjson file in this directory", where=path)


def _check(document: Document, fhir: Literal["R4", "R5"], *, closed: bool) -> ValidationResult:
    from dataclasses import replace

    from fhir_case.issues import ValidationResult
    from fhir_case.validation import validate as check
    from fhir_case.validation.case_file import located

    if document.content is None:
        return ValidationResult(document.issues, (document.run,))
    result = check(document.content, fhir=fhir, closed=closed or document.form == "case")
    issues = document.issues + tuple(located(issue, document.places) for issue in result.issues)
    return replace(result, issues=issues, checks=(document.run, *result.checks))


def _exit_code(summary: Summary, fail_on: str) -> int:
    if summary.nothing_checked:
        return _NOTHING_CHECKED
    return _FOUND_ERRORS if any(summary.found[kind] for kind in _FAILING[fail_on]) else 0

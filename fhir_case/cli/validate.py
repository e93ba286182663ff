"""The command that checks FHIR JSON and says what it could not check."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.issues import Issue, ValidationResult
    from fhir_case.report.validation import Summary
    from fhir_case.validation.documents import Document

__all__ = ["validate"]

_FOUND_ERRORS = 5
_NOTHING_CHECKED = 8


@click.command()
@click.argument("paths", nargs=-1, metavar="PATH... | -")
@click.option("--fhir", type=click.Choice(["R4", "R5"]), default="R4", show_default=True, help="The release it is in.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "never"]),
    default="error",
    show_default=True,
    help="The least finding that makes the exit code 5.",
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
    closed: bool,
    list_rules: bool,
    verbose: bool,
) -> None:
    """
    Check FHIR JSON, and say what was not checked.

    PATH is a resource, a Bundle of any type, NDJSON, each also as .gz, or a directory of them; - is standard input.
    The exit code is 0 when all is well, 5 when there are findings, 8 when nothing could be checked.
    """
    from fhir_case.report.validation import Summary, group_lines, outcome, rule_lines, summary_lines

    if list_rules:
        from fhir_case.validation import CHECKS

        for line in rule_lines(CHECKS):
            click.echo(line)
        return
    if not paths:
        raise click.UsageError("Missing argument 'PATH... | -'.")
    summary = Summary()
    issues: list[tuple[str, Issue]] = []
    for document in _documents(paths):
        result = _check(document, fhir, closed=closed)
        summary.add(result)
        if form == "json":
            issues += [(document.name, issue) for issue in result.issues]
        else:
            for line in group_lines(document.name, result.issues, verbose=verbose):
                click.echo(line)
    if form == "json":
        import orjson

        click.echo(orjson.dumps(outcome(issues, summary), option=orjson.OPT_INDENT_2))
    else:
        for line in summary_lines(summary, verbose=verbose):
            click.echo(line)
    sys.exit(_exit_code(summary, fail_on))


def _documents(paths: tuple[str, ...]) -> Iterator[Document]:
    from fhir_case.errors import CheckerError
    from fhir_case.validation.documents import find_documents, read_documents

    for path in paths:
        if path == "-":
            yield from read_documents(sys.stdin.buffer, "-")
            continue
        if not Path(path).exists():
            raise click.UsageError(f"'{path}' does not exist.")
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

    if document.content is None:
        return ValidationResult(document.issues, (document.run,))
    result = check(document.content, fhir=fhir, closed=closed)
    return replace(result, issues=document.issues + result.issues, checks=(document.run, *result.checks))


def _exit_code(summary: Summary, fail_on: str) -> int:
    if summary.nothing_checked:
        return _NOTHING_CHECKED
    failing = {"error": ("error",), "warning": ("error", "warning"), "never": ()}[fail_on]
    return _FOUND_ERRORS if any(summary.found[kind] for kind in failing) else 0

"""``fhir-case validate``: check FHIR JSON or a case file."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from fhir_case.cli.options import completion
from fhir_case.cli.options.building import codes_option, mapping_option
from fhir_case.cli.options.checks import check_options, left_out
from fhir_case.cli.options.declarations import ANY_PATH, fhir_option, output_options, usage_errors
from fhir_case.cli.options.engines import engine_options, engines
from fhir_case.cli.options.files import expanded
from fhir_case.cli.options.pages import named_inputs, page_options, require_page, write_report
from fhir_case.cli.options.recipes import say_losses, table_options_option
from fhir_case.cli.output import echo_warning
from fhir_case.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from fhir_case.documents import Document, Text
    from fhir_case.fhir.models import FhirVersion
    from fhir_case.issues import ValidationResult
    from fhir_case.report.page import CheckedPage
    from fhir_case.report.validation.formats import Checked
    from fhir_case.report.validation.summary import Summary
    from fhir_case.validation.terminology import TerminologyServer
    from fhir_case.validation.waivers import Waiver

__all__ = ["validate"]

_FAILING: dict[str, tuple[str, ...]] = {"error": ("error",), "warning": ("error", "warning"), "never": ()}


@click.command()
@click.argument("paths", nargs=-1, metavar="PATH... | -", shell_complete=completion.cases)
@fhir_option("The FHIR release of the files; of a case file, the one to build in.")
@mapping_option
@codes_option
@table_options_option
@output_options(
    "junit", "sarif", "github",
    meaning="Text for people; an OperationOutcome, JUnit XML, SARIF or annotations of GitHub Actions for programs.",
)  # fmt: skip
@click.option(
    "--fail-on",
    type=click.Choice(list(_FAILING)),
    default="error",
    help="The lowest severity that makes the exit code 5.",
)
@click.option(
    "--waivers",
    "waiver_file",
    metavar="FILE",
    type=ANY_PATH,
    help="A TOML file of accepted findings, each with its reason.",
)
@engine_options
@check_options
@click.option(
    "--terminology",
    metavar="URL",
    help="A terminology server that is asked about codes that no code table knows; it receives systems and codes only.",
)
@click.option("--closed", is_flag=True, help="Every reference must resolve inside its Bundle.")
@click.option("--list-rules", is_flag=True, help="List the checks, each with its reason and its source.")
@click.option(
    "--verbose", "-v", is_flag=True, help="Show every finding, not a line a kind, and every check that did not run."
)
@page_options
def validate(
    *,
    paths: tuple[str, ...],
    fhir: FhirVersion,
    mapping_files: tuple[Path, ...],
    form: str,
    fail_on: str,
    waiver_file: Path | None,
    skip: tuple[str, ...],
    forced: tuple[str, ...],
    jobs: int | None,
    terminology: str | None,
    closed: bool,
    list_rules: bool,
    verbose: bool,
    page: Path | None,
    opens_page: bool,
    **engine_choice: Any,
) -> None:
    """
    Check FHIR JSON or a case file, and say what was not checked.

    PATH is a resource, a Bundle of any type, NDJSON, each also as .gz or .bz2; a .zip archive or a directory of them;
    or a pattern in quotes ('data/**/*.ndjson'); - is standard input. A case file (.yaml), or each case of a recipe for
    tables, is checked as its Bundle, and findings name the line of the case. Resources are counted without the Bundle
    itself and without contained ones.

    The exit code is 0 without findings, 5 with findings, 8 when nothing could be checked, or an --engine could not run.
    """
    from fhir_case.cli.findings import echo_findings, echo_rules
    from fhir_case.report.validation.summary import Summary

    if list_rules:
        echo_rules(form)
        return
    if not paths:
        raise click.UsageError("Missing argument 'PATH... | -'.")
    require_page(page, opens_page=opens_page)
    from fhir_case.validation.document import check_document, check_document_profiles
    from fhir_case.validation.second_opinion import is_asked_by_itself
    from fhir_case.validation.workers.checking import Checking
    from fhir_case.validation.workers.profiles import with_profiles

    if mapping_files:
        from fhir_case.mapping import discover

        discover(mapping_files)  # a mapping that is wrong is not a finding about the files
    inputs = expanded(paths)
    _require_documents(inputs)
    waivers = _read_waivers(waiver_file)
    is_small, documents = is_asked_by_itself(_documents(inputs, fhir, mapping_files))
    reasons = left_out(skip, forced, is_small=is_small)
    summary, on_page = Summary(), _page() if page else None
    with engines(**engine_choice, fhir=fhir) as validators, _terminology_server(terminology) as asked:
        check = partial(check_document, fhir=fhir, closed=closed, skip=reasons, check=forced, terminology=asked)
        profiles = partial(check_document_profiles, fhir=fhir, skip=skip, engines=validators)
        with Checking(check, jobs=1 if asked else jobs) as checking:  # a code is asked for once
            results = with_profiles(checking.results(documents), profiles, engines=validators)
            checked = _added_up(
                results,
                summary,
                verbose=verbose,
                waivers=waivers,
                skip=reasons,
                source=str(waiver_file),
                on_page=on_page,
            )
            echo_findings(form, checked, summary, failing=_FAILING[fail_on], verbose=verbose)
    say_losses()
    if page and on_page:
        from fhir_case import __version__

        title = f"Check of {named_inputs(paths)}"
        write_report(page, on_page.report(title, summary, software=f"fhir-case {__version__}"), opens_page=opens_page)
    named = [engine.name for engine in validators if not engine.claimed_only]
    sys.exit(_exit_code(summary, fail_on, validators=named))


def _page() -> CheckedPage:
    from fhir_case.report.page import CheckedPage

    return CheckedPage()


def _terminology_server(url: str | None) -> AbstractContextManager[TerminologyServer | None]:
    from contextlib import nullcontext

    if url is None:
        return nullcontext()
    from fhir_case.validation.terminology import TerminologyServer

    with usage_errors(option="--terminology"):
        return TerminologyServer(url)


def _require_documents(paths: Sequence[Path | None]) -> None:
    """Refuse a directory with nothing to check before anything is written, so that no output is incomplete."""
    from fhir_case.documents import find_texts
    from fhir_case.errors import CheckerError

    for path in paths:
        if path and path.is_dir() and next(find_texts(path), None) is None:
            raise CheckerError("there is no .json or .ndjson file in this directory", where=str(path))


def _read_waivers(path: Path | None) -> tuple[Waiver, ...]:
    from fhir_case.validation.waivers import read_waivers

    if path is None:
        return ()
    with usage_errors(option="--waivers"):
        return read_waivers(path)


def _added_up(
    results: Iterable[tuple[Document | Text, ValidationResult]],
    summary: Summary,
    *,
    verbose: bool,
    waivers: tuple[Waiver, ...],
    skip: Collection[str],
    source: str,
    on_page: CheckedPage | None,
) -> Iterator[Checked]:
    """Leave out waived findings, add up the summary, and last report mistakes in the waivers, from `source`."""
    from dataclasses import replace

    from fhir_case.documents import Text, read_document
    from fhir_case.issues import CheckRun, ValidationResult
    from fhir_case.report.validation.formats import Checked
    from fhir_case.server.redaction import redacted
    from fhir_case.validation.waivers import as_information, unused, waived

    used: set[Waiver] = set()
    for document, result in results:
        kept, accepted = waived(redacted(result.issues), waivers)
        used.update(waiver for _, waiver in accepted)
        shown = kept + as_information(accepted) if verbose else kept
        checked = Checked(document.source, replace(result, issues=shown), document.line)
        summary.add(replace(result, issues=kept), checked.name)
        summary.waived += len(accepted)
        if on_page is not None:
            on_page.add(read_document(*document) if isinstance(document, Text) else document, kept)
        yield checked
    looked_at = {
        name: CheckRun(name, check.state, check.reason) for name, check in summary.checks.items() if name not in skip
    }
    issues = unused(waivers, used, looked_at)
    if issues:
        summary.count(issues)
        yield Checked(source, ValidationResult(issues))


def _documents(
    paths: Sequence[Path | None], fhir: FhirVersion, mapping_files: Sequence[Path]
) -> Iterator[Document | Text]:
    from fhir_case.documents import find_texts, read_texts
    from fhir_case.wording import CountedNames

    passed_over: dict[str, CountedNames] = {}

    def note(name: str, reason: str) -> None:
        passed_over.setdefault(reason, CountedNames()).note(name)

    for path in paths:
        if path is None:
            yield from read_texts(sys.stdin.buffer, "-")
        else:
            yield from find_texts(path, fhir=fhir, mapping_files=mapping_files, passed_over=note)
    for reason, names in passed_over.items():
        echo_warning(f"Passed over ({reason}): {names}")


def _exit_code(summary: Summary, fail_on: str, *, validators: Sequence[str]) -> ExitCode:
    if summary.nothing_checked:
        return ExitCode.CHECKER
    if any(summary.found[kind] for kind in _FAILING[fail_on]):
        return ExitCode.FINDINGS
    # An engine that was named and could check none of the documents is not a success.
    states = [summary.checks[name] for name in validators if name in summary.checks]
    failed = any(check.state == "could not run" and not check.ran for check in states)
    return ExitCode.CHECKER if failed else ExitCode.DONE

"""``fhir-case upload``: load FHIR files into a server."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fhir_case.cli.options import completion
from fhir_case.cli.options.building import codes_option
from fhir_case.cli.options.connection import connection_options
from fhir_case.cli.options.declarations import (
    ANY_FILE,
    ANY_FOLDER,
    fhir_option,
    output_options,
    renamed_option,
    seconds_option,
    timeout_option,
)
from fhir_case.cli.options.files import write_file
from fhir_case.cli.options.named_servers import server_option
from fhir_case.cli.options.pages import named_inputs, page_options, require_page, write_report
from fhir_case.cli.options.recipes import say_losses, table_options_option
from fhir_case.cli.output import echo_error, echo_json, echo_json_pieces, echo_notice, echo_text, echo_warning
from fhir_case.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.load.plan.transaction import Transaction
    from fhir_case.load.run.load import Load
    from fhir_case.load.run.result import Result
    from fhir_case.server.named import NamedServer

__all__ = ["upload"]

_RESUMES = "; the same command resumes"


def _concurrency(_: click.Context, __: click.Parameter, value: str) -> int:
    if value == "auto":
        return 0
    if value.isascii() and value.isdigit() and 1 <= int(value) <= 64:
        return int(value)
    raise click.BadParameter("a number from 1 to 64, or auto, is expected")


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", shell_complete=completion.files)
@server_option(required=True)
@fhir_option()
@codes_option
@table_options_option
@click.option("--dry-run", is_flag=True, help="Show the plan, and send nothing.")
@click.option("-o", "--output", "--out", "out", type=ANY_FOLDER, help="With --dry-run: the folder for the requests.")
@click.option("--as-is", is_flag=True, help="Send each transaction and batch unchanged.")
@click.option(
    "--as-resource",
    is_flag=True,
    help="Store each Bundle as a resource of its own, whatever its type, in place of what is in it.",
)
@click.option(
    "--ids",
    type=click.Choice(["given", "server"]),
    default="given",
    help="Keep the ids of the resources, or let the server assign them where there is an identifier.",
)
@click.option(
    "--concurrency", default="auto", callback=_concurrency, metavar="N|auto", help="How many requests in parallel."
)
@click.option(
    "--merge", type=click.IntRange(1, 5000), default=200, metavar="N", help="Merge small transactions, up to N entries."
)
@click.option("--max-entries", type=click.IntRange(1), metavar="N", help="The server takes N entries a request.")
@click.option("--max-bytes", type=click.IntRange(1000), metavar="N", help="The server takes N bytes a request.")
@click.option("--gzip/--no-gzip", default=True, help="Compress large requests (gzip), except to this machine.")
@click.option("--isolate", is_flag=True, help="When entries of a Bundle are refused, send the rest of it without them.")
@click.option("--keep-going", is_flag=True, help="When files cannot be loaded, list them and load the rest.")
@click.option("--allow-dangling", is_flag=True, help="Send references whose target is neither in the files nor there.")
@click.option("--placeholders", is_flag=True, help="The server makes placeholders for dangling references.")
@click.option("--other-release", is_flag=True, help="Send also what is written in another release than the server's.")
@seconds_option("--retry-for", "retry_s", 300.0, "How long to retry one request.")
@seconds_option("--settle-for", "settle_s", 10.0, "How long to look up what a request without a response has stored.")
@click.option(
    "--journal", type=ANY_FILE, metavar="FILE", help="The journal; default: a file in the user's state folder."
)
@click.option("--restart", is_flag=True, help="Start again from the beginning, also after an interrupted run.")
@click.option("--resend-missing", is_flag=True, help="Resume: send again what the server does not have any more.")
@page_options
@output_options()
@timeout_option()
@connection_options
@renamed_option("--new", "--restart", is_flag=True)
@renamed_option("--most-entries", "--max-entries", type=click.IntRange(1))
@renamed_option("--most-bytes", "--max-bytes", type=click.IntRange(1000))
def upload(
    files: tuple[str, ...],
    server: NamedServer,
    fhir: str,
    *,
    dry_run: bool,
    out: Path | None,
    journal: Path | None,
    restart: bool,
    form: str,
    page: Path | None,
    opens_page: bool,
    **options: Any,
) -> None:
    """
    Load FHIR files into a server, each resource once.

    FILE is a Bundle of any type, a resource, NDJSON, a case file, a recipe for tables, a directory, the manifest of a
    Bulk Data export, a pattern, or - for standard input; also compressed as .gz, .bz2 or .zip. Each Bundle is stored
    whole or not at all, unless it is larger than what the server takes in one request. Loading again changes nothing.
    After an interruption, the same command resumes.
    """
    if out and not dry_run:
        raise click.UsageError("-o needs --dry-run.")
    require_page(page, opens_page=opens_page)
    if page and dry_run:
        raise click.UsageError("--html shows what was loaded, and --dry-run loads nothing.")
    if options["as_is"] and options["as_resource"]:
        raise click.UsageError("--as-is sends Bundles as requests, --as-resource stores them: choose one.")
    from fhir_case.cli.options.loads import file_load, read

    with file_load(files, server, fhir, dry_run=dry_run, **options) as load:
        echo_notice(f"Reading {', '.join(files[:3])}{' …' if len(files) > 3 else ''}")
        if not dry_run:
            load.check_server()
        with _resumable():
            survey = read(load, files)
        say_losses()
        if dry_run:
            _show_plan(load, form, out)
            sys.exit(ExitCode.BUNDLE if survey.left_out else ExitCode.DONE)
        from fhir_case.report.counts import counted

        with _resumable():
            path, earlier = _opened(load, journal, files, restart=restart)
        if earlier:
            echo_notice(f"Resuming: {counted(earlier, 'resource')} of an earlier run are stored ({path})")
        else:
            echo_notice(f"Sending {counted(survey.resources, 'resource')} to {load.base_url}")
        result = _sent(load)
        value = _show(load, result, path, form)
        if page:
            _write_page(load, result, value, page, named_inputs(files), opens_page=opens_page)
    _end(load, result, left_out=len(survey.left_out))


@contextmanager
def _resumable() -> Iterator[None]:
    """Say that nothing is lost when a look-up fails before anything is sent."""
    from fhir_case.errors import ServerError

    try:
        yield
    except ServerError as error:
        echo_error(error, before="fhir-case: ", after=_RESUMES)
        sys.exit(error.exit_code)


def _opened(load: Load, journal: Path | None, files: tuple[str, ...], *, restart: bool) -> tuple[Path, int]:
    """Open the journal of an interrupted run, or a new one."""
    from fhir_case.cli.options.journals import default_journal

    path = journal or default_journal(load.base_url, load.options.fhir, files)
    return path, load.open_journal(path, fresh="always" if restart else "" if journal else "finished")


def _show_plan(load: Load, form: str, out: Path | None) -> None:
    from fhir_case.report.plan import plan_pieces, plan_text

    if form == "json":
        echo_json_pieces(plan_pieces(load.base_url, _plan(load, out)))
    else:
        for name, level, transaction in _plan(load, out):
            echo_text(plan_text(name, level, transaction))
    _warn(load)


def _plan(load: Load, out: Path | None) -> Iterator[tuple[str, int, Transaction]]:
    """Return each request that would be sent, with its name and level; where a folder is named, write it there."""
    from fhir_case.fhir import wire

    for number, (level, job) in enumerate(load.jobs(), 1):
        for part, transaction in enumerate(job, 1):
            name = f"{number:05}{f'-{part}' if len(job) > 1 else ''}.json"
            if out:
                write_file(out / name, transaction.raw or wire.dump(transaction.body(), indent=True))
            yield name, level, transaction


def _warn(load: Load) -> None:
    for warning in load.read().warnings:
        echo_warning(warning, before="Warning: ")


def _sent(load: Load) -> Result:
    """Send; Ctrl-C lets the requests in flight finish, so that the journal is complete."""
    from fhir_case.cli.progress.upload import progress

    with progress(load) as on_progress:
        try:
            return load.run(on_progress)
        except KeyboardInterrupt:
            echo_notice("Stopped after in-flight requests; the same command resumes")
            raise click.Abort from None


def _show(load: Load, result: Result, journal: Path, form: str) -> dict[str, Any]:
    from fhir_case.report.upload import summary, summary_text
    from fhir_case.server.redaction import redacted

    warnings = load.read().warnings
    value: dict[str, Any] = summary(
        load.base_url, result, load.tally, warnings, str(journal), placeholders=load.placeholders
    )
    value = redacted(value)
    if form == "json":
        echo_json(value)
    else:
        echo_text(summary_text(value))
    _warn(load)
    return value


def _write_page(load: Load, result: Result, value: dict[str, Any], page: Path, about: str, *, opens_page: bool) -> None:
    """Write the page; what has been loaded is loaded, also where a file cannot be read again for it."""
    from fhir_case import __version__
    from fhir_case.errors import FhirCaseError
    from fhir_case.load.journal.reader import read_requests
    from fhir_case.report.page import upload_on_page

    try:
        report = upload_on_page(
            value, load.originals(), read_requests(Path(value["journal"])), failures=result.failures,
            software=f"fhir-case {__version__}", about=about,
        )  # fmt: skip
    except FhirCaseError as error:
        echo_error(error, before="The page is not written: ")
    else:
        write_report(page, report, opens_page=opens_page)


def _end(load: Load, result: Result, *, left_out: int) -> None:
    from fhir_case.errors import BundleError

    if load.stop.is_set() and result.error is None:
        raise click.Abort
    if result.error is not None:
        echo_error(result.error, before="fhir-case: ", after="" if isinstance(result.error, BundleError) else _RESUMES)
        sys.exit(result.error.exit_code)
    if load.tally.states["unknown"]:
        sys.exit(ExitCode.SERVER)
    if load.tally.states["failed"] or load.tally.open or load.placeholders.missing.count:
        sys.exit(ExitCode.REJECTED)
    if left_out:
        sys.exit(ExitCode.BUNDLE)

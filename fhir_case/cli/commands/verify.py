"""``fhir-case verify``: read back what was loaded, and compare."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fhir_case.cli.options import completion
from fhir_case.cli.options.building import codes_option
from fhir_case.cli.options.connection import connection_options, server_of_journal
from fhir_case.cli.options.declarations import fhir_option, output_options, timeout_option
from fhir_case.cli.options.named_servers import server_option
from fhir_case.cli.options.pages import named_inputs, page_options, require_page, write_report
from fhir_case.cli.options.recipes import table_options_option, use_data
from fhir_case.cli.output import echo_error, echo_json_pieces, echo_notice, echo_text
from fhir_case.errors import ExitCode, FhirCaseError

if TYPE_CHECKING:
    from fhir_case.load.plan.entry import PlannedEntry
    from fhir_case.load.run.load import Load
    from fhir_case.load.verification.readback import Comparison
    from fhir_case.load.verification.sample import Sample
    from fhir_case.load.verification.summary import VerificationSummary
    from fhir_case.report.page import Gathered
    from fhir_case.server.named import NamedServer

__all__ = ["verify"]

_SKIPPED_NAMED = 100


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...|JOURNAL", shell_complete=completion.files)
@server_option(required=False, note="; a journal has it")
@fhir_option()
@codes_option
@table_options_option
@output_options()
@click.option("--as-resource", is_flag=True, help="As for upload; a journal has it.")
@click.option(
    "--sample", "size", type=click.IntRange(1), metavar="N", help="Count all, by type, and compare only N in full."
)
@click.option("--seed", type=click.IntRange(0), default=1, metavar="S", help="What chooses the sample.")
@page_options
@timeout_option()
@connection_options
def verify(
    files: tuple[str, ...],
    server: NamedServer | None,
    fhir: str,
    *,
    form: str,
    size: int | None,
    seed: int,
    page: Path | None,
    opens_page: bool,
    **options: Any,
) -> None:
    """
    Read every resource back from a FHIR server and compare it with what was sent.

    FILE is what was loaded, as for upload, or - for standard input. JOURNAL is the file that the summary of an upload
    names: it has the server and the files. The exit code is 5 when a resource is altered or lost, was refused, or
    cannot be looked up. With a journal, files that could not be loaded are skipped; the exit code is 4 when all else
    is as sent. With --sample, every resource is looked up, and the same N by chance are compared.
    """
    from fhir_case.cli.options.loads import file_load, read
    from fhir_case.load.journal.reader import read_header
    from fhir_case.load.survey.inputs import IN_MEMORY
    from fhir_case.load.verification.sample import Sample

    require_page(page, opens_page=opens_page)
    named, page = page, page and page.absolute()  # a journal changes the folder
    about = named_inputs(files)
    journal = Path(files[0]) if len(files) == 1 and _is_journal(files[0]) else None
    if journal is not None:
        header = read_header(journal)
        server, fhir = server_of_journal(server, header.server), header.fhir
        files = header.named
        if IN_MEMORY in files:
            raise click.UsageError(f"{journal} has no Bundle to compare with: give its file instead, as bundle.json.")
        journal = journal.absolute()
        _go_to(header.folder)
        use_data(header.data)
        options |= {name: header.options[name] for name in ("ids", "as_is", "as_resource") if name in header.options}
        options["keep_going"] = True
    if server is None:
        raise click.UsageError(_without_server(files))
    with file_load(files, server, fhir, allow_dangling=True, other_release=True, **options) as load:
        survey = read(load, files)
        echo_notice(f"Reading back from {load.base_url} …")
        skipped: list[str] = []
        gathered = _gathered(load) if page else None
        found = _compared(load, journal, form, skipped, gathered, sample=Sample(size, seed) if size else None)
        if page and gathered:
            _write_page(page, found, gathered, skipped, about, opens_page=opens_page, named=named)
        if not found.ok:
            sys.exit(ExitCode.FINDINGS)
    if survey.left_out or skipped:
        sys.exit(ExitCode.BUNDLE)


def _without_server(files: tuple[str, ...]) -> str:
    """Return what is wrong with files that are compared with no server: one that is meant as a journal is none."""
    (first, *more) = files
    if not more and first != "-" and not any(sign in first for sign in "*?["):
        if not Path(first).exists():
            return f"{first}: there is no such file."
        if Path(first).suffix == ".jsonl":
            return f"{first} is not the journal of an upload, which would name the server: name it by --server."
    return "Missing option '--server': only the journal of an upload names its server."


def _gathered(load: Load) -> Gathered:
    from fhir_case.report.page import Gathered

    return Gathered(load.base_url)


def _write_page(
    page: Path,
    found: VerificationSummary,
    gathered: Gathered,
    skipped: list[str],
    about: str,
    *,
    opens_page: bool,
    named: Path | None,
) -> None:
    from fhir_case import __version__
    from fhir_case.report.page import Report

    report = Report(
        f"Read back from {found.server}", about, f"fhir-case {__version__}", gathered, server=found.server,
        verification=found, skipped=tuple(skipped),
    )  # fmt: skip
    write_report(page, report, opens_page=opens_page, named=named)


def _compared(
    load: Load,
    journal: Path | None,
    form: str,
    skipped: list[str],
    gathered: Gathered | None,
    *,
    sample: Sample | None,
) -> VerificationSummary:
    """
    Compare every resource, or a sample, report, and return the counts.

    Args:
        skipped: The documents that the upload had skipped are added to it.
        gathered: The resources are added to it, for a page.
    """
    from fhir_case.load.journal.reader import read_records
    from fhir_case.load.verification.files import read_back_inputs
    from fhir_case.load.verification.readback import THERE
    from fhir_case.load.verification.summary import VerificationSummary, compare_placeholders
    from fhir_case.report.verification import VerificationJson, verification_text
    from fhir_case.server.redaction import redacted

    found = VerificationSummary(load.base_url, sample)
    with VerificationJson() as as_json:
        if journal is not None:
            load.check_inputs(journal)
        records = read_records(journal) if journal else ()
        for piece in read_back_inputs(
            load,
            records,
            on_skipped=partial(_note_skipped, skipped),
            on_compared=partial(_note_compared, gathered) if gathered else lambda *_: None,
            sample=sample,
        ):
            comparisons = redacted(piece.comparisons)
            found.add(comparisons)
            if form == "json":
                as_json.add(comparisons)
        if not any(found.counts.get(state) for state in THERE):
            load.check_server()  # where the base URL is wrong, nothing is lost
        found.placeholders = compare_placeholders(load.index, load.client)
        if form == "json":
            echo_json_pieces(text.decode() for text in as_json.pieces(found))
        else:
            echo_text(verification_text(found))
    return found


def _note_compared(gathered: Gathered, entry: PlannedEntry, comparison: Comparison) -> None:
    from fhir_case.report.page import note_compared
    from fhir_case.server.redaction import redacted

    note_compared(gathered, entry.original, redacted(comparison))


def _note_skipped(skipped: list[str], document: str) -> None:
    skipped.append(document)
    if len(skipped) <= _SKIPPED_NAMED:
        echo_error(FhirCaseError("the upload had skipped it", where=document), before="Skipped: ")
    elif len(skipped) == _SKIPPED_NAMED + 1:
        echo_error("…", before="Skipped: ")


def _go_to(folder: str) -> None:
    """Change to the folder of the upload, since its journal has file names relative to that."""
    if folder:
        try:
            os.chdir(folder)
        except OSError as error:
            raise click.UsageError(f"The upload was called in {folder}: {error.strerror}.") from None


def _is_journal(name: str) -> bool:
    from fhir_case.load.journal.reader import FIRST_BYTES

    try:
        if not Path(name).is_file():  # what is read of a pipe is gone
            return False
        with Path(name).open("rb") as file:
            return file.read(len(FIRST_BYTES)) == FIRST_BYTES
    except OSError:
        return False

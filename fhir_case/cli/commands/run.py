"""``fhir-case run``: all stages, one line each."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from shutil import get_terminal_size
from textwrap import fill
from typing import TYPE_CHECKING, Any

import click

from fhir_case.cli.commands.run_tables import kept, run_all
from fhir_case.cli.options import completion
from fhir_case.cli.options.building import build_options, built, say_unused
from fhir_case.cli.options.declarations import ANY_FOLDER, database_option, output_options
from fhir_case.cli.options.engines import engine_options, engines
from fhir_case.cli.options.files import require_writable, write_file
from fhir_case.cli.options.pages import open_option, open_page, write_page
from fhir_case.cli.options.recipes import recipe_named, several_reader, table_options_option
from fhir_case.cli.output import echo, echo_error, echo_json, echo_notice, echo_text, shown_line
from fhir_case.errors import CheckerError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.fhir.models import FhirVersion
    from fhir_case.fhir.wire import Resource
    from fhir_case.issues import ValidationResult
    from fhir_case.validation.profiles import ProfileEngine

__all__ = ["run"]


class _Stages:
    """The stages of a run, timed, with one line for each."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._result = ""

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time one stage, and print its line when it succeeds."""
        start = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - start
        _echo(f"{name:<10}{self.seconds[name]:6.1f} s  ", self._result)

    def report(self, result: str) -> None:
        """Set the result that the line of this stage shows."""
        self._result = result


@click.command()
@click.argument("case", default="hcc-tare-sorafenib", shell_complete=completion.cases)
@click.option("--server", metavar="URL", help="The FHIR base URL to load into; default: the embedded server.")
@database_option("H2 in memory")
@click.option("-o", "--output", "--out", "out", type=ANY_FOLDER, help="The folder for the files; default: out/<case>.")
@click.option("--keep", is_flag=True, help="Leave the embedded server running.")
@open_option
@engine_options
@build_options
@table_options_option
@output_options()
def run(
    case: str,
    server: str | None,
    out: Path | None,
    *,
    db: str,
    keep: bool,
    opens_page: bool,
    engine_names: tuple[str, ...],
    package_files: tuple[Path, ...],
    validate_server: str | None,
    real_patient_data: bool,
    start_timeout_s: float | None,
    form: str,
    **options: Any,
) -> None:
    """
    Do it all: build the Bundle of CASE, validate it, load it into a server, read every resource back and compare.

    CASE may be a recipe for tables too (see import): then the Bundles of all patients are built, checked and loaded.
    Without --server, a real HAPI FHIR server is started on this machine, and stopped at the end.
    """
    from importlib.metadata import version

    _refuse_both(server, db=db, keep=keep)
    require_writable((out or Path("out")) / "report.html")
    stages = _Stages()
    checked_by = partial(
        engines, engine_names, package_files, validate_server, fhir=options["fhir"],
        real_patient_data=real_patient_data, start_timeout_s=start_timeout_s,
    )  # fmt: skip
    served_by = partial(_server, stages, server, options["fhir"], keep=keep, db=db, start_timeout_s=start_timeout_s)
    several = several_reader(case)
    if several is not None:
        folder = out or Path("out") / recipe_named(case).stem
        sys.exit(
            run_all(
                stages,
                recipe_named(case),
                several,
                folder,
                checked_by=checked_by,
                served_by=served_by,
                opens_page=opens_page,
                **options,
            )
        )

    with stages.stage("read"):
        from fhir_case.readers import load_case

        read = load_case(case, mapping_files=options["mapping_files"], unused=say_unused)
        echo(f"fhir-case {version('fhir-case')}")
        stages.report(f"{read.case}: {sum(1 for _ in read.entries())} entries")
    with stages.stage("build"):
        from fhir_case.report.run import bundle_words

        bundle = built(read, form="transaction", **options)
        stages.report(bundle_words(bundle))
    fhir: FhirVersion = options["fhir"]
    with checked_by() as validators:
        result = _validated(stages, bundle, validators, fhir)

    from fhir_case.report.run import run_report

    used = {name: value for name, value in options.items() if value}
    used["mapping_files"] = [str(file) for file in options["mapping_files"]]
    software = f"fhir-case {version('fhir-case')}"
    report = partial(run_report, read, bundle, result, software=software, seconds=stages.seconds)
    if not result.ok:
        if form == "json":
            echo_json(report(None, None, options=used, files={}))
        _refuse(result)
    folder = out or Path("out") / read.case
    files = _written(folder, {"bundle.json": bundle})
    with kept(folder / "bundle.json"), served_by() as base:
        journal, verification = _loaded(stages, bundle, base, fhir, folder / "journal.jsonl")

    from fhir_case.report.page import report_page, run_on_page

    files |= _written(folder, {"verification.json": verification.to_dict()})
    found = report(journal, verification, options={**used, "server": base}, files=files)
    _written(folder, {"case-report.json": found})
    if form == "json":
        echo_json({"folder": str(folder), **found})
    page = folder / "report.html"
    write_page(
        page,
        report_page(
            run_on_page(read, bundle, result, journal, verification, software=software, seconds=stages.seconds)
        ),
    )
    _end(folder, bundle, base, running=bool(server) or keep)
    open_page(page, wanted=opens_page)
    if keep:
        echo_notice(f"{'Server':<10}still running; stop it with: fhir-case server stop")
    if not (journal.ok and verification.ok):
        sys.exit(ExitCode.FINDINGS if journal.ok else ExitCode.REJECTED)


def _refuse_both(server: str | None, *, db: str, keep: bool) -> None:
    """Refuse options that are about the embedded server where another one is named."""
    if keep and server:
        raise click.UsageError("--keep is for the embedded server; --server is never stopped.")
    if db and server:
        raise click.UsageError("--db is for the embedded server; --server has its own database.")


def _validated(
    stages: _Stages, bundle: Resource, validators: tuple[ProfileEngine, ...], fhir: FhirVersion
) -> ValidationResult:
    """Validate; a Bundle that could not be checked by every engine is not sent."""
    from fhir_case.report.run import validation_words
    from fhir_case.validation import validate

    with stages.stage("validate"):
        result = validate(bundle, fhir=fhir, closed=True, engines=validators)
        stages.report(validation_words(result))
    names = [validator.name for validator in validators if not validator.claimed_only]
    for check in result.checks:
        if check.name in names and check.state == "could not run":
            raise CheckerError(check.reason)
    return result


def _refuse(result: ValidationResult) -> None:
    for issue in result.issues:
        if issue.severity == "error":
            echo_error(str(issue))
    echo_error("The Bundle has errors, so nothing was sent.")
    sys.exit(ExitCode.FINDINGS)


@contextmanager
def _server(
    stages: _Stages, url: str | None, fhir: FhirVersion, *, keep: bool, db: str, start_timeout_s: float | None
) -> Iterator[str]:
    """Return the base URL of the server to load into; the embedded one runs meanwhile where none is named."""
    if url is not None:
        yield url.rstrip("/")
        return
    from fhir_case.cli.progress.server import listener
    from fhir_case.server.hapi import HapiServer

    with stages.stage("server"), listener() as show:
        embedded = HapiServer(fhir=fhir, db=db, listener=show, timeout_s=start_timeout_s)
        base = embedded.start_detached().base_url if keep else embedded.start().base_url
        on = {"h2": "", "postgres": " on PostgreSQL", "jdbc": f" on {db}"}[embedded.options.kind]
        stages.report(f"HAPI FHIR {fhir}{on} at {base}")
    with nullcontext() if keep else embedded:
        yield base


def _loaded(stages: _Stages, bundle: Resource, base: str, fhir: FhirVersion, file: Path) -> tuple[Any, Any]:
    from fhir_case.load import upload, verify
    from fhir_case.report.verification import verification_words

    with stages.stage("upload"):
        journal = upload(bundle, base, fhir=fhir, journal=file, restart=True)
        stages.report(_counts(journal.counts))
    with stages.stage("verify"):
        verification = verify(bundle, base, fhir=fhir, journal=journal)
        stages.report(verification_words(verification))
    return journal, verification


def _counts(counts: dict[Any, int]) -> str:
    return ", ".join(f"{number} {state}" for state, number in counts.items() if number) or "nothing"


def _written(folder: Path, values: dict[str, Any]) -> dict[str, str]:
    """Write each value as JSON; return the SHA-256 of each file."""
    import hashlib

    from fhir_case.fhir.wire import dump

    hashes = {}
    for name, value in values.items():
        content = dump(value, indent=True)
        write_file(folder / name, content)
        hashes[name] = hashlib.sha256(content).hexdigest()
    return hashes


def _end(folder: Path, bundle: Resource, base: str, *, running: bool) -> None:
    echo()
    for name in ("case-report.json", "bundle.json", "journal.jsonl", "verification.json", "report.html"):
        _echo(f"{'Files' if name == 'case-report.json' else '':<10}", str(folder / name))
    patient = next(one["resource"] for one in bundle["entry"] if one["resource"]["resourceType"] == "Patient")
    link = f"{base}/Patient/{patient['id']}"
    note = "/$everything" if running else " (the server has stopped; --keep keeps it running)"
    _echo(f"{'Patient':<10}", link + note)


def _echo(label: str, text: str) -> None:
    """Print a label and a text, which is wrapped beside it on a terminal."""
    width = get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    echo_text(
        fill(
            shown_line(text) or "-", width, initial_indent=label, subsequent_indent=" " * len(label),
            break_long_words=False, break_on_hyphens=False,
        )
    )  # fmt: skip

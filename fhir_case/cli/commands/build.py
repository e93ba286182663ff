"""``fhir-case build``: turn a case into a FHIR Bundle."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import click

from fhir_case.cli.options import completion
from fhir_case.cli.options.building import build_options, built, say_unused
from fhir_case.cli.options.cohorts import collection_option, shard_size_option
from fhir_case.cli.options.declarations import ANY_PATH, output_options
from fhir_case.cli.options.files import is_file, lines_to, write_output
from fhir_case.cli.options.recipes import recipe_named, say_losses, several_reader, table_options_option
from fhir_case.cli.output import echo_error, echo_json, echo_notice, echo_warning
from fhir_case.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fhir_case.bundle.rendering import Form
    from fhir_case.case import Case
    from fhir_case.cohort.recipe import Layout
    from fhir_case.fhir.wire import Resource
    from fhir_case.readers import Reader

__all__ = ["build"]


@click.command()
@click.argument("cases", nargs=-1, required=True, metavar="CASE...", shell_complete=completion.cases)
@click.option(
    "--type",
    "kind",
    type=click.Choice(["transaction", "collection", "document"]),
    default="transaction",
    help="For loading, for exchange (in R4 an mCODE patient bundle), or to be read, in the sections of a case report.",
)
@click.option("--no-narrative", is_flag=True, help="Leave out the texts for people, which every resource has.")
@click.option(
    "-o",
    "--output",
    "--out",
    "output",
    type=ANY_PATH,
    help="The file, or folder, to write; default: standard output.",
)
@collection_option
@shard_size_option
@output_options(default="fhir", meaning="The Bundle itself, or in JSON what was built.")
@build_options
@table_options_option
def build(
    cases: tuple[str, ...],
    *,
    kind: Form,
    output: Path | None,
    layout: Layout | None,
    shard_size: int | None,
    no_narrative: bool,
    form: str,
    **options: Any,
) -> None:
    """
    Turn CASE into a FHIR Bundle, in R4 or R5.

    CASE is the name of a shipped case, a YAML file, or a file of one case in a format that a reader knows; or a recipe
    for tables, whose cases become a line of NDJSON each, or a file each where -o is a folder. With --layout, any number
    of them, also patterns and folders, become a folder like that of synth, which `upload` reads. The same
    case becomes the same Bundle, byte for byte. Both releases have the same facts; in R5 no profile is claimed, since
    mCODE and US Core exist for R4 only.
    """
    from fhir_case.fhir.wire import dump
    from fhir_case.readers import load_case

    build_one = partial(built, form=kind, narratives=not no_narrative)
    if layout is not None:
        from fhir_case.cli.commands.build_layout import build_layout

        build_layout(cases, _folder(output, kind), build_one, layout=layout, size=shard_size, form=form, **options)
    if shard_size is not None or len(cases) > 1:
        what = "Several cases" if len(cases) > 1 else "--shard-size"
        raise click.UsageError(f"{what}: name --layout bulk or --layout transactions, and a folder by --out.")
    case = next(iter(cases))
    several = several_reader(case)
    if several is not None:
        if form == "json" and not is_file(output):
            raise click.UsageError("The Bundles of a recipe go to standard output; --format json needs -o beside it.")
        build_each = partial(build_one, of_several=True, **options)
        _build_all(recipe_named(case), several, output, build_each, options["mapping_files"])
    read = load_case(case, mapping_files=options["mapping_files"], unused=say_unused, only_named=True)
    bundle = build_one(read, **options)
    to_file = is_file(output)
    if to_file or form != "json":
        write_output(output, dump(bundle, indent=True))
    if to_file:
        release = "" if options["fhir"] == "R4" else f", FHIR {options['fhir']}"
        echo_notice(f"{output}: {len(bundle['entry'])} resources, {kind}{release}")
    _say_unchecked(read)
    if form == "json":
        about = {"case": read.case, "fhir": options["fhir"], "type": kind, "resources": len(bundle["entry"])}
        echo_json({**about, "file": str(output)} if to_file else {**about, "file": None, "bundle": bundle})


def _folder(output: Path | None, kind: Form) -> Path:
    """Return the folder for many cases."""
    if not is_file(output):
        raise click.UsageError("--layout needs the folder to write: --out FOLDER.")
    if kind != "transaction":
        raise click.UsageError(f"--layout is made for loading, of transactions, and not of the type {kind}.")
    return output


def _build_all(
    path: Path,
    reader: Reader,
    output: Path | None,
    build_one: Callable[[Case], Resource],
    mapping_files: tuple[Path, ...],
) -> NoReturn:
    """Write the Bundles of all cases of a file, one at a time: each into a file of a folder, or a line of NDJSON."""
    from fhir_case.fhir.wire import dump
    from fhir_case.readers import read_cases

    folder = output if output is not None and output.suffix == "" and str(output) != "-" else None
    made, wrong = 0, 0
    with lines_to(None if folder else output) as write:
        for read in read_cases(path, reader, mapping_files=mapping_files):
            for one in read.unused:
                say_unused(one)
            if read.case is None:
                wrong += 1
                for problem in read.error.problems if read.error else ():
                    echo_error(problem)
                continue
            made += 1
            bundle = build_one(read.case)
            if folder:
                write_output(folder / f"{read.case.case}.json", dump(bundle, indent=True))
            else:
                write(dump(bundle) + b"\n")
    say_losses()
    echo_notice(f"{output or 'standard output'}: {made} Bundles")
    echo_json({"cases": made, "wrong": wrong, "file": str(output) if output else None})
    sys.exit(ExitCode.CASE if wrong else ExitCode.DONE)


def _say_unchecked(case: Case) -> None:
    """Name the codes of a case that nothing has checked; a short name needs no check."""
    from fhir_case.mapping.vocabulary import unchecked_codes
    from fhir_case.report.validation.text import unchecked_words

    codes = unchecked_codes(case)
    if codes:
        echo_warning(f"Not checked: codes: {unchecked_words(codes)}")

"""``fhir-case build``: turn a case into a FHIR Bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fhir_case.cli.options import completion
from fhir_case.cli.options.building import build_options, built, say_unused
from fhir_case.cli.options.declarations import ANY_PATH
from fhir_case.cli.options.files import write_output
from fhir_case.cli.output import echo

if TYPE_CHECKING:
    from pathlib import Path

    from fhir_case.bundle.rendering import Form
    from fhir_case.case import Case

__all__ = ["build"]


@click.command()
@click.argument("case", shell_complete=completion.cases)
@click.option(
    "--type",
    "form",
    type=click.Choice(["transaction", "collection", "document"]),
    default="transaction",
    help="For loading, for exchange (in R4 an mCODE patient bundle), or to be read, in the sections of a case report.",
)
@click.option("--no-narrative", is_flag=True, help="Leave out the texts for people, which every resource has.")
@click.option("-o", "--output", type=ANY_PATH, help="The file to write; default: standard output.")
@build_options
def build(case: str, form: Form, output: Path | None, no_narrative: bool, **options: Any) -> None:
    """
    Turn CASE into a FHIR Bundle, in R4 or R5.

    CASE is the name of a shipped case, a YAML file, or a file of one case in a format that a reader knows. The same
    case becomes the same Bundle, byte for byte. Both releases have the same facts; in R5 no profile is claimed, since
    mCODE and US Core exist for R4 only.
    """
    from fhir_case.fhir.wire import dump
    from fhir_case.readers import load_case

    read = load_case(case, mapping_files=options["mapping_files"], unused=say_unused)
    bundle = built(read, form=form, narratives=not no_narrative, **options)
    if write_output(output, dump(bundle, indent=True)):
        release = "" if options["fhir"] == "R4" else f", FHIR {options['fhir']}"
        echo(f"{output}: {len(bundle['entry'])} resources, {form}{release}", err=True)
    _say_unchecked(read)


def _say_unchecked(case: Case) -> None:
    """Name the codes of a case that nothing has checked; a short name needs no check."""
    from fhir_case.mapping.vocabulary import unchecked_codes
    from fhir_case.report.validation.text import unchecked_words

    codes = unchecked_codes(case)
    if codes:
        echo(f"Not checked: codes: {unchecked_words(codes)}", err=True)

"""``fhir-case explain``: where each fact of a case arrives in FHIR."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

import click

from fhir_case.cli.options import completion
from fhir_case.cli.options.building import codes_option, mapping_option
from fhir_case.cli.options.declarations import ANY_PATH, output_options
from fhir_case.cli.options.files import is_file, write_output
from fhir_case.cli.options.recipes import recipe_named, several_reader, table_options_option
from fhir_case.cli.output import echo_json, echo_notice
from fhir_case.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from fhir_case.case import Case
    from fhir_case.explain import Explanation
    from fhir_case.readers import Unused

__all__ = ["explain"]


@click.command()
@click.argument("case", shell_complete=completion.cases)
@click.option("--only", type=click.Choice(["words", "nowhere"]), help="Only facts that are in words, or nowhere.")
@output_options("csv", "html")
@click.option("-o", "--output", type=ANY_PATH, help="The file to write; default: standard output.")
@click.option(
    "--patient", metavar="ID", help="Of a recipe: whose rows to explain; default: those of the first patient."
)
@mapping_option
@codes_option
@table_options_option
def explain(
    case: str,
    *,
    only: str | None,
    form: str,
    output: Path | None,
    patient: str | None,
    mapping_files: tuple[Path, ...],
) -> None:
    """
    Say of each fact of CASE where it arrives: place in the report, line of the file, element, code.

    A fact is a field of an entry. It is expressed by a code, by a value (a date, a number, a reference), in words only,
    or nowhere; the last ends with exit code 5. Of a file of another format what no entry of the case holds is nowhere,
    too. Of a recipe for tables, the facts of one patient are told, with file, line and columns. What no fact of the
    case says is listed: the subject of an Observation, or its category.
    """
    from fhir_case import __version__
    from fhir_case.explain import explain as explained
    from fhir_case.report.explanation import as_csv, as_json, as_json_text, as_text
    from fhir_case.report.page import explanation_page

    read, unused = _read(case, patient, mapping_files)
    explanation = explained(read, mapping_files=mapping_files, unused=unused)
    if form == "json" and not is_file(output):
        echo_json(as_json(explanation, only))
    else:
        page = partial(explanation_page, software=f"fhir-case {__version__}")
        writers: dict[str, Callable[[Explanation, str | None], str]] = {
            "text": as_text, "json": as_json_text, "csv": as_csv, "html": page,
        }  # fmt: skip
        write_output(output, writers[form](explanation, only).encode())
    if form == "json" and is_file(output):
        counted = {"case": explanation.case, "entries": explanation.entries, "facts": explanation.counts}
        echo_json({**counted, "file": str(output)})
    if form != "text" or is_file(output):
        echo_notice(explanation.summary())
    if not explanation.complete:
        sys.exit(ExitCode.FINDINGS)


def _read(name: str, patient: str | None, mapping_files: tuple[Path, ...]) -> tuple[Case, Sequence[Unused]]:
    """Return a case, and what of its file no entry holds."""
    from fhir_case.readers import load_case

    several = several_reader(name)
    if several is None or several.name != "tables":
        if patient is not None:
            raise click.UsageError("--patient chooses one of a recipe for tables, and this is none.")
        unused: list[Unused] = []
        return load_case(name, mapping_files=mapping_files, unused=unused.append), unused
    from fhir_case.mapping import model_of_cases
    from fhir_case.readers.table.loading import data_folder, load_recipe
    from fhir_case.readers.table.tables import open_import

    path, model = recipe_named(name), model_of_cases(mapping_files)
    with open_import(load_recipe(path, model), data_folder(path), model) as tables:
        named, case, lost = tables.of_patient(patient, model)
    if patient is None:
        echo_notice(f"The first patient of {path} is {named}; --patient ID explains another")
    return case, lost

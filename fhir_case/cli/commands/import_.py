"""``fhir-case import``: turn the tables of many patients into case files, by a recipe."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from fhir_case.cli.options import completion
from fhir_case.cli.options.building import codes_option, mapping_option
from fhir_case.cli.options.declarations import ANY_PATH, output_options
from fhir_case.cli.options.files import is_file, write_file, write_output
from fhir_case.cli.options.pages import end_page, page_options, require_page
from fhir_case.cli.options.recipes import recipe_named, say_left_out, say_unexplained, table_options_option
from fhir_case.cli.output import echo, echo_error, echo_json, echo_notice
from fhir_case.errors import CaseError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Any

    from fhir_case.fhir.codes import Term
    from fhir_case.readers.table.losses import Losses
    from fhir_case.readers.table.tables import Tables

__all__ = ["import_"]

_ABOUT = "Written by fhir-case import; `source` names the file, the line and the columns."


@click.command("import")
@click.argument("recipe", required=False, metavar="RECIPE", shell_complete=completion.recipes)
@table_options_option
@click.option(
    "-o", "--output", type=ANY_PATH, help="The folder for the case files, one a patient; of --draft, the file."
)
@click.option(
    "--draft",
    "draft_of",
    multiple=True,
    type=ANY_PATH,
    metavar="TABLE",
    help="Write a first recipe for a table; may be repeated.",
)
@click.option(
    "--keep-going", is_flag=True, help="Leave out rows that are wrong, each whole, and make the case of the others."
)
@click.option(
    "--strict", is_flag=True, help="Whatever is not carried over without a reason in the recipe is an error (3)."
)
@click.option(
    "--report", type=ANY_PATH, metavar="FILE", help="What was carried over and what not, as .txt, .json or .csv."
)
@mapping_option
@codes_option
@output_options()
@page_options
def import_(
    recipe: str | None,
    *,
    output: Path | None,
    draft_of: tuple[Path, ...],
    keep_going: bool,
    strict: bool,
    report: Path | None,
    mapping_files: tuple[Path, ...],
    form: str,
    page: Path | None,
    opens_page: bool,
) -> None:
    """
    Turn the tables that RECIPE describes into one case file for each patient.

    RECIPE is a file, or the name of a shipped one. A mistake is told with file, row and column; its patient becomes no
    case, and the exit code is 3. With --keep-going, the row is left out whole, and the others become the case.
    'build', 'validate', 'run' and 'upload' take a recipe too.
    """
    require_page(page, opens_page=opens_page)
    if draft_of:
        if page is not None:
            raise click.UsageError("--html is a report of what was read, and --draft reads no more than a sample.")
        _draft(draft_of, output, form)
        return
    if recipe is None:
        raise click.UsageError("Missing argument 'RECIPE', or --draft TABLE for a first one.")
    from fhir_case.mapping import model_of_cases
    from fhir_case.readers.table.loading import data_folder, load_recipe
    from fhir_case.readers.table.paths import table_paths
    from fhir_case.readers.table.tables import open_import
    from fhir_case.report.losses import FORMS, loss_summary

    if report is not None and report.suffix.lower() not in FORMS:
        raise click.BadParameter(f"its name ends in one of {', '.join(FORMS)}", param_hint="--report")
    path, model = recipe_named(recipe), model_of_cases(mapping_files)
    compiled, folder = load_recipe(path, model), data_folder(path)
    inputs = [path, *(file for paths in table_paths(compiled, folder).values() for file in paths)]
    _require_no_input([report, page], inputs)
    with open_import(compiled, folder, model) as tables:
        for name, root, _ in tables.cases(model, keep_going=keep_going):
            if output is not None:
                _require_no_input([output / f"{name}.yaml"], inputs)
                _write(output / f"{name}.yaml", root.data, tables, str(root.place))
        losses = tables.losses
    unexplained = _said(losses, strict=strict)
    if report is not None:
        write_file(report, FORMS[report.suffix.lower()](losses).encode())
    if page is not None:
        end_page(page, _page(losses), opens_page=opens_page)
    if form == "text":
        echo(f"{output}: {loss_summary(losses)}" if output else loss_summary(losses))
    echo_json({"folder": str(output) if output else None, **losses.to_dict()})
    sys.exit(_exit_code(losses, unexplained=unexplained, strict=strict, keep_going=keep_going))


def _require_no_input(outputs: Sequence[Path | None], inputs: Sequence[Path]) -> None:
    """
    Refuse to write over what is read.

    Raises:
        click.UsageError: One of the files to write is the recipe or a table.
    """
    for output in outputs:
        if output is not None and output.exists() and any(output.samefile(each) for each in inputs):
            raise click.UsageError(f"{output} is the recipe or one of its tables; name another file")


def _write(path: Path, case: dict[str, Any], tables: Tables, place: str) -> None:
    """Write a case file, unless it would be one that cannot be read."""
    from fhir_case.case.text import MAX_BYTES
    from fhir_case.case.tree import MAX_VALUES
    from fhir_case.readers.table.writing import case_text, number_of_values

    content = case_text(case, _ABOUT).encode()
    values = number_of_values(case)
    if len(content) <= MAX_BYTES and values <= MAX_VALUES:
        write_file(path, content)
        return
    what = f"the case would have {len(content) / 1e6:.1f} MB and {values:,} values"
    most = f"a case file has at most {MAX_BYTES / 1e6:g} MB and {MAX_VALUES:,} values"
    tables.report(f"{path}: {what}; {most}: 'build', 'run' and 'upload' take the recipe itself")
    tables.losses.cases -= 1
    tables.losses.leave_out(place, path.stem, what)


def _page(losses: Losses) -> str:
    from fhir_case import __version__
    from fhir_case.report.page import import_page

    return import_page(losses, software=f"fhir-case {__version__}")


def _said(losses: Losses, *, strict: bool) -> bool:
    """Say what is wrong, and what was not carried over without a reason; return whether there is such."""
    for problem in losses.wrong:
        echo_error(CaseError(problem))
    if losses.more_wrong:
        echo_notice(f"and {losses.more_wrong:,} more")
    say_left_out(losses)
    return say_unexplained(losses, strict=strict)


def _exit_code(losses: Losses, *, unexplained: bool, strict: bool, keep_going: bool) -> ExitCode:
    wrong = losses.wrong and not (keep_going and losses.cases)
    return ExitCode.CASE if wrong or (strict and (unexplained or losses.wrong)) else ExitCode.DONE


def _draft(tables: tuple[Path, ...], output: Path | None, form: str) -> None:
    from datetime import datetime

    from fhir_case.readers.table.draft import draft_recipe

    text = draft_recipe(tables, datetime.now().astimezone().date(), _usual_units(), _short_names("drugs"))
    if is_file(output) or form != "json":
        write_output(output, text.encode())
    echo_json({"file": str(output)} if is_file(output) else {"file": None, "recipe": text})


def _usual_units() -> dict[str, str]:
    """Return the usual unit of each laboratory test, by its short name."""
    return {term.name: next(iter(term.units), "") for term in _terms("tests")}


def _short_names(table: str) -> frozenset[str]:
    return frozenset(term.name for term in _terms(table))


def _terms(table: str) -> Iterator[Term]:
    from fhir_case.mapping.vocabulary import vocabularies

    return (term for one in vocabularies(()) if one.table == table for term in one.terms)

"""The options of commands that read tables by a recipe, and recipes by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fhir_case.cli.options.declarations import ANY_FOLDER, EXISTING_FILE, combined
from fhir_case.cli.output import echo_error, echo_notice, echo_warning
from fhir_case.errors import CaseError
from fhir_case.report.counts import counted

if TYPE_CHECKING:
    from fhir_case.readers import Reader
    from fhir_case.readers.table.losses import Losses

__all__ = [
    "recipe_named",
    "say_left_out",
    "say_losses",
    "say_unexplained",
    "several_reader",
    "table_options_option",
    "tables_read",
    "use_data",
]

_SHOWN = 50


def _use(context: click.Context, parameter: click.Parameter, value: Path | None) -> None:
    """Let recipes be read with the folder or the functions, as long as the command runs."""
    from fhir_case.readers.table.options import TableOptions, functions_of, options_in_use, table_options

    if "tables" not in context.meta:
        context.meta["tables"] = context.with_resource(table_options(TableOptions()))
    if value is None:
        return
    if parameter.name == "data":
        options_in_use().data = value
    else:
        options_in_use().functions = functions_of(value)


table_options_option = combined(
    click.option(
        "--data",
        type=ANY_FOLDER,
        metavar="FOLDER",
        callback=_use,
        expose_value=False,
        help="Of a recipe: the folder with its tables; default: that of the recipe.",
    ),
    click.option(
        "--functions",
        type=EXISTING_FILE,
        metavar="FILE",
        callback=_use,
        expose_value=False,
        help="Of a recipe: a Python file with the functions that it names.",
    ),
)


def use_data(folder: str) -> None:
    """Let recipes be read with the folder of tables that a journal names, if any, as long as the command runs."""
    from fhir_case.readers.table.options import options_in_use, table_options

    if folder:
        options = replace(options_in_use(), data=Path(folder))
        click.get_current_context().with_resource(table_options(options))


def recipe_named(name: str) -> Path:
    """Return the file of a recipe: a shipped one by its name, or a path."""
    from fhir_case.readers.table.options import shipped_recipe

    return shipped_recipe(name) or Path(name)


def several_reader(name: str) -> Reader | None:
    """Return the reader of a file that may hold several cases; None for any other file, and for a name."""
    from fhir_case.case.shipped import shipped_case_names
    from fhir_case.readers import reader_of

    if name in shipped_case_names():
        return None
    reader = reader_of(recipe_named(name))
    return reader if reader is not None and reader.several else None


def say_left_out(losses: Losses) -> None:
    """Name the patients who became no case, each with the first row, and why."""
    for one in losses.patients[:_SHOWN]:
        echo_warning(str(one))
    if losses.left_out > _SHOWN:
        echo_warning(f"and {counted(losses.left_out - _SHOWN, 'more patient')} left out; import --report FILE has all")


def say_unexplained(losses: Losses, *, strict: bool = False) -> bool:
    """Say what was not carried over without a reason, as errors where that is ``strict``; whether there is such."""
    unexplained = list(losses.unexplained())
    for one in unexplained[:_SHOWN]:
        if strict:
            echo_error(CaseError(one))
        else:
            echo_warning(one, before="not carried over: ")
    if len(unexplained) > _SHOWN:
        more = f"and {len(unexplained) - _SHOWN:,} more; --report FILE has all, of 'fhir-case import'"
        echo_warning(more, before="not carried over: ")
    return bool(unexplained)


def say_losses() -> None:
    """Say of each recipe who was left out, what of its tables was not carried over, and a line of what was."""
    from fhir_case.report.losses import loss_summary

    for losses in tables_read():
        say_left_out(losses)
        say_unexplained(losses)
        echo_notice(f"Tables by {losses.recipe}: {loss_summary(losses)}")


def tables_read() -> tuple[Losses, ...]:
    """Return what became of the tables of each recipe, of the first time that they were read."""
    from fhir_case.readers.table.options import options_in_use

    found: dict[str, Losses] = {}
    for losses in options_in_use().losses:
        found.setdefault(losses.recipe, losses)
    return tuple(found.values())

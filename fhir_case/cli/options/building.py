"""How a case becomes a Bundle."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import click

from fhir_case.cli.options.declarations import ANY_PATH, combined, fhir_option
from fhir_case.cli.output import echo_warning

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from fhir_case.bundle.rendering import Form
    from fhir_case.case import Case, Section
    from fhir_case.fhir.wire import Resource
    from fhir_case.issues import Issue
    from fhir_case.readers import Unused

__all__ = ["build_options", "built", "codes_option", "mapping_option", "say_unused", "section_named"]

mapping_option = click.option(
    "--mapping",
    "mapping_files",
    multiple=True,
    is_eager=True,  # --codes may name tables of these
    metavar="FILE",
    type=ANY_PATH,
    help="A Python file with further mappings, for this run; may be repeated.",
)


def _use_codes(context: click.Context, _: click.Parameter, files: tuple[Path, ...]) -> None:
    """Add the code tables of the files to those of the mappings, as long as the command runs."""
    if files:
        from fhir_case.fhir.codes import code_tables
        from fhir_case.mapping.own_codes import own_codes

        folders = {str(file.resolve().parent) for file in context.params.get("mapping_files", ())}
        further = [table for folder in folders for table in code_tables(folder)]
        context.with_resource(own_codes(files, further_tables=further))


codes_option = click.option(
    "--codes",
    multiple=True,
    metavar="FILE",
    type=ANY_PATH,
    callback=_use_codes,
    expose_value=False,
    help="A TOML or CSV file with short names and codes of one's own, for case files; may be repeated.",
)

build_options = combined(
    fhir_option("The FHIR release to build in."),
    click.option("--index-date", metavar="DATE", help="The day of the anchor (YYYY-MM-DD); moves all dates."),
    click.option(
        "--namespace",
        metavar="NAME",
        help="The prefix of all ids and identifiers; of several cases, the id of each follows. Default: the case's id.",
    ),
    click.option(
        "--profiles",
        type=click.Choice(["mcode", "none"]),
        default="mcode",
        help="Claim mCODE and US Core profiles, which exist for R4 only, or none.",
    ),
    mapping_option,
    codes_option,
)


def _say(issue: Issue) -> None:
    echo_warning(issue.message, before="Warning: ")


def built(
    case: Case,
    *,
    form: Form,
    index_date: str | None,
    namespace: str | None,
    of_several: bool = False,
    warn: Callable[[Issue], None] = _say,
    **rest: Any,
) -> Resource:
    """
    Return the Bundle that the options ask for.

    Args:
        case: The case.
        form: The type of the Bundle.
        index_date: The day of the anchor, as the user wrote it.
        namespace: The begin of all ids, as the user wrote it.
        of_several: Whether other cases are built with the same namespace: each has ids of its own all the same.
        warn: Called with warnings about the case.
        rest: Further arguments of `build_bundle`.
    """
    from fhir_case.bundle import build_bundle

    return build_bundle(
        case,
        type=form,
        index_date=_day(index_date),
        namespace=f"{namespace}-{case.case}" if namespace and of_several else namespace,
        warn=warn,
        **rest,
    )


def say_unused(one: Unused) -> None:
    """Say what of the file was not carried over into its case."""
    echo_warning(str(one), before="not carried over: ")


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"'{text}' is not a date; write YYYY-MM-DD", param_hint="--index-date") from None
    if not 1900 <= day.year <= 2200:
        raise click.BadParameter(f"{day} is outside the years 1900 to 2200", param_hint="--index-date")
    return day


def section_named(name: str, sections: Sequence[Section], parameter: str) -> Section:
    """
    Return the section with a name.

    Raises:
        click.BadParameter: There is none; the parameter of the command that asked for it is named.
    """
    from fhir_case.wording import did_you_mean

    known = {section.name: section for section in sections}
    if name not in known:
        near = did_you_mean(name, known, sentence=True)
        raise click.BadParameter(
            f"there is no section '{name}'. {near or 'There are: ' + ', '.join(known)}", param_hint=parameter
        )
    return known[name]

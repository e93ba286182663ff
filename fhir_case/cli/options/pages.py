"""The web page that a command writes beside its output, and what it shows of resources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fhir_case.cli.options.declarations import ANY_FILE, combined
from fhir_case.cli.options.files import require_writable, write_file
from fhir_case.cli.options.recipes import tables_read
from fhir_case.cli.output import echo_notice

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fhir_case.report.page import Report

__all__ = [
    "end_page",
    "named_inputs",
    "open_option",
    "open_page",
    "page_options",
    "require_page",
    "write_page",
    "write_report",
]

_INPUTS_NAMED = 3


def _writable(_: click.Context, __: click.Parameter, path: Path | None) -> Path | None:
    """Refuse a page that cannot be written before the work, not after it."""
    if path is None:
        return None
    if str(path) == "-":
        raise click.BadParameter("name a file: standard output has the result of the command")
    require_writable(path)
    return path


open_option = click.option("--open", "opens_page", is_flag=True, help="Open the page in a browser at the end.")

page_options = combined(
    click.option(
        "--html", "page", type=ANY_FILE, metavar="FILE", callback=_writable,
        help="Write the result as one HTML page, too."
    ),
    open_option,
)  # fmt: skip
"""``--html`` and ``--open``; the parameters are ``page`` and ``opens_page``."""


def require_page(page: Path | None, *, opens_page: bool) -> None:
    """
    Refuse to open a page that is not written.

    Raises:
        click.UsageError: It is asked for.
    """
    if opens_page and page is None:
        raise click.UsageError("--open opens the page of --html FILE: name the file.")


def named_inputs(names: Sequence[Any]) -> str:
    """Return the names of inputs for a title, of many the first."""
    more = len(names) - _INPUTS_NAMED
    return ", ".join(map(str, names[:_INPUTS_NAMED])) + (f" and {more:,} more" if more > 0 else "")


def write_report(page: Path, report: Report, *, opens_page: bool, named: Path | None = None) -> None:
    """
    Write a page, say where it is, and open it where that is asked for.

    What became of the tables of recipes is in it.

    Args:
        named: The page as the user names it, where the folder is another one meanwhile.
    """
    from dataclasses import replace

    from fhir_case.report.page import report_page

    end_page(page, report_page(replace(report, tables=tables_read())), opens_page=opens_page, named=named)


def end_page(page: Path, text: str, *, opens_page: bool, named: Path | None = None) -> None:
    """Write the text of a page, say where it is, and open it where that is asked for."""
    write_page(page, text)
    echo_notice(f"The page is {named or page}")
    open_page(page, wanted=opens_page)


def write_page(page: Path, text: str) -> None:
    """Write a page; a secret that any part of it repeats is not in it."""
    from fhir_case.server.redaction import without_secrets

    write_file(page, without_secrets(text).encode())


def open_page(page: Path | None, *, wanted: bool) -> None:
    """Open a page in a browser where that is wanted."""
    if wanted and page is not None:
        click.launch(str(page.resolve()))

"""The options that several commands share, and what they turn into."""

from __future__ import annotations

import contextlib
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = ["build_options", "built", "mapping_option", "write_file"]


mapping_option = click.option(
    "--mapping",
    "mapping_files",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A Python file with further mappings, for this run.",
)


def build_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how a case becomes a Bundle."""
    options = [
        click.option("--index-date", metavar="DATE", help="The day of the anchor (YYYY-MM-DD); moves all dates."),
        click.option("--namespace", metavar="NAME", help="Begin of all ids and identifiers; default: the case's id."),
        click.option(
            "--profiles",
            type=click.Choice(["mcode", "none"]),
            default="mcode",
            show_default=True,
            help="Claim mCODE and US Core profiles, or none.",
        ),
        mapping_option,
    ]
    for option in reversed(options):
        command = option(command)
    return command


def built(case: Case, *, form: str, index_date: str | None, namespace: str | None, **rest: Any) -> Resource:
    """Build the Bundle that the options ask for."""
    from fhir_case.bundle import build_bundle

    return build_bundle(
        case,
        type="collection" if form == "collection" else "transaction",
        index_date=_day(index_date),
        namespace=namespace,
        **rest,
    )


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"'{text}' is no date; write YYYY-MM-DD", param_hint="--index-date") from None
    if not 1900 <= day.year <= 2200:
        raise click.BadParameter(f"{day} is outside the years 1900 to 2200", param_hint="--index-date")
    return day


def write_file(path: Path, content: bytes) -> None:
    """
    Write a file whole or not at all.

    Raises:
        click.ClickException: The file cannot be written; what stood there before is still there.
    """
    path = path.resolve()  # what a link points to is written, not the link
    part = path.with_name(f".{path.name}.part")
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            path.write_bytes(content)  # a pipe or a device cannot be put in place
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise click.ClickException(f"{path}: cannot be written: {error.strerror or error}") from error

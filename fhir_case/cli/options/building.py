"""The options that several commands share, and what they turn into."""

from __future__ import annotations

import contextlib
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fhir_case.case import Case
    from fhir_case.fhir.wire import Resource

__all__ = [
    "build_options",
    "built",
    "expanded",
    "fhir_option",
    "format_option",
    "mapping_option",
    "show",
    "timeout_option",
    "write_file",
]


mapping_option = click.option(
    "--mapping",
    "mapping_files",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A Python file with further mappings, for this run.",
)
fhir_option = click.option(
    "--fhir", type=click.Choice(["R4", "R5"]), default="R4", show_default=True, help="The release of the files."
)
format_option = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="The report's form.",
)
timeout_option = click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0, min_open=True),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for an answer.",
)


def expanded(patterns: Sequence[str]) -> list[Path | None]:
    """
    Return the paths behind what was typed, names and patterns; None stands for standard input, which is typed as ``-``.

    Raises:
        click.UsageError: Nothing is behind one of them.
    """
    from fhir_case.documents import expand
    from fhir_case.errors import FhirCaseError

    paths: list[Path | None] = []
    try:
        for pattern in patterns:
            paths += [None] if pattern == "-" else expand([pattern])
    except FhirCaseError as error:
        raise click.UsageError(str(error)) from None
    return paths


def show(value: dict[str, Any]) -> None:
    """Write a value as JSON to standard output."""
    from fhir_case.fhir import wire

    click.echo(wire.dump(value, indent=True), nl=False)


def build_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how a case becomes a Bundle."""
    options = [
        click.option(
            "--fhir", type=click.Choice(["R4", "R5"]), default="R4", show_default=True, help="The release to build in."
        ),
        click.option("--index-date", metavar="DATE", help="The day of the anchor (YYYY-MM-DD); moves all dates."),
        click.option("--namespace", metavar="NAME", help="Begin of all ids and identifiers; default: the case's id."),
        click.option(
            "--profiles",
            type=click.Choice(["mcode", "none"]),
            default="mcode",
            show_default=True,
            help="Claim mCODE and US Core profiles, which exist for R4 only, or none.",
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

"""The files that a user names, and what commands write."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import click

from fhir_case.cli.options.declarations import usage_errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

__all__ = ["expanded", "show_json", "show_table", "write_file", "write_output"]

_WIDE = 250


def expanded(patterns: Sequence[str]) -> list[Path | None]:
    """
    Return the paths of names and patterns; None stands for standard input, which is written ``-``.

    Raises:
        click.UsageError: One of them matches no file.
    """
    from fhir_case.documents import expand

    paths: list[Path | None] = []
    with usage_errors():
        for pattern in patterns:
            paths += [None] if pattern == "-" else expand([pattern])
    return paths


def show_json(value: Any) -> None:
    """Write a value as JSON to standard output."""
    from fhir_case.fhir import wire

    click.echo(wire.dump(value, indent=True), nl=False)


def show_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a table to standard output, as wide as the terminal."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDE  # another program reads it, and names must not be wrapped
    console.print(table)


def write_output(path: Path | None, content: bytes) -> bool:
    """Write to a file, or to standard output where there is none or it is ``-``; return whether it was a file."""
    to_file = path is not None and str(path) != "-"
    if path is not None and to_file:
        write_file(path, content)
    else:
        click.echo(content, nl=False)
    return to_file


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

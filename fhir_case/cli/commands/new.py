"""``fhir-case new``: write a starter file for a case of one's own."""

from __future__ import annotations

from pathlib import Path

import click

from fhir_case.cli.options.files import write_file

__all__ = ["new"]


@click.command()
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--force", is_flag=True, help="Replace FILE where it exists.")
def new(file: Path, *, force: bool) -> None:
    """
    Write a commented starter case to FILE ('-' is standard output).

    It is a small fictitious case that can be built unchanged; replace its content.
    """
    from fhir_case.case.schema import starter_text

    text = starter_text()
    if str(file) == "-":
        click.echo(text, nl=False)
        return
    if file.is_dir():
        raise click.UsageError(f"{file} is a folder; name a file in it, for example {file / 'case.yaml'}")
    if not file.parent.is_dir():
        raise click.UsageError(f"there is no folder {file.parent}; make it first")
    if file.exists() and not force:
        raise click.UsageError(f"{file} exists; --force replaces it")
    write_file(file, text.encode())
    click.echo(f"{file}: a fictitious case to start from; build its Bundle with: fhir-case build {file}", err=True)

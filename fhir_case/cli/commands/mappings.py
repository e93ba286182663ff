"""``fhir-case mappings``: list the mappings and where each comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fhir_case.cli.options.building import mapping_option

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["mappings"]


@click.command()
@mapping_option
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def mappings(mapping_files: tuple[Path, ...], form: str) -> None:
    """List the mappings and where each comes from."""
    from fhir_case.mapping import discover

    found = discover(mapping_files)
    if form == "json":
        from fhir_case.fhir.wire import dump

        rows = [
            {"name": one.mapping.name, "description": one.mapping.description, "origin": one.origin} for one in found
        ]
        click.echo(dump(rows, indent=True), nl=False)
        return
    width = max(len(one.mapping.name) for one in found)
    for one in found:
        click.echo(f"{one.mapping.name:<{width}}  {one.mapping.description}  [{one.origin}]")

"""``fhir-case mappings``: list the mappings and where each comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fhir_case.cli.options.building import mapping_option
from fhir_case.cli.options.declarations import output_options
from fhir_case.cli.output import echo, echo_json

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["mappings"]


@click.command()
@mapping_option
@output_options()
def mappings(mapping_files: tuple[Path, ...], form: str) -> None:
    """List the mappings and where each comes from."""
    from fhir_case.mapping import discover

    found = discover(mapping_files)
    if form == "json":
        described = [
            {
                "name": one.mapping.name,
                "description": one.mapping.description,
                "sections": [section.name for section in one.mapping.sections],
                "origin": one.origin,
            }
            for one in found
        ]
        echo_json({"mappings": described})
        return
    width = max(len(one.mapping.name) for one in found)
    for one in found:
        echo(f"{one.mapping.name:<{width}}  {one.mapping.description}  [{one.origin}]")

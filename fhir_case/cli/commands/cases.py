"""``fhir-case cases``: list the shipped cases."""

from __future__ import annotations

import click

from fhir_case.cli.options.declarations import output_options
from fhir_case.cli.output import echo, echo_json

__all__ = ["cases"]


@click.command()
@output_options()
def cases(form: str) -> None:
    """List the shipped cases with the names that other commands take."""
    from fhir_case.mapping import shipped_cases

    found = shipped_cases()
    if form == "json":
        from dataclasses import asdict

        echo_json({"cases": [asdict(one) for one in found]})
        return
    for one in found:
        echo(one.name)
        echo(f"    {one.title}")
        echo(f"    {one.citation}")

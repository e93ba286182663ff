"""``fhir-case cases``: list the shipped cases."""

from __future__ import annotations

import click

__all__ = ["cases"]


@click.command()
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def cases(form: str) -> None:
    """List the shipped cases, each by the name that the other commands take."""
    from fhir_case.case import shipped_cases

    found = shipped_cases()
    if form == "json":
        from dataclasses import asdict

        from fhir_case.fhir.wire import dump

        click.echo(dump([asdict(one) for one in found], indent=True), nl=False)
        return
    for one in found:
        click.echo(f"{one.name}\n    {one.title}\n    {one.citation}")

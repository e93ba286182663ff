"""The command that takes back what an upload created."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from fhir_case.cli.connection import connection_options
from fhir_case.cli.options import format_option, show, timeout_option

__all__ = ["undo"]


@click.command()
@click.argument("journal", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="JOURNAL")
@format_option
@timeout_option
@connection_options
def undo(journal: Path, *, form: str, timeout_s: float, real_patient_data: bool, **options: Any) -> None:  # noqa: ARG001 - an option of all commands that reach a server
    """
    Take back what an upload created: JOURNAL is the file that its summary names.

    What was there before, or was changed since, is left; the exit code is 7 when something was left. When it is
    interrupted, the same command goes on.
    """
    from fhir_case.cli.connection import connection
    from fhir_case.cli.loads import client_of
    from fhir_case.load.journal_file import read_header
    from fhir_case.load.undo import UNDONE, Undone
    from fhir_case.load.undo import undo as taken_back

    server = read_header(journal).server
    left: list[Undone] = []

    def note(undone: Any) -> None:
        left.extend(each for each in undone if each.state == "left")

    reached = connection(server, timeout_s=timeout_s, **options)
    with client_of(server, reached, timeout_s) as client:
        click.echo(f"Taking back what is at {server} …", err=True)
        counts = taken_back(journal, client, note)
    if form == "json":
        show(
            {
                "server": server,
                **{state: counts[state] for state in UNDONE},
                "left_over": [each.to_dict() for each in left],
            }
        )
    else:
        click.echo(f"Undone at {server}  [{', '.join(UNDONE)}]  {', '.join(str(counts[state]) for state in UNDONE)}")
        for each in left:
            click.echo(f"  {each.stored_as or each.resource}: {each.reason}")
    if left:
        sys.exit(7)

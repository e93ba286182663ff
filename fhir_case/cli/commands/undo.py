"""The command that takes back what an upload created."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fhir_case.cli.options.connection import connection_options, connection_to, server_of_journal
from fhir_case.cli.options.declarations import format_option, timeout_option
from fhir_case.cli.options.named_servers import server_option
from fhir_case.cli.options.output import show_json
from fhir_case.errors import ExitCode

if TYPE_CHECKING:
    from fhir_case.server.named import NamedServer

__all__ = ["undo"]


@click.command()
@click.argument("journal", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="JOURNAL")
@server_option(required=False, note="; the journal knows its URL, and servers.toml how to sign in there")
@format_option()
@timeout_option()
@connection_options
def undo(
    journal: Path,
    server: NamedServer | None,
    *,
    form: str,
    timeout_s: float,
    real_patient_data: bool,  # noqa: ARG001 - an option of all commands that reach a server
    **options: Any,
) -> None:
    """
    Take back what an upload created: JOURNAL is the file that its summary names.

    What was there before, or was changed since, is left; the exit code is 7 when something was left. When it is
    interrupted, the same command goes on.
    """
    from fhir_case.cli.options.loads import client_of, patience_s
    from fhir_case.load.journal.reader import read_header
    from fhir_case.load.undo.undo import UNDONE, Undone
    from fhir_case.load.undo.undo import undo as taken_back

    base_url = read_header(journal).server
    meant = server_of_journal(server, base_url)
    timeout_s = patience_s(meant, timeout_s)
    left: list[Undone] = []

    def note(undone: Any) -> None:
        left.extend(each for each in undone if each.state == "left")

    connection = connection_to(meant, timeout_s=timeout_s, **options)
    with client_of(base_url, connection, timeout_s) as client:
        click.echo(f"Taking back what is at {base_url} …", err=True)
        counts = taken_back(journal, client, note)
    if form == "json":
        show_json(
            {
                "server": base_url,
                **{state: counts[state] for state in UNDONE},
                "left_over": [each.to_dict() for each in left],
            }
        )
    else:
        click.echo(f"Undone at {base_url}  [{', '.join(UNDONE)}]  {', '.join(str(counts[state]) for state in UNDONE)}")
        for each in left:
            click.echo(f"  {each.stored_as or each.resource}: {each.reason}")
    if left:
        sys.exit(ExitCode.REJECTED)

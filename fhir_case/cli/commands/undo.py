"""``fhir-case undo``: delete what an upload created."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from fhir_case.cli.options.connection import connection_options, connection_to, server_of_journal
from fhir_case.cli.options.declarations import EXISTING_FILE, output_options, timeout_option, usage_errors
from fhir_case.cli.options.named_servers import server_option
from fhir_case.cli.output import echo_json, echo_notice, echo_text
from fhir_case.errors import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

    from fhir_case.server.named import NamedServer

__all__ = ["undo"]


@click.command()
@click.argument("journal", type=EXISTING_FILE, metavar="JOURNAL")
@server_option(required=False, note="; the journal has its URL, and servers.toml the sign-in")
@output_options()
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
    Delete what an upload created: JOURNAL is the file that its summary names.

    Resources that existed before, or were changed since, are not deleted; the exit code is 7 when one of the upload
    could not be deleted. After an interruption, the same command resumes.
    """
    from fhir_case.cli.options.loads import client_of, timeout_of
    from fhir_case.load.journal.reader import read_header
    from fhir_case.load.undo.undo import UNDONE, State, Undone
    from fhir_case.load.undo.undo import undo as undo_upload
    from fhir_case.report.undo import undo_json, undo_text

    with usage_errors(option="JOURNAL"):
        base_url = read_header(journal).server
    named = server_of_journal(server, base_url)
    timeout_s = timeout_of(named, timeout_s)
    remaining: list[Undone] = []

    def note(undone: Any) -> None:
        remaining.extend(each for each in undone if each.state == "left")

    connection = connection_to(named, timeout_s=timeout_s, **options)
    with client_of(base_url, connection, timeout_s) as client:
        echo_notice(f"Undoing the upload to {base_url} …")
        found = undo_upload(journal, client, note)
    counts: dict[State, int] = {state: found[state] for state in UNDONE}
    if form == "json":
        echo_json(undo_json(base_url, counts, remaining))
    else:
        echo_text(undo_text(base_url, counts, remaining))
    if remaining:
        sys.exit(ExitCode.REJECTED)

"""``fhir-case server list`` and ``check``: the servers of servers.toml."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from fhir_case.cli.options import completion
from fhir_case.cli.options.declarations import output_options, renamed_option, start_timeout_option
from fhir_case.cli.options.named_servers import named_server, servers, servers_files, servers_option, started_within
from fhir_case.cli.output import echo_json, echo_notice, echo_table, echo_text
from fhir_case.errors import ExitCode
from fhir_case.report.characters import behind_margin

if TYPE_CHECKING:
    from fhir_case.server.named import NamedServer
    from fhir_case.server.named.checking import ServerCheck

__all__ = ["check", "list_servers"]

_json_option = renamed_option("--json", "--format", is_flag=True, flag_value="json")


@click.command("list")
@servers_option
@output_options()
@_json_option
def list_servers(*, form: str) -> None:
    """List the servers of servers.toml, and whether their environment variables are set."""
    found = servers()
    if form == "json":
        echo_json({"servers": [_described(server) for server in found.values()]})
    elif not found:
        echo_notice(f"There is no server in {servers_files()}.")
    else:
        rows = [
            (server.name, server.url or _command(server), server.fhir or "-", _signing_in(server), str(server.caps))
            for server in found.values()
        ]
        echo_table(("NAME", "WHERE", "FHIR", "SIGN-IN", "CAPS"), rows)


@click.command()
@click.argument("names", nargs=-1, metavar="[URL|NAME]...", shell_complete=completion.servers)
@servers_option
@start_timeout_option()
@output_options()
@_json_option
def check(names: tuple[str, ...], *, start_timeout_s: float | None, form: str) -> None:
    """
    Check the servers of servers.toml, all or the named ones: reach or start each, and read its CapabilityStatement.

    Nothing is written there. The exit code is 6 when one has a problem.
    """
    from fhir_case.cli.progress.server import listener
    from fhir_case.server.named.checking import check_server
    from fhir_case.server.redaction import redacted

    chosen = [named_server(name) for name in names] or list(servers().values())
    if not chosen:
        raise click.UsageError(f"There is no server to check in {servers_files()}.")
    checks = []
    with listener() as shown:
        for server in chosen:
            echo_notice(f"Checking {server.name} …")
            asked = started_within(server, start_timeout_s)
            checks.append(redacted(check_server(asked, os.environ, listener=shown)))
    if form == "json":
        echo_json({"servers": [each.to_dict() for each in checks]})
    else:
        echo_table(
            ("NAME", "RESULT", "MS", "FHIR", "TRANSACTIONS", "SIGN-IN", "SOFTWARE"), [_row(each) for each in checks]
        )
        for each in checks:
            for problem in each.problems:
                echo_text(behind_margin(f"{each.name}: {problem}"))
    if not all(each.ok for each in checks):
        sys.exit(ExitCode.SERVER)


def _row(each: ServerCheck) -> tuple[str, ...]:
    return (
        each.name,
        "ok" if each.ok else "failed",
        "-" if each.milliseconds is None else str(each.milliseconds),
        f"{each.release} ({each.fhir})" if each.release else each.fhir or "-",
        {True: "yes", False: "no", None: "-"}[each.transactions],
        each.sign_in or "-",
        each.software or "-",
    )


def _command(server: NamedServer) -> str:
    return f"starts: {' '.join(server.start)}"


def _signing_in(server: NamedServer) -> str:
    kinds = [server.auth_kind] if server.auth_kind != "none" else []
    kinds += [f"header {name}" for name in server.headers]
    needed = [f"{name} {'set' if os.environ.get(name) else 'not set'}" for name in server.variables]
    return ", ".join(kinds or ["none"]) + (f": {', '.join(needed)}" if needed else "")


def _described(server: NamedServer) -> dict[str, Any]:
    return {
        "name": server.name,
        "url": server.url,
        "start": list(server.start),
        "fhir": server.fhir,
        "sign_in": server.auth_kind,
        "headers": list(server.headers),
        "variables": {name: bool(os.environ.get(name)) for name in server.variables},
        "caps": {"entries": server.caps.entries, "bytes": server.caps.bytes, "conditional": server.caps.conditional},
        "real_patient_data": server.real_patient_data,
        "placeholders": server.placeholders,
        "file": str(server.file),
    }

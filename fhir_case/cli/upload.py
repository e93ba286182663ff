"""The command that loads a Bundle into a server."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fhir_case.errors import MappingError, ServerError

if TYPE_CHECKING:
    from fhir_case.fhir.wire import Resource

__all__ = [
    "bundle_argument",
    "fhir_option",
    "format_option",
    "read_bundle",
    "server_option",
    "show",
    "timeout_option",
    "upload",
]

_MOST_BYTES = 200_000_000
_CONNECT_S = 10.0


def _base_url(_: click.Context, __: click.Parameter, value: str) -> str:
    from fhir_case.server.client import checked_base_url

    try:
        return checked_base_url(value)
    except ServerError as error:
        raise click.BadParameter(str(error)) from None


bundle_argument = click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, readable=True, allow_dash=True), metavar="FILE"
)
server_option = click.option(
    "--server", required=True, callback=_base_url, metavar="URL", help="The base URL of the FHIR server."
)
fhir_option = click.option(
    "--fhir", type=click.Choice(["R4", "R5"]), default="R4", show_default=True, help="The release of the Bundle."
)
format_option = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="The report's form.",
)
timeout_option = click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0, min_open=True),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for an answer.",
)


def read_bundle(file: str) -> Resource:
    """
    Read the Bundle in a file, or on standard input where the name is ``-``.

    Raises:
        MappingError: It cannot be read, is too large for one transaction, or is no Bundle.
    """
    from fhir_case.load.source import parse_bundle

    where = "standard input" if file == "-" else file
    try:
        with sys.stdin.buffer if file == "-" else Path(file).open("rb") as stream:
            text = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise MappingError(f"it cannot be read: {error.strerror}", where=where) from error
    if len(text) > _MOST_BYTES:
        raise MappingError(
            f"it has more than {_MOST_BYTES // 1_000_000} MB, too much for one transaction",
            where=where,
            hint="split it",
        )
    return parse_bundle(text, where=where)


def show(value: dict[str, Any]) -> None:
    """Write a value as JSON to standard output."""
    from fhir_case.fhir import wire

    click.echo(wire.dump(value, indent=True), nl=False)


@click.command()
@bundle_argument
@server_option
@fhir_option
@click.option("--dry-run", is_flag=True, help="Say what would be sent, and send nothing.")
@format_option
@timeout_option
def upload(file: str, server: str, fhir: str, *, dry_run: bool, form: str, timeout_s: float) -> None:
    """
    Load a Bundle into a FHIR server as one transaction: all of it is stored, or nothing.

    FILE is a Bundle in JSON (transaction, batch, collection, document or searchset), or - for standard input.
    Loading it again changes nothing.
    """
    from fhir_case.load.plan import plan
    from fhir_case.load.send import send
    from fhir_case.report.run import counted
    from fhir_case.report.upload import upload_text
    from fhir_case.server.client import Client

    bundle = read_bundle(file)
    with Client(server, timeout_s=(min(_CONNECT_S, timeout_s), timeout_s)) as client:
        click.echo(f"Asking {server} what it can do …", err=True)
        planned = plan(bundle, client.capabilities(), fhir=fhir)
        if dry_run:
            if form == "json":
                show(planned.to_dict())
            else:
                click.echo(str(planned))
            return
        click.echo(f"Sending {counted(len(planned.entries), 'resource')} …", err=True)
        journal = send(planned, client)
    if form == "json":
        show(journal.to_dict())
    else:
        click.echo(upload_text(journal))
    if not journal.ok:
        sys.exit(7)

"""The command that reads a Bundle back from a server and compares."""

from __future__ import annotations

import sys

import click

from fhir_case.cli.upload import (
    bundle_argument,
    fhir_option,
    format_option,
    read_bundle,
    server_option,
    show,
    timeout_option,
)

__all__ = ["verify"]


@click.command()
@bundle_argument
@server_option
@fhir_option
@format_option
@timeout_option
def verify(file: str, server: str, fhir: str, *, form: str, timeout_s: float) -> None:
    """
    Read every resource of a Bundle back from a FHIR server and compare it with the file.

    FILE is the Bundle that was loaded, or - for standard input. The exit code is 5 when a resource is altered, lost,
    or cannot be looked for.
    """
    from fhir_case.load import verify as verified
    from fhir_case.report.verification import verification_text
    from fhir_case.server.client import Client

    bundle = read_bundle(file)
    with Client(server, timeout_s=(min(10.0, timeout_s), timeout_s)) as client:
        click.echo(f"Reading back from {server} …", err=True)
        verification = verified(bundle, server, fhir=fhir, client=client)
    if form == "json":
        show(verification.to_dict())
    else:
        click.echo(verification_text(verification))
    if not verification.ok:
        sys.exit(5)

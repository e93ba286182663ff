"""The options that say who asks a FHIR server and how it is reached; the secrets come from environment and files."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fhir_case.errors import FhirCaseError, ServerError
from fhir_case.server.auth.access import Access
from fhir_case.server.auth.methods import METHODS, is_header_name, missing, variable
from fhir_case.server.certificates import Certificates
from fhir_case.server.connection import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fhir_case.server.connection import Connection
    from fhir_case.server.named import NamedServer

__all__ = ["base_url_of", "connection", "connection_options", "reached", "server_of_journal"]

# The variables of which one that is set says how to sign in; the client id belongs to two ways.
_TELLING = {
    "basic": ("user", "password"),
    "bearer": ("token", "token_file"),
    "oauth2": ("client_secret",),
    "smart": ("private_key_file",),
}

_file = click.Path(path_type=Path, exists=True, dir_okay=False, readable=True)


def connection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """
    Add the options that say who asks and how the server is reached.

    The command gets what `connection` takes, and ``real_patient_data``.
    """
    options = [
        click.option(
            "--auth",
            "auth_kind",
            type=click.Choice(tuple(METHODS)),
            help="How to sign in, with what the environment variables FHIR_CASE_… hold. Default: as servers.toml says "
            "of a server by name; else what the variables tell, or none.",
        ),
        click.option(
            "--header",
            "header_variables",
            multiple=True,
            metavar="NAME=VARIABLE",
            help="A further header for each request, whose value is in this environment variable.",
        ),
        click.option("--ca-file", type=_file, metavar="PEM", help="Trust these certificates, and no others."),
        click.option("--client-certificate", type=_file, metavar="PEM", help="Show this certificate to the server."),
        click.option("--client-key", type=_file, metavar="PEM", help="The key of --client-certificate."),
        click.option(
            "--real-patient-data",
            is_flag=True,
            help="The server may have the data of real patients. Without it, a server that is not this machine gets "
            "only what is labelled as test data (HTEST).",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def base_url_of(server: NamedServer) -> str:
    """
    Return the base URL of a server that runs anyway.

    Raises:
        click.UsageError: It does not, or a variable is not set.
    """
    from fhir_case.server.named import base_url

    if server.start:
        raise click.UsageError(
            f"'{server.name}' is started when it is needed and ended afterwards, so that nothing would be left of what "
            "is loaded there. `fhir-case server start` starts one that stays; give its URL."
        )
    try:
        return base_url(server, os.environ)
    except FhirCaseError as error:
        raise click.UsageError(str(error)) from None


def server_of_journal(server: NamedServer | None, base_url: str) -> NamedServer:
    """
    Return the server that a journal is about.

    Args:
        server: The server that the user names, whose file says how to sign in; None: nothing else is known of it.
        base_url: What the journal says.

    Raises:
        click.UsageError: The user means another one.
    """
    from fhir_case.server.named import server_of

    if server is not None and base_url_of(server) != base_url:
        raise click.UsageError(f"The journal is about {base_url}.")
    return server or server_of(base_url, {})


def reached(server: NamedServer, **options: Any) -> Connection:
    """
    Return the connection to a server: as ``servers.toml`` says of it, where the options do not say otherwise.

    Args:
        options: What `connection` takes.

    Raises:
        click.UsageError: Something is missing, or cannot be used. No secret is repeated.
        CheckerError: authlib is needed, and not installed.
    """
    from fhir_case.server.named import access

    url, stated = base_url_of(server), None
    if server.file:
        signing_in = replace(server, auth_kind="none", auth={}) if options.get("auth_kind") else server
        try:
            stated = access(signing_in, os.environ)
        except FhirCaseError as error:
            raise click.UsageError(str(error)) from None
    return connection(url, stated=stated, **options)


def connection(
    base_url: str,
    *,
    auth_kind: str | None,
    header_variables: Sequence[str],
    ca_file: Path | None,
    client_certificate: Path | None,
    client_key: Path | None,
    timeout_s: float,
    stated: Access | None = None,
) -> Connection:
    """
    Return the connection to a server that options and environment ask for. No token is fetched yet.

    Args:
        stated: What counts where no option says otherwise; None: what the environment tells.

    Raises:
        click.UsageError: Something is missing, or cannot be used. No secret is repeated.
        CheckerError: authlib is needed, and not installed.
    """
    if client_key is not None and client_certificate is None:
        raise click.UsageError("--client-key belongs to a certificate: name it by --client-certificate.")
    told = stated or Access()
    if auth_kind or stated is None:
        kind = auth_kind or _told_kind(os.environ)
        if (
            kind != "none" and not auth_kind
        ):  # whoever set a variable long ago wants to know that it goes to this server
            click.echo(f"Signing in to {base_url} by {kind}, as the environment tells; --auth none does not", err=True)
        told = replace(told, kind=kind, values=_values(kind, os.environ))
    if client_certificate is not None:
        told = replace(told, certificates=Certificates(told.certificates.ca_file, client_certificate, client_key))
    wanted = replace(
        told,
        headers={**told.headers, **_headers(header_variables, os.environ)},
        certificates=replace(told.certificates, ca_file=ca_file or told.certificates.ca_file),
    )
    try:
        return connect(base_url, wanted, timeout_s=timeout_s)
    except ServerError as error:
        raise click.UsageError(str(error)) from None


def _told_kind(environment: Mapping[str, str]) -> str:
    """Return the one way to sign in that the environment tells; none when it tells nothing."""
    told = {
        kind: [variable(name) for name in names if environment.get(variable(name))] for kind, names in _TELLING.items()
    }
    kinds = [kind for kind, names in told.items() if names]
    if len(kinds) > 1:
        names = " and ".join(told[kind][0] for kind in kinds)
        raise click.UsageError(f"{names} are set; --auth {', '.join(kinds)} or none says which way to sign in.")
    return kinds[0] if kinds else "none"


def _values(kind: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Read what a way to sign in needs."""
    values = {each.name: environment.get(variable(each.name), "") for each in METHODS[kind]}
    for each in missing(kind, values):
        instead = f", or {variable(each.instead)}" if each.instead else ""
        example = f", for example {each.example}" if each.example else ""
        raise click.UsageError(f"--auth {kind} needs the environment variable {variable(each.name)}{instead}{example}.")
    for each in METHODS[kind]:
        if each.instead and values[each.name] and values[each.instead]:
            raise click.UsageError(f"{variable(each.name)} and {variable(each.instead)} are set; unset one.")
    return values


def _headers(header_variables: Sequence[str], environment: Mapping[str, str]) -> dict[str, str]:
    """Read each header's value. Nothing of a wrong one is repeated: it may be a secret, written by mistake."""
    headers: dict[str, str] = {}
    for text in header_variables:
        name, sign, named = text.partition("=")
        if not sign or not is_header_name(name):
            raise click.UsageError("--header is written NAME=VARIABLE, with the name of an environment variable.")
        value = environment.get(named, "").strip()
        if not value:
            raise click.UsageError(
                "--header: what follows '=' is not the name of an environment variable that is set. The value itself "
                "is not written here, where other programs and the shell's history see it: put it into a variable, "
                "for example FHIR_CASE_HEADER, and write NAME=FHIR_CASE_HEADER."
            )
        headers[name] = value
    return headers

"""How a FHIR server is reached, and with which sign-in; secrets come from the environment and from files."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from fhir_case.cli.options.declarations import EXISTING_FILE, combined, real_patient_data_option, usage_errors
from fhir_case.cli.output import echo_notice
from fhir_case.errors import ServerError
from fhir_case.server.auth.access import Access
from fhir_case.server.auth.methods import METHODS, is_header_name, missing, variable
from fhir_case.server.certificates import Certificates
from fhir_case.server.connection import connect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fhir_case.server.connection import Connection
    from fhir_case.server.named import NamedServer

__all__ = ["base_url_of", "connection_options", "connection_to", "server_of_journal"]

# The variables that identify a sign-in method; the client id belongs to two methods.
_IDENTIFYING = {
    "basic": ("user", "password"),
    "bearer": ("token", "token_file"),
    "oauth2": ("client_secret",),
    "smart": ("private_key_file",),
}

connection_options = combined(
    click.option(
        "--auth",
        "auth_kind",
        type=click.Choice(tuple(METHODS)),
        help="The sign-in method, with the settings in the environment variables FHIR_CASE_…. Default: as servers.toml "
        "says for a server by name; else the one whose variables are set, or none.",
    ),
    click.option(
        "--header",
        "header_variables",
        multiple=True,
        metavar="NAME=VARIABLE",
        help="A header for each request, whose value is in this environment variable; may be repeated.",
    ),
    click.option("--ca-file", type=EXISTING_FILE, metavar="PEM", help="Trust these certificates, and no others."),
    click.option("--client-certificate", type=EXISTING_FILE, metavar="PEM", help="The client certificate for TLS."),
    click.option("--client-key", type=EXISTING_FILE, metavar="PEM", help="The key of --client-certificate."),
    click.option(
        "--max-response-bytes",
        type=click.IntRange(1000),
        metavar="N",
        help="Read N bytes of a response at most, decompressed; default: 200,000,000.",
    ),
    click.option(
        "--max-response-ratio",
        type=click.FloatRange(min=1),
        metavar="N",
        help="Refuse a response of more than 10 MB that is compressed more than N times; default: 200.",
    ),
    real_patient_data_option(),
)


def base_url_of(server: NamedServer) -> str:
    """
    Return the base URL of a server that is not started by this command.

    Raises:
        click.UsageError: It would be, or a variable is not set.
    """
    from fhir_case.server.named import base_url

    if server.start:
        raise click.UsageError(
            f"'{server.name}' is started on demand and stopped afterwards, so nothing that is loaded there would "
            "remain. `fhir-case server start` starts one that stays; give its URL."
        )
    with usage_errors():
        return base_url(server, os.environ)


def server_of_journal(server: NamedServer | None, base_url: str) -> NamedServer:
    """
    Return the server that a journal is about.

    Args:
        server: The server that the user names, for its sign-in in ``servers.toml``; None: nothing else is known of it.
        base_url: The server in the journal.

    Raises:
        click.UsageError: The user means another one.
    """
    from fhir_case.server.named import server_of

    if server is not None and base_url_of(server) != base_url:
        raise click.UsageError(f"The journal is about {base_url}.")
    return server or server_of(base_url, {})


def connection_to(
    server: NamedServer,
    *,
    auth_kind: str | None,
    header_variables: Sequence[str],
    ca_file: Path | None,
    client_certificate: Path | None,
    client_key: Path | None,
    timeout_s: float,
    max_response_bytes: int | None = None,
    max_response_ratio: float | None = None,
) -> Connection:
    """
    Return the connection to a server: as the options say, else as ``servers.toml`` does, else as the environment does.

    No token is fetched yet.

    Raises:
        click.UsageError: Something is missing, or cannot be used. No secret is repeated.
        CheckerError: authlib is needed, and not installed.
    """
    from fhir_case.server.named import access

    if client_key is not None and client_certificate is None:
        raise click.UsageError("--client-key belongs to a certificate: name it by --client-certificate.")
    base_url, wanted = base_url_of(server), Access()
    if server.file:
        with usage_errors():
            wanted = access(replace(server, auth={}) if auth_kind else server, os.environ)
    if auth_kind or not server.file:
        kind = auth_kind or _kind_of(os.environ)
        if kind != "none" and not auth_kind:  # whoever set a variable long ago wants to know that it is sent there
            echo_notice(f"Signing in to {base_url} by {kind}, as variables are set; --auth none prevents it")
        wanted = replace(wanted, kind=kind, values=_values(kind, os.environ))
    certificates = replace(wanted.certificates, ca_file=ca_file or wanted.certificates.ca_file)
    if client_certificate is not None:
        certificates = Certificates(certificates.ca_file, client_certificate, client_key)
    headers = {**wanted.headers, **_headers(header_variables, os.environ)}
    limits = replace(
        server.response,
        bytes=max_response_bytes or server.response.bytes,
        ratio=max_response_ratio or server.response.ratio,
    )
    wanted = replace(wanted, headers=headers, certificates=certificates)
    with usage_errors(ServerError):
        return connect(base_url, wanted, timeout_s=timeout_s, limits=limits)


def _kind_of(environment: Mapping[str, str]) -> str:
    """Return the one sign-in method whose variables are set; ``none`` without any."""
    found: dict[str, str] = {}
    for kind, settings in _IDENTIFYING.items():
        if is_set := [variable(name) for name in settings if environment.get(variable(name))]:
            found[kind] = is_set[0]
    if len(found) > 1:
        raise click.UsageError(
            f"{' and '.join(found.values())} are set; choose the sign-in method by --auth {', '.join(found)} or none."
        )
    return next(iter(found), "none")


def _values(kind: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of a sign-in method from environment variables."""
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
    """Return the headers with their values. Nothing of a wrong one is repeated: it may be a secret."""
    headers: dict[str, str] = {}
    for text in header_variables:
        name, sign, named = text.partition("=")
        if not sign or not is_header_name(name):
            raise click.UsageError("--header is written NAME=VARIABLE, with the name of an environment variable.")
        value = environment.get(named, "").strip()
        if not value:
            raise click.UsageError(
                "--header: what follows '=' is not the name of an environment variable that is set. A value on the "
                "command line would be visible to other programs and in the shell's history: put it into a variable, "
                "for example FHIR_CASE_HEADER, and write NAME=FHIR_CASE_HEADER."
            )
        headers[name] = value
    return headers

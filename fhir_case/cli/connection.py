"""The options that say who asks a FHIR server and how it is reached; the secrets come from environment and files."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fhir_case.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fhir_case.server.auth import Authenticator
    from fhir_case.server.connection import Connection
    from fhir_case.server.oauth2 import Transport

__all__ = ["connection", "connection_options"]

_KINDS = ("none", "basic", "bearer", "oauth2", "smart")
# The variables of which one that is set says how to sign in; the client id belongs to two ways.
_TELLING = {
    "basic": ("FHIR_CASE_USER", "FHIR_CASE_PASSWORD"),
    "bearer": ("FHIR_CASE_TOKEN", "FHIR_CASE_TOKEN_FILE"),
    "oauth2": ("FHIR_CASE_CLIENT_SECRET",),
    "smart": ("FHIR_CASE_PRIVATE_KEY_FILE",),
}
_TOKEN_ENDPOINT_ANSWERS_S = 30.0
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")

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
            type=click.Choice(_KINDS),
            help="How to sign in, with what the environment variables FHIR_CASE_… hold. Default: what they tell, or "
            "none.",
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


def connection(
    base_url: str,
    *,
    auth_kind: str | None,
    header_variables: Sequence[str],
    ca_file: Path | None,
    client_certificate: Path | None,
    client_key: Path | None,
    timeout_s: float,
) -> Connection:
    """
    Give the connection to a server that options and environment ask for. No token is fetched yet.

    Raises:
        click.UsageError: Something is missing, or cannot be used. No secret is repeated.
        CheckerError: authlib is needed, and not installed.
    """
    from fhir_case.server.connection import Connection, check_certificates
    from fhir_case.server.guard import refuse_plain_http
    from fhir_case.server.oauth2 import Transport

    if client_key is not None and client_certificate is None:
        raise click.UsageError("--client-key belongs to a certificate: name it by --client-certificate.")
    files = {"ca_file": ca_file, "client_certificate": client_certificate, "client_key": client_key}
    timeouts = (min(10.0, timeout_s), min(_TOKEN_ENDPOINT_ANSWERS_S, timeout_s))
    kind = auth_kind or _told_kind(os.environ)
    headers = _headers(header_variables, os.environ)
    if kind != "none" and any(name.lower() == "authorization" for name in headers):
        raise click.UsageError(f"--header Authorization and --auth {kind} both sign in; --auth none leaves the header.")
    try:
        check_certificates(**files)
        auth = _authenticator(kind, base_url, os.environ, Transport(timeouts, **files))
        made = Connection(auth, headers, **files)
        refuse_plain_http(base_url, made.has_credentials)
    except ServerError as error:
        raise click.UsageError(str(error)) from None
    return made


def _told_kind(environment: Mapping[str, str]) -> str:
    """Give the one way to sign in that the environment tells; none when it tells nothing."""
    told = {kind: [name for name in names if environment.get(name)] for kind, names in _TELLING.items()}
    kinds = [kind for kind, names in told.items() if names]
    if len(kinds) > 1:
        names = " and ".join(told[kind][0] for kind in kinds)
        raise click.UsageError(f"{names} are set; --auth {', '.join(kinds)} or none says which way to sign in.")
    return kinds[0] if kinds else "none"


def _authenticator(
    kind: str, base_url: str, environment: Mapping[str, str], transport: Transport
) -> Authenticator | None:
    from fhir_case.server import auth

    def value(name: str, advice: str = "") -> str:
        if not environment.get(name):
            raise click.UsageError(f"--auth {kind} needs the environment variable {name}{advice}.")
        return environment[name]

    clock = time.time
    if kind == "basic":
        return auth.basic(value("FHIR_CASE_USER"), value("FHIR_CASE_PASSWORD"), clock=clock)
    if kind == "bearer":
        if file := environment.get("FHIR_CASE_TOKEN_FILE"):
            if environment.get("FHIR_CASE_TOKEN"):
                raise click.UsageError("FHIR_CASE_TOKEN and FHIR_CASE_TOKEN_FILE are set; unset one.")
            return auth.bearer_file(Path(file), clock=clock)
        return auth.bearer(value("FHIR_CASE_TOKEN", ", or FHIR_CASE_TOKEN_FILE"), clock=clock)
    if kind == "none":
        return None
    from fhir_case.server import oauth2

    client_id = value("FHIR_CASE_CLIENT_ID")
    if kind == "oauth2":
        return oauth2.client_credentials(
            value("FHIR_CASE_TOKEN_URL"),
            client_id,
            value("FHIR_CASE_CLIENT_SECRET"),
            scope=environment.get("FHIR_CASE_SCOPE", ""),
            transport=transport,
            clock=clock,
        )
    return oauth2.backend_service(
        base_url,
        client_id,
        Path(value("FHIR_CASE_PRIVATE_KEY_FILE")),
        key_id=environment.get("FHIR_CASE_KEY_ID", ""),
        scope=value("FHIR_CASE_SCOPE", ", for example system/*.cruds (SMART 2) or system/*.* (SMART 1)"),
        token_url=environment.get("FHIR_CASE_TOKEN_URL", ""),
        transport=transport,
        clock=clock,
    )


def _headers(header_variables: Sequence[str], environment: Mapping[str, str]) -> dict[str, str]:
    """Read each header's value. Nothing of a wrong one is repeated: it may be a secret, written by mistake."""
    headers: dict[str, str] = {}
    for text in header_variables:
        name, sign, variable = text.partition("=")
        if not sign or not _HEADER_NAME.fullmatch(name):
            raise click.UsageError("--header is written NAME=VARIABLE, with the name of an environment variable.")
        value = environment.get(variable, "").strip()
        if not value:
            raise click.UsageError(
                "--header: what follows '=' is not the name of an environment variable that is set. The value itself "
                "is not written here, where other programs and the shell's history see it: put it into a variable, "
                "for example FHIR_CASE_HEADER, and write NAME=FHIR_CASE_HEADER."
            )
        if not value.isascii() or not value.isprintable():
            raise click.UsageError(f"--header {name}: its value has a character that HTTP does not allow.")
        headers[name] = value
    return headers

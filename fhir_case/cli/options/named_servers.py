"""The servers of ``servers.toml``, and the options that take a server by its name or its URL."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from fhir_case.cli.options import completion
from fhir_case.cli.options.declarations import EXISTING_FILE, combined, usage_errors

if TYPE_CHECKING:
    from pathlib import Path

    from fhir_case.cli.options.declarations import Decorator
    from fhir_case.server.named import NamedServer

__all__ = [
    "named_server",
    "server_names_option",
    "server_option",
    "servers",
    "servers_files",
    "servers_option",
    "started_within",
]

_SERVERS_FILE = "fhir_case.servers"


def _keep(context: click.Context, _: click.Parameter, value: Path | None) -> None:
    context.meta[_SERVERS_FILE] = value


servers_option = click.option(
    "--servers",
    type=EXISTING_FILE,
    callback=_keep,
    expose_value=False,
    is_eager=True,  # before --server, which looks into it
    metavar="FILE",
    help="The file with servers by name; default: servers.toml here, else in the user's configuration folder.",
)


server_names_option = combined(
    click.option(
        "--server",
        "names",
        multiple=True,
        required=True,
        metavar="URL|NAME",
        shell_complete=completion.servers,
        help="A server; may be repeated.",
    ),
    servers_option,
)


def server_option(*, required: bool, note: str = "") -> Decorator:
    """
    Return ``--server``, whose value is a `NamedServer`, with ``--servers``.

    Args:
        required: Whether a server has to be named.
        note: The end of its help.
    """
    option = click.option(
        "--server",
        required=required,
        callback=_server,
        metavar="URL|NAME",
        shell_complete=completion.servers,
        help=f"The base URL of the FHIR server, or its name in servers.toml{note}.",
    )
    return combined(option, servers_option)


def _server(_: click.Context, __: click.Parameter, value: str | None) -> NamedServer | None:
    return None if value is None else named_server(value)


def named_server(text: str) -> NamedServer:
    """
    Return the server with a name or a URL.

    Raises:
        click.UsageError: There is none, or ``servers.toml`` is wrong.
    """
    from fhir_case.server.named import server_of

    with usage_errors():
        return server_of(text, {} if any(sign in text for sign in ":/") else servers())


def started_within(server: NamedServer, start_timeout_s: float | None) -> NamedServer:
    """Return a server whose start may take so long, where the user says so; else as ``servers.toml`` does."""
    return server if start_timeout_s is None else replace(server, start_timeout_s=start_timeout_s)


def servers() -> dict[str, NamedServer]:
    """
    Return the servers of ``servers.toml`` by name; none without a file.

    Raises:
        click.BadParameter: The file is wrong.
    """
    from fhir_case.server.named import find_servers

    with usage_errors(option="--servers"):
        return find_servers(_servers_file())


def servers_files() -> str:
    """Return the files where servers were looked for, joined by "or"."""
    from fhir_case.server.named import search_paths

    return " or ".join(str(path) for path in search_paths(_servers_file()))


def _servers_file() -> Path | None:
    file: Path | None = click.get_current_context().meta.get(_SERVERS_FILE)
    return file

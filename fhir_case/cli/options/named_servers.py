"""Where ``servers.toml`` is, and the options that take a server by its name or its URL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fhir_case.errors import FhirCaseError

if TYPE_CHECKING:
    from collections.abc import Callable

    from fhir_case.server.named import NamedServer

__all__ = ["named_server", "server_option", "servers", "servers_option", "where"]

_GIVEN = "fhir_case.servers"


def _keep(context: click.Context, _: click.Parameter, value: Path | None) -> None:
    context.meta[_GIVEN] = value


servers_option = click.option(
    "--servers",
    type=click.Path(path_type=Path, exists=True, dir_okay=False, readable=True),
    callback=_keep,
    expose_value=False,
    is_eager=True,  # before --server, which looks into it
    metavar="FILE",
    help="Where servers have names; default: servers.toml here, or else in the user's configuration folder.",
)


def server_option(*, required: bool, note: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """
    Add --server, which gives a `NamedServer`, and --servers.

    Args:
        required: Whether a server has to be given.
        note: What the help says at its end.
    """
    option = click.option(
        "--server",
        required=required,
        callback=_server,
        metavar="URL|NAME",
        help=f"The base URL of the FHIR server, or its name in servers.toml{note}.",
    )
    return lambda command: option(servers_option(command))


def _server(_: click.Context, __: click.Parameter, value: str | None) -> NamedServer | None:
    return None if value is None else named_server(value)


def named_server(text: str) -> NamedServer:
    """
    Return the server of a name or a URL.

    Raises:
        click.UsageError: There is none, or ``servers.toml`` is wrong.
    """
    from fhir_case.server.named import server_of

    try:
        return server_of(text, {} if any(sign in text for sign in ":/") else servers())
    except FhirCaseError as error:
        raise click.UsageError(str(error)) from None


def servers() -> dict[str, NamedServer]:
    """
    Return the servers that have a name; none without a file.

    Raises:
        click.BadParameter: The file is wrong.
    """
    from fhir_case.server.named import find_servers

    try:
        return find_servers(_given())
    except FhirCaseError as error:
        raise click.BadParameter(str(error), param_hint="--servers") from None


def where() -> str:
    """Return the files that were looked for, in words."""
    from fhir_case.server.named import places

    return " or ".join(str(path) for path in places(_given()))


def _given() -> Path | None:
    given: Path | None = click.get_current_context().meta.get(_GIVEN)
    return given

"""Files to load, the server to load them into, and how: what `upload` and `verify` make of their options."""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fhir_case.cli.options import expanded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fhir_case.load.files import FileLoad, Options
    from fhir_case.load.survey import Survey
    from fhir_case.server.client import Client
    from fhir_case.server.connection import Connection

__all__ = ["client_of", "file_load", "read"]

_CONNECTION = ("auth_kind", "header_variables", "ca_file", "client_certificate", "client_key", "timeout_s")
_CONNECT_S = 10.0
_PATIENCE = {"retry_s": "request_s", "settle_s": "settle_s"}


@contextmanager
def file_load(files: Sequence[str], server: str, fhir: str, **options: Any) -> Iterator[FileLoad]:
    """
    Give what loads files into a server.

    Args:
        files: Names, patterns, and ``-`` for standard input.
        options: Those of the command, by the names of its parameters; what is missing counts as not given.
    """
    from fhir_case.cli.connection import connection
    from fhir_case.load.files import STANDARD_INPUT, FileLoad

    reached = connection(server, **{name: options[name] for name in _CONNECTION})
    named = [file for file in files if file not in ("-", STANDARD_INPUT)]
    with ExitStack() as stack:
        paths = [path for path in expanded(named) if path is not None]
        piped = stack.enter_context(_piped()) if len(named) < len(files) else None
        click.echo(f"Asking {server} what it can do …", err=True)
        yield stack.enter_context(
            FileLoad(
                paths,
                lambda: client_of(server, reached, options["timeout_s"]),
                _options(fhir, options),
                piped=piped,
            )
        )


def client_of(server: str, reached: Connection, timeout_s: float) -> Client:
    """Give a client that waits ten seconds at most for a connection, and so long for an answer."""
    from fhir_case.server.client import Client

    return Client(server, timeout_s=(min(_CONNECT_S, timeout_s), timeout_s), connection=reached)


def read(load: FileLoad, files: Sequence[str]) -> Survey:
    """
    Read all files, and list what of them is left out.

    Raises:
        MappingError: Something cannot be loaded, or nothing at all is there.
        ServerError: The server was not reached.
    """
    from fhir_case.errors import MappingError

    survey = load.read()
    if not survey.resources and not survey.left_out:
        raise MappingError(
            "there is nothing to load",
            where=", ".join(files[:3]),
            hint="a folder or an archive stands for its .json, .ndjson and .jsonl files",
        )
    for problem in survey.problems:
        click.echo(f"Left out: {problem}", err=True)
    more = len(survey.left_out) - len(survey.problems)
    if more > 0:
        click.echo(f"Left out: {more:,} more", err=True)
    return survey


def _options(fhir: str, options: dict[str, Any]) -> Options:
    from fhir_case.load.files import Options
    from fhir_case.load.loading import COMFORTABLE
    from fhir_case.server.known import Caps
    from fhir_case.server.retry import RetryPolicy

    plain = ("ids", "as_is", "concurrency", "isolate", "pack", "keep_going", "allow_dangling", "real_patient_data")
    caps = Caps(entries=options.get("most_entries") or 0, bytes=options.get("most_bytes") or 0)
    return Options(
        fhir=fhir,
        caps=caps if caps != Caps() else None,
        merge=Caps(entries=options.get("merge") or COMFORTABLE.entries, bytes=COMFORTABLE.bytes),
        policy=RetryPolicy(**{new: options[old] for old, new in _PATIENCE.items() if old in options}),
        **{name: options[name] for name in plain if name in options},
    )


@contextmanager
def _piped() -> Iterator[Path]:
    """Keep what comes on standard input in a file: it is read twice, and comes once."""
    import shutil
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="fhir-case-") as folder:
        path = Path(folder) / "standard-input"
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield path

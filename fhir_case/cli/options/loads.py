"""The load that the options of `upload` and `verify` describe."""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fhir_case.cli.options.files import expanded
from fhir_case.cli.output import echo_error, echo_notice, echo_warning
from fhir_case.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fhir_case.load.run.load import Load, Options
    from fhir_case.load.survey.result import Survey
    from fhir_case.server.capabilities import Capabilities
    from fhir_case.server.client import Client
    from fhir_case.server.connection import Connection
    from fhir_case.server.named import NamedServer

__all__ = ["client_of", "file_load", "read", "timeout_of"]

_CONNECTION = ("auth_kind", "header_variables", "ca_file", "client_certificate", "client_key")
_RESPONSE = ("max_response_bytes", "max_response_ratio")
_CONNECT_S = 10.0
_RETRY = {"retry_s": "request_s", "settle_s": "settle_s"}


@contextmanager
def file_load(files: Sequence[str], server: NamedServer, fhir: str, **options: Any) -> Iterator[Load]:
    """
    Return the load of files into a server.

    Args:
        files: Names, patterns, and ``-`` for standard input.
        server: The server; options take precedence over its settings in ``servers.toml``.
        options: Those of the command, by the names of its parameters; the others have their defaults.
    """
    from fhir_case.cli.options.connection import base_url_of, connection_to
    from fhir_case.load.run.load import Load
    from fhir_case.load.survey.inputs import STANDARD_INPUT, FileInputs
    from fhir_case.server.capabilities import UNKNOWN

    base_url, timeout_s = base_url_of(server), timeout_of(server, options["timeout_s"])
    connection = connection_to(
        server, timeout_s=timeout_s, **{name: options[name] for name in (*_CONNECTION, *_RESPONSE)}
    )
    named = [file for file in files if file not in ("-", STANDARD_INPUT)]
    with ExitStack() as stack:
        paths = [path for path in expanded(named) if path is not None]
        piped = stack.enter_context(_piped()) if len(named) < len(files) else None
        echo_notice(f"Reading the CapabilityStatement of {base_url} …")

        def client() -> Client:
            return client_of(base_url, connection, timeout_s)

        wanted, known = _options(fhir, server, options), None
        if options.get("dry_run"):
            known = _known(client)
            wanted = replace(wanted, check_references=known is not UNKNOWN)
        yield stack.enter_context(Load(FileInputs(paths, piped), client, wanted, capabilities=known))


def _known(client: Callable[[], Client]) -> Capabilities:
    """Return the capabilities of a server; where it is not reached, nothing is known, and that is said."""
    from fhir_case.server.capabilities import UNKNOWN

    with client() as asked:
        try:
            return asked.capabilities()
        except ServerError as error:
            echo_warning(f"Planned without the server, its limits and what it has stored: {error}")
            return UNKNOWN


def client_of(base_url: str, connection: Connection, timeout_s: float) -> Client:
    """Return a client that waits at most ten seconds for a connection, and so long for a response."""
    from fhir_case.server.client import Client

    return Client(base_url, timeout_s=(min(_CONNECT_S, timeout_s), timeout_s), connection=connection)


def timeout_of(server: NamedServer, timeout_s: float) -> float:
    """Return the seconds to wait for a response: as the user says, else as ``servers.toml`` does."""
    return timeout_s if _is_set("timeout_s") else server.timeout_s


def read(load: Load, files: Sequence[str]) -> Survey:
    """
    Read all files, and list what of them is skipped.

    Raises:
        BundleError: Something cannot be loaded, or there is nothing to load.
        ServerError: The server was not reached.
    """
    from fhir_case.errors import BundleError, FhirCaseError

    survey = load.read()
    if not survey.resources and not survey.left_out:
        raise BundleError(
            "there is nothing to load",
            where=", ".join(files[:3]),
            hint="of folders and archives, every file that holds JSON or NDJSON is loaded, whatever its ending",
        )
    for problem in survey.problems:
        echo_error(FhirCaseError(problem.message, where=problem.where, hint=problem.hint), before="Skipped: ")
    more = len(survey.left_out) - len(survey.problems)
    if more > 0:
        echo_error(f"{more:,} more", before="Skipped: ")
    return survey


def _is_set(name: str) -> bool:
    """Whether the user set an option, so that its value is not only the default."""
    source = click.get_current_context().get_parameter_source(name)
    return source not in (None, click.core.ParameterSource.DEFAULT)


def _options(fhir: str, server: NamedServer, options: dict[str, Any]) -> Options:
    from fhir_case.load.run.load import Options
    from fhir_case.load.survey.jobs import MERGE
    from fhir_case.server.quirks import Caps

    plain = ("ids", "as_is", "as_resource", "concurrency", "gzip", "isolate", "keep_going", "allow_dangling",
             "resend_missing", "other_release")  # fmt: skip
    limits = {"entries": options.get("max_entries"), "bytes": options.get("max_bytes")}
    caps = replace(server.caps, **{name: number for name, number in limits.items() if number})
    return Options(
        fhir=fhir,
        caps=caps if caps != Caps() else None,
        merge=Caps(entries=options.get("merge") or MERGE.entries, bytes=MERGE.bytes),
        policy=replace(server.retry, **{new: options[old] for old, new in _RETRY.items() if _is_set(old)}),
        placeholders="placeholders" in options and (options["placeholders"] or server.placeholders),
        real_patient_data=server.real_patient_data or options.get("real_patient_data", False),
        **{name: options[name] for name in plain if name in options},
    )


@contextmanager
def _piped() -> Iterator[Path]:
    """
    Copy standard input to a file, since it is read twice.

    Raises:
        FhirCaseError: There is no room for it.
    """
    import shutil
    from tempfile import TemporaryDirectory

    from fhir_case.load.temporary import unwritable

    with ExitStack() as stack:
        try:
            path = Path(stack.enter_context(TemporaryDirectory(prefix="fhir-case-"))) / "standard-input"
            with path.open("wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
        except OSError as error:
            raise unwritable(error) from error
        yield path

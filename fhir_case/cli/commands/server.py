"""``fhir-case server``: the embedded HAPI FHIR server; ``list`` and ``check`` are in `servers`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fhir_case.cli.commands.servers import check, list_servers
from fhir_case.cli.options.declarations import (
    ANY_FOLDER,
    ANY_PATH,
    database_option,
    fhir_option,
    output_options,
    start_timeout_option,
)
from fhir_case.cli.output import echo, echo_answer, echo_json, echo_notice, echo_table, echo_text, echo_warning
from fhir_case.errors import ExitCode

if TYPE_CHECKING:
    from fhir_case.server.hapi import HapiServer, RunningServer

__all__ = ["server"]

_LOOK_S = 0.2
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@click.group()
def server() -> None:
    """
    Start, watch and stop the embedded HAPI FHIR server; list and check the servers of servers.toml.

    The embedded server is a real HAPI FHIR JPA server, for development and tests: without authentication, on H2 in
    memory unless --data names a folder or --db another database. The first start downloads about 240 MB of jars.
    """


server.add_command(list_servers)
server.add_command(check)


@server.command()
@fhir_option("The FHIR release that it speaks.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    metavar="N",
    help="The port to listen on; 0 takes any free one.",
)
@click.option("--host", default="127.0.0.1", metavar="ADDRESS", help="The address to listen on.")
@click.option(
    "--data", type=ANY_FOLDER, help="Keep the database in this folder. Default: it is gone when the server stops."
)
@database_option("that which the folder of --data holds, else H2")
@click.option(
    "--package",
    "packages",
    type=ANY_PATH,
    multiple=True,
    metavar="FILE.tgz",
    help="Install a FHIR package, a file NAME-VERSION.tgz; may be repeated, in this order.",
)
@click.option("--strict", is_flag=True, help="Refuse invalid resources (422).")
@click.option("--heap", default="2g", metavar="SIZE", help="The memory limit of the server.")
@click.option("--throughput", is_flag=True, help="For long loads: slower to start, then more resources per second.")
@click.option("--placeholders", is_flag=True, help="Make placeholders for dangling references.")
@start_timeout_option("timeout_s")
@click.option("--detach", is_flag=True, help="Return when it is ready; it runs until `server stop`.")
@output_options()
def start(*, host: str, detach: bool, form: str, **options: Any) -> None:
    """
    Start a server and print its base URL.

    Without --detach it runs until Ctrl-C or SIGTERM; the answer in JSON is written when it is ready.
    """
    from fhir_case.cli.progress.server import listener

    if host not in _LOOPBACK:
        echo_warning(
            f"listening on {host}: whoever can reach it can read and change everything, without a password.",
            before="Warning: ",
        )
    if detach:
        from fhir_case.server.hapi import HapiServer

        with listener() as show:
            running = HapiServer(host=host, listener=show, **options).start_detached()
        _say_ready(running, form)
        echo_notice(f"Stop it with: fhir-case server stop --port {running.port}")
        return
    _run(host, form, options)


def _say_ready(server: RunningServer | HapiServer, form: str) -> None:
    if form == "json":
        echo_json({"base_url": server.base_url, "log": str(server.log)})
        echo_answer(ExitCode.DONE)
    else:
        echo(server.base_url)


def _run(host: str, form: str, options: dict[str, Any]) -> None:
    """Run until a signal; that is not an error, so the exit code is 0."""
    import signal

    from fhir_case.cli.progress.server import listener
    from fhir_case.server.hapi import HapiServer

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    with listener() as show:
        embedded = HapiServer(host=host, listener=show, **options)
        try:
            embedded.start()
            _say_ready(embedded, form)
            echo_notice(f"Ready after {embedded.seconds:.1f} s. Ctrl-C stops it. Log: {embedded.log}")
            _watch(embedded)
        except KeyboardInterrupt:
            embedded.stop()
    echo_notice("Stopped.")


def _watch(embedded: HapiServer) -> None:
    """
    Wait until the server ends by itself.

    Raises:
        CheckerError: It crashed.
    """
    while embedded.alive:
        time.sleep(_LOOK_S)
        for remark in embedded.remarks():
            echo_warning(f"{remark}. Log: {embedded.running.database_log}", before="Warning: ")
    embedded.check_end()


@server.command()
@output_options()
def status(*, form: str) -> None:
    """List the embedded servers that run on this machine."""
    from fhir_case.server.hapi import running_servers

    found = running_servers()
    if form == "json":
        echo_json({"servers": found})
        return
    if not found:
        echo_notice("No embedded server is running.")
        return
    rows = [
        (
            one.base_url or "(starting)",
            one.fhir,
            str(one.pid),
            one.started[:16].replace("T", " "),
            "detached" if one.detached else "attached",
            one.stored_in,
        )
        for one in found
    ]
    echo_table(("URL", "FHIR", "PROCESS", "STARTED (UTC)", "RUNS", "DATABASE"), rows)


@server.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    help="The port of the server to stop, when several run; 0 for one that is starting and has none yet.",
)
@click.option("--all", "everything", is_flag=True, help="Stop all of them.")
@output_options()
def stop(*, port: int | None, everything: bool, form: str) -> None:
    """Stop an embedded server."""
    from fhir_case.server.hapi import running_servers, stop_server

    if everything and port is not None:
        raise click.UsageError("Use --port or --all, not both.")
    found = running_servers()
    stopped = found if everything or not found else (_one(port, found),)
    for one in stopped:
        stop_server(one)
        if form != "json":
            echo(f"Stopped {one.base_url or f'the server of process {one.pid}, which was starting'}")
    if not found:
        echo_notice("No embedded server is running.")
    echo_json({"stopped": stopped})


@server.command()
@click.option("--port", type=click.IntRange(1, 65535), metavar="N", help="The port of the server, when several run.")
@click.option("-n", "--lines", type=click.IntRange(1), default=40, metavar="N", help="How many lines.")
@output_options()
def log(*, port: int | None, lines: int, form: str) -> None:
    """Print the end of the log of an embedded server."""
    from fhir_case.server.hapi import log_end, running_servers

    file = Path(_one(port, running_servers()).log)
    text = log_end(file, lines)
    if form == "json":
        echo_json({"log": str(file), "lines": text.splitlines()})
    else:
        echo_text(text)


def _one(port: int | None, found: tuple[RunningServer, ...]) -> RunningServer:
    """Return the server on the port, or the only one."""
    matching = [one for one in found if port in {None, one.port}]
    if len(matching) == 1:
        return matching[0]
    if not found:
        raise click.UsageError("No embedded server is running.")
    ports = ", ".join(str(one.port) if one.port else f"0 (starting, process {one.pid})" for one in found)
    if not matching and not port:
        raise click.UsageError(
            f"Port 0 is for `server start`, which then takes a free one; it runs on {ports}: name that."
        )
    if not matching:
        raise click.UsageError(f"No embedded server runs on port {port}; there is one on {ports}.")
    raise click.UsageError(f"Several run: name one by --port ({ports}).")

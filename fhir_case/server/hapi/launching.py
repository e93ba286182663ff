"""Launch the processes of an embedded server: its PostgreSQL, if it has one, and Java."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from fhir_case.java.events import Event, Listener
from fhir_case.java.program import JavaProgram
from fhir_case.server.hapi.database import credentials, java_variables, postgresql_folder
from fhir_case.server.hapi.running import MAIN_CLASS, RunningServer, created, running_servers

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping

    from fhir_case.server.hapi.options import Options
    from fhir_case.server.postgresql import PostgreSQL

__all__ = ["SERVER", "Launched", "launch_server"]

SERVER = JavaProgram("server", MAIN_CLASS, Path(__file__).parent / "java", "the HAPI server")
"""The program that is started."""


@dataclass(frozen=True, slots=True)
class Launched:
    """
    A server that was launched and is not ready yet.

    Args:
        process: The process of Java.
        state: What is known of it.
        title: What starts, in words.
        postgresql: The embedded PostgreSQL, which ends after the process of Java; None: there is none.
    """

    process: subprocess.Popen[bytes]
    state: RunningServer
    title: str
    postgresql: PostgreSQL | None


def launch_server(
    options: Options,
    *,
    cache: Path | None,
    states: Path,
    environment: Mapping[str, str],
    listener: Listener,
    lifeline: int | None,
    detached: bool,
) -> Launched:
    """
    Launch a server and do not wait; one on an embedded PostgreSQL waits for that.

    Args:
        cache: The folder of what is downloaded; none: the user's.
        states: The folder of state files and logs.
        environment: Variables for Java, for finding it, and for the user's own database.
        lifeline: The standard input of Java, see `fhir_case.java.process.launch`.
        detached: Whether it is to outlive this process.

    Raises:
        FhirCaseError: It cannot run here.
        OSError: Something cannot be written.
    """
    from fhir_case.java.installation import install
    from fhir_case.java.process import launch, new_log

    variables = credentials(environment) if options.kind == "jdbc" else {}
    installed = install(SERVER, cache, environment=environment, listener=listener)
    if options.data:
        options.data.mkdir(parents=True, exist_ok=True)
    logs = {log for server in running_servers(states) for log in (server.log, server.database_log)}
    log = new_log(states, "hapi", in_use=logs)
    title = f"the HAPI FHIR {options.fhir} server on Java {installed.java.version}"
    postgresql = None
    url = options.db if options.kind == "jdbc" else ""
    if options.kind == "postgres":
        postgresql = _postgresql(options, states, environment, listener)
        postgresql.start(in_use=logs)
        url, variables = postgresql.url, java_variables(postgresql.user, postgresql.password)
    try:
        listener(Event("start", text=title))
        process = launch(
            installed,
            log,
            heap=options.heap,
            options=options.properties(url),
            environment={**environment, **variables},
            lifeline=lifeline,
            held=(postgresql.lifeline,) if postgresql else (),
        )
    except BaseException:
        if postgresql:
            postgresql.stop()
        raise
    if postgresql:
        postgresql.let_go()
    state = RunningServer(
        pid=process.pid,
        created=created(process.pid),
        host=options.host,
        port=options.port,
        base_url="",
        fhir=options.fhir,
        data=str(options.data.resolve()) if options.data else "",
        log=str(log),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        detached=detached,
        database={"h2": "", "postgres": "PostgreSQL", "jdbc": options.db}[options.kind],
        keeper=postgresql.pid if postgresql else 0,
        database_log=str(postgresql.log) if postgresql else "",
    )
    return Launched(process, state, title, postgresql)


def _postgresql(options: Options, logs: Path, environment: Mapping[str, str], listener: Listener) -> PostgreSQL:
    from fhir_case.server.postgresql import PostgreSQL

    folder = postgresql_folder(options.data, options.fhir) if options.data else None
    return PostgreSQL(folder, logs=logs, environment=environment, listener=listener)

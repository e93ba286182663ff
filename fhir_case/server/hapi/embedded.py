"""The embedded server: a real HAPI FHIR JPA server in a Java process of its own."""

from __future__ import annotations

import atexit
import os
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from fhir_case.errors import CheckerError
from fhir_case.java.events import Event, Listener, silent
from fhir_case.server.hapi.available import check_available
from fhir_case.server.hapi.launching import launch_server
from fhir_case.server.hapi.options import Options
from fhir_case.server.hapi.running import RunningServer, forget, remember, state_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from fhir_case.fhir.models import FhirVersion
    from fhir_case.server.postgresql import PostgreSQL

__all__ = ["HapiServer"]

_START_S = 180.0
_PACKAGE_S = 120.0  # the largest took half of it on a slow machine


class HapiServer:
    """
    Run a HAPI FHIR JPA server as long as this object is entered, or from `start` to `stop`.

    It listens on this machine only, has no authentication, and ends with this process, however that ends. All that it
    needs (about 240 MB of jars) is downloaded and verified at the first start.

    ::

        with HapiServer() as server:
            requests.get(f"{server.base_url}/metadata")

    Args:
        fhir: The FHIR version.
        port: 0 for any free port.
        host: The address to listen on. Anybody who reaches it can read and change everything.
        data: The folder of the database; none: it is in memory, or in a temporary folder, and gone with the process.
        packages: FHIR packages as files ``NAME-VERSION.tgz``, to be installed in this order.
        strict: Whether invalid resources are refused (422).
        cache: The folder of what is downloaded; none: the user's cache folder.
        heap: The memory limit as Java writes it.
        throughput: Whether Java optimises for long loads: it starts slower, and then stores more in a second.
        placeholders: Whether a reference to what is not there makes a placeholder, instead of being refused.
        db: ``h2``, ``postgres`` (an embedded PostgreSQL) or ``jdbc:postgresql://HOST/DATABASE`` (one of your own);
            empty: that of the folder, else H2.
        listener: Called with each step; from several threads while it downloads, one at a time.
        environment: Variables for Java and for finding it (JAVA_HOME, PATH, M2_REPO, FHIR_CASE_MAVEN_REPOSITORY), and
            for a database of your own (FHIR_CASE_DB_USER, FHIR_CASE_DB_PASSWORD, FHIR_CASE_DB_PASSWORD_FILE); none:
            those of this process.
        state: The folder of state files and logs; none: the user's state folder.
        timeout_s: How long it may take until it is ready; none: 180 seconds, 120 more for each package, and longer as
            long as it uses the processor.
    """

    def __init__(
        self,
        *,
        fhir: FhirVersion = "R4",
        port: int = 0,
        host: str = "127.0.0.1",
        data: Path | None = None,
        packages: Sequence[Path] = (),
        strict: bool = False,
        cache: Path | None = None,
        heap: str = "2g",
        throughput: bool = False,
        placeholders: bool = False,
        db: str = "",
        listener: Listener = silent,
        environment: Mapping[str, str] | None = None,
        state: Path | None = None,
        timeout_s: float | None = None,
    ) -> None:
        self.options = Options(fhir, port, host, data, tuple(packages), strict, heap, throughput, placeholders, db)
        self._cache = cache
        self._listener = listener
        self._environment = os.environ if environment is None else environment
        self._state = state or state_folder()
        self._timeout_s = timeout_s
        self._lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._running: RunningServer | None = None
        self._postgresql: PostgreSQL | None = None
        self._seconds = 0.0
        self._owner = 0

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def running(self) -> RunningServer:
        """
        Return the state of the server, also after it was stopped.

        Raises:
            CheckerError: It was not started.
        """
        if self._running is None:
            raise CheckerError(
                "the embedded server was not started", hint="call start(), or use it in a with statement"
            )
        return self._running

    @property
    def base_url(self) -> str:
        """Return the FHIR base URL, without a slash at the end."""
        return self.running.base_url

    @property
    def pid(self) -> int:
        """Return the process of the server."""
        return self.running.pid

    @property
    def log(self) -> Path:
        """Return the log file of the server."""
        return Path(self.running.log)

    @property
    def seconds(self) -> float:
        """Return the seconds from the start of the process until it was ready."""
        return self._seconds

    @property
    def alive(self) -> bool:
        """Whether the server runs, and its database with it."""
        return self._java_runs and (self._postgresql is None or self._postgresql.alive)

    @property
    def _java_runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """
        Start the server and wait until it is ready; one that runs already stays.

        Raises:
            CheckerError: It cannot run here: no Java, no download, the port is taken, and the like.
        """
        with self._lock:
            if not self.alive:
                if self._java_runs:
                    self.stop()  # its database has ended
                self._start(detached=False, lifeline=subprocess.PIPE)
        return self

    def start_detached(self, *, lifeline: int | None = None) -> RunningServer:
        """
        Start a server that outlives this process, and wait until it is ready; `stop_server` ends it.

        Args:
            lifeline: The file descriptor of a pipe with whose end the server ends; None: it has none once it is ready.

        Raises:
            CheckerError: It cannot run here, or this object runs one already.
        """
        with self._lock:
            if self.alive:
                raise CheckerError(f"this server is already running: {self.base_url}", hint="stop() it first")
            # Until it is ready it ends with this process, so that none is left that nobody knows.
            self._start(detached=True, lifeline=subprocess.PIPE if lifeline is None else lifeline)
            atexit.unregister(self.stop)
            process, self._process = self._process, None
            if process:
                process.returncode = 0  # it outlives us: no warning that nobody waited for it
            if self._postgresql:
                self._postgresql.leave()
            return self.running

    def remarks(self) -> list[str]:
        """Return what has happened to an embedded PostgreSQL since this was asked last."""
        return self._postgresql.remarks() if self._postgresql else []

    def check_end(self) -> None:
        """
        Raise an error if the server or its database crashed.

        Raises:
            CheckerError: It crashed; with the end of its log.
        """
        from fhir_case.java.process import ASKED_TO_END, log_end

        if self._java_runs and self._postgresql and not self._postgresql.alive:
            log = self._postgresql.log
            raise CheckerError(f"PostgreSQL ended by itself:\n{log_end(log)}", where=str(log))
        if self._process is not None and self._process.poll() not in ASKED_TO_END:
            raise CheckerError(f"the embedded server ended by itself:\n{log_end(self.log)}", where=str(self.log))

    def stop(self) -> None:
        """Stop the server and wait until it has ended; nothing happens when it does not run."""
        with self._lock:
            process, self._process = self._process, None
            if process is None or self._owner != os.getpid():  # a forked child does not own its parent's server
                return
            from fhir_case.java.process import end

            atexit.unregister(self.stop)
            self._listener(Event("stop", text="the server"))
            end(process)
            if self._postgresql:
                self._postgresql.stop()
            forget(process.pid, self._state)

    def _start(self, *, detached: bool, lifeline: int | None) -> None:
        from fhir_case.java.patience import Patience
        from fhir_case.java.process import let_live
        from fhir_case.server.hapi.process import wait_until_ready

        self.options.check()
        check_available(self.options, self._state)
        try:
            launched = launch_server(
                self.options,
                cache=self._cache,
                states=self._state,
                environment=self._environment,
                listener=self._listener,
                lifeline=lifeline,
                detached=detached,
            )
        except OSError as error:
            raise CheckerError(
                f"cannot be written: {error.strerror or error}",
                where=str(error.filename or ""),
                hint="make room, and give yourself the right to write there, or name another place in XDG_CACHE_HOME "
                "and XDG_STATE_HOME",
            ) from error
        process, self._running, self._postgresql = launched.process, launched.state, launched.postgresql
        self._process, self._owner = process, os.getpid()
        atexit.register(self.stop)
        try:
            remember(self._running, self._state)
            start = time.monotonic()
            port = wait_until_ready(
                process,
                self.options,
                self.log,
                patience=Patience(self._timeout_s, _START_S + _PACKAGE_S * len(self.options.packages)),
                title=launched.title,
                listener=self._listener,
            )
            self._seconds = time.monotonic() - start
            self._running = replace(self._running, port=port, base_url=_base_url(self.options.host, port))
            remember(self._running, self._state)
            if detached and process.stdin:
                let_live(process)
        except BaseException:
            process.kill()  # there is nothing to close yet, and a regular end may take long
            self.stop()
            raise
        self._listener(Event("ready", text=self.base_url))


def _base_url(host: str, port: int) -> str:
    """Return the URL under which this machine reaches the server; one that listens everywhere is at home as well."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{host}]:{port}/fhir" if ":" in host else f"http://{host}:{port}/fhir"

"""
The keeper of a PostgreSQL, a process of its own: ``python -m fhir_case.server.postgresql.keeper FOLDER [SETTING]...``.

PostgreSQL itself does not end with the one who uses it; its keeper does: as soon as its standard input ends, it stops
the server. The other end of that pipe is held by the HAPI server, so that the database ends after it, however it ends.
A server that is killed is started again on the same port.

What its starter needs to know is one line each on standard output, which is the log of the server too: ``READY port``,
``AGAIN reason``, ``FAILED reason``.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from fhir_case.errors import CheckerError
from fhir_case.server.postgresql.account import account
from fhir_case.server.postgresql.cluster import DOES_NOT_START, TEMPORARY, Cluster
from fhir_case.server.postgresql.programs import find_programs, within_reach

__all__ = ["main"]

_WAIT_S = 60.0
_PORTS = 4
_RESTARTS = 20
_ATTEMPTS = 150  # of each restart: what the killed one has left keeps its memory for a moment
_LOOK_S = 0.1
_STOP = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))  # regularly, at once, by force


class Keeper:
    """
    What keeps one server running.

    Args:
        cluster: The folder of the server.
        settings: Settings of PostgreSQL, ``name=value``.
        asked: Set when it is to end.
        temporary: Whether its data are of no use afterwards.
    """

    def __init__(self, cluster: Cluster, settings: tuple[str, ...], asked: threading.Event, *, temporary: bool) -> None:
        self._cluster = cluster
        self._settings = settings
        self._stop = _STOP[1:] if temporary else _STOP
        self._asked = asked

    def run(self) -> None:
        """
        Run the server until it is asked to end.

        Raises:
            CheckerError: It could not be started.
        """
        for _ in range(_PORTS):
            port = _free_port()
            if (process := self._started(port)) or self._asked.is_set():
                break
        else:
            raise CheckerError(DOES_NOT_START)
        if process:
            _say("READY", str(port))
        restarts = 0
        while process:
            while process.poll() is None and not self._asked.wait(_LOOK_S):
                pass
            if self._asked.is_set():
                self._end(process)
                return
            restarts += 1
            _say("AGAIN", f"PostgreSQL ended by itself (exit code {process.returncode}) and is started again")
            process = self._restarted(port) if restarts <= _RESTARTS else None
        if not self._asked.is_set():
            raise CheckerError("PostgreSQL ends again and again")

    def _restarted(self, port: int) -> subprocess.Popen[bytes] | None:
        for _ in range(_ATTEMPTS):
            if (process := self._started(port)) or self._asked.wait(_LOOK_S):
                return process
        return None

    def _started(self, port: int) -> subprocess.Popen[bytes] | None:
        """Start the server and wait until it takes connections, which after a crash may take long; None: it ended."""
        process = self._cluster.launch(port, self._settings)
        while process.poll() is None:
            if self._asked.is_set():
                self._end(process)
                return None
            if self._cluster.takes_connections(process.pid):
                return process
            time.sleep(_LOOK_S / 2)
        return None

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        for number, patience_s in self._stop:
            process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(patience_s)
                return


def hold(lifeline: int, asked: threading.Event) -> None:
    """Set the event once the lifeline ends, or this process is asked to end."""

    def wait() -> None:
        with contextlib.suppress(OSError):
            while os.read(lifeline, 1):
                pass
        asked.set()

    threading.Thread(target=wait, daemon=True).start()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked.set())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _say(word: str, text: str) -> None:
    """Write to the process that has started this one, through the pipe or log that is standard output here."""
    with contextlib.suppress(OSError):  # a log for which there is no room must not end the keeper
        os.write(1, f"{word} {' '.join(text.split())}\n".encode())


def main(folder: Path, settings: tuple[str, ...]) -> None:
    """Keep the PostgreSQL of a folder running until the standard input ends."""
    from filelock import FileLock, Timeout

    temporary = TEMPORARY in settings
    asked = threading.Event()
    hold(sys.stdin.fileno(), asked)
    try:
        who = account(folder / "data")
        with within_reach(find_programs(), who) as programs, FileLock(folder / "lock", timeout=_WAIT_S):
            cluster = Cluster(folder, programs, who, os.environ)
            cluster.prepare()
            Keeper(cluster, tuple(each for each in settings if each != TEMPORARY), asked, temporary=temporary).run()
    except Timeout:
        failure = CheckerError(
            "another process uses this database",
            where=str(folder),
            hint="stop that server, or choose another folder",
        )
        _say("FAILED", str(failure))
    except CheckerError as error:
        _say("FAILED", str(error))
    except OSError as error:
        _say("FAILED", f"{error.filename or folder}: {error.strerror or error}")
    finally:
        if temporary:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), tuple(sys.argv[2:]))

"""
The embedded servers that run on this machine, to be listed or stopped: one JSON file each.

A file whose process has ended, or whose number now belongs to another process, is removed when it is read.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from fhir_case.server.postgresql.service import KEEPER_MODULE

if TYPE_CHECKING:
    from pathlib import Path

    import psutil

__all__ = [
    "MAIN_CLASS",
    "RunningServer",
    "created",
    "forget",
    "remember",
    "running_servers",
    "state_folder",
    "stop_server",
]

MAIN_CLASS = "fhircase.EmbeddedServer"
"""What Java runs as a server, the last word of its command line."""

_LONGEST = 65_536
_SAME_S = 5.0  # a clock that is set moves the time of creation of a process a little
_END_S = 60.0


@dataclass(frozen=True, slots=True)
class RunningServer:
    """
    The state of one server.

    Args:
        pid: Its process.
        created: When the system created that process, in seconds since 1970: a later one may have the same pid.
        host: What it listens on.
        port: The port; 0 while it starts and has none of its own yet.
        base_url: The FHIR base URL; empty while it starts.
        fhir: ``R4`` or ``R5``.
        data: The folder of its database; empty when it is in memory.
        log: Its log file.
        started: When it was started, ISO 8601 in UTC.
        detached: Whether it outlives the process that started it.
        database: Where it stores, where that is no H2: ``PostgreSQL``, or the URL of the user's own.
        keeper: The process that keeps an embedded PostgreSQL; 0: there is none.
        database_log: The log file of an embedded PostgreSQL; empty: there is none.
    """

    pid: int
    created: float
    host: str
    port: int
    base_url: str
    fhir: str
    data: str
    log: str
    started: str
    detached: bool
    database: str = ""
    keeper: int = 0
    database_log: str = ""

    @property
    def stored_in(self) -> str:
        """Return where it stores, in words."""
        if not self.database:
            return self.data or "in memory"
        if not self.keeper:
            return self.database
        state = "" if _keeper(self.keeper) else " (ended)"
        return f"{self.database}{state} in {self.data}" if self.data else f"{self.database}{state}, temporary"

    @property
    def ready(self) -> bool:
        """Whether it is ready."""
        return bool(self.base_url)

    @property
    def alive(self) -> bool:
        """
        Whether its process runs; one that has ended and that no process has waited for does not.

        Nothing else is taken for it: no later process with its number, and none that is not a server of ours.
        """
        import psutil

        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) < _SAME_S
            return same and process.status() != psutil.STATUS_ZOMBIE and MAIN_CLASS in process.cmdline()
        except (psutil.Error, ValueError, OverflowError):  # the last two: it is no number of a process
            return False


def state_folder() -> Path:
    """Return the folder that holds the state files and logs."""
    from platformdirs import user_state_path

    return user_state_path("fhir-case", appauthor=False) / "servers"


def remember(server: RunningServer, folder: Path) -> None:
    """Write or rewrite the state file of a server."""
    file = folder / f"{server.pid}.json"
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(server), indent=1), "utf-8")
    fresh.replace(file)


def forget(pid: int, folder: Path) -> None:
    """Remove the state file of a server."""
    with contextlib.suppress(OSError):
        (folder / f"{pid}.json").unlink()


def running_servers(folder: Path | None = None) -> tuple[RunningServer, ...]:
    """Return the servers that run now, sorted by port, and remove the state of those that do not."""
    folder = folder or state_folder()
    found = []
    for file in folder.glob("*.json"):
        try:
            server = _read(file)
        except OSError:
            continue  # it was stopped meanwhile, or is not ours
        if server and server.alive:
            found.append(server)
        else:
            with contextlib.suppress(OSError):
                file.unlink()
    return tuple(sorted(found, key=lambda server: (server.port, server.pid)))


def _read(file: Path) -> RunningServer | None:
    """
    Read the state of a server; None where it is damaged.

    Raises:
        OSError: It cannot be read, or another user has put it there.
    """
    from pydantic import TypeAdapter

    status = file.lstat()
    if not stat.S_ISREG(status.st_mode) or (hasattr(os, "getuid") and status.st_uid != os.getuid()):
        raise OSError("it is not a file of ours")
    with file.open("rb") as content:
        text = content.read(_LONGEST)
    try:
        return TypeAdapter(RunningServer).validate_json(text, strict=True)
    except ValueError:
        return None


def stop_server(server: RunningServer, folder: Path | None = None) -> None:
    """Ask a server to end, and end it by force if it has not after a minute; nothing happens to one that has."""
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(server.pid)
        if server.alive:
            process.terminate()
            try:
                process.wait(_END_S)
            except psutil.TimeoutExpired:
                process.kill()
                process.wait(_END_S)
    if keeper := _keeper(server.keeper):  # it stops the database as soon as the server has ended
        with contextlib.suppress(psutil.TimeoutExpired):
            keeper.wait(_END_S)
    forget(server.pid, folder or state_folder())


def _keeper(pid: int) -> psutil.Process | None:
    """Return the process that keeps the database of a server; None: it has ended."""
    import psutil

    with contextlib.suppress(psutil.Error, ValueError, OverflowError):
        process = psutil.Process(pid) if pid else None
        if process and process.status() != psutil.STATUS_ZOMBIE and KEEPER_MODULE in process.cmdline():
            return process
    return None


def created(pid: int) -> float:
    """Return when the system created a process; 0 for one that has ended."""
    import psutil

    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return 0.0

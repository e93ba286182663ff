"""
One embedded server for all processes of a test run, such as the workers of pytest-xdist.

The first process that wants it starts a keeper (`fhir_case.testing.keeper`), a process that holds the server and
belongs to none of them: a worker that ends or crashes takes nothing with it. The keeper ends, and the server with it,
when `stop_all` asks for it, and when the owner of the run, the process that started the workers, is gone, however that
ended. All meet in one folder, in which each release has its files: ``R4.lock``, ``R4.keeper`` (which process it is),
``R4.server`` (what became of it), ``R4.stop`` and ``R4.log``.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fhir_case.errors import CheckerError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["SharedPlace", "alive", "join", "publish", "stop_all"]

_POLL_S = 0.1
_LOCK_S = 60.0
_END_S = 240.0  # the end of a server that writes the archive of its classes takes a while, once on each machine
# A keeper that is measured would leave a file with its coverage behind.
_NOT_FOR_THE_KEEPER = ("COV_CORE_", "COVERAGE_PROCESS_")


@dataclass(frozen=True, slots=True)
class SharedPlace:
    """
    Say where the processes of one run meet.

    Args:
        folder: A folder of this run alone; it need not exist yet.
        owner: The process with which the run ends.
    """

    folder: Path
    owner: int


def join(place: SharedPlace, fhir: str, options: Mapping[str, Any]) -> str:
    """
    Return the base URL of the server of this run, which is started if no other process has done so.

    Args:
        fhir: ``R4`` or ``R5``.
        options: For the server, as JSON has them: paths are texts.

    Raises:
        CheckerError: It cannot run here.
    """
    from filelock import FileLock, Timeout

    try:
        place.folder.mkdir(mode=0o700, exist_ok=True)
        with FileLock(place.folder / f"{fhir}.lock", timeout=_LOCK_S):
            if not _keeper_runs(place.folder, fhir) and not _told(place.folder, fhir).get("failed"):
                _start_keeper(place, fhir, options)
    except (OSError, Timeout) as error:
        raise CheckerError(f"the server cannot be shared: {error}", where=str(place.folder)) from None
    return _wait(place.folder, fhir)


def _start_keeper(place: SharedPlace, fhir: str, options: Mapping[str, Any]) -> None:
    from fhir_case.server.hapi.running import created

    command = [sys.executable, "-P", "-W", "ignore", "-m", "fhir_case.testing.keeper"]
    told = json.dumps(dict(options), default=os.fspath)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_FOR_THE_KEEPER)}
    (place.folder / f"{fhir}.server").unlink(missing_ok=True)
    with (place.folder / f"{fhir}.log").open("ab") as log:
        process = subprocess.Popen(
            [*command, str(place.folder), fhir, str(place.owner), told],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    keeper = {"pid": process.pid, "created": created(process.pid)}
    process.returncode = 0  # it goes on and is not ours: no warning that nobody waited for it
    (place.folder / f"{fhir}.keeper").write_text(json.dumps(keeper), "utf-8")


def _wait(folder: Path, fhir: str) -> str:
    """Wait as long as the keeper lives, which itself waits for nothing without end."""
    from fhir_case.java.process import log_end

    while True:
        runs = _keeper_runs(folder, fhir)  # before reading, so that its last words are read
        told = _told(folder, fhir)
        if told.get("failed"):
            raise CheckerError(str(told["failed"]))
        if told.get("base_url") and runs:
            return str(told["base_url"])
        if not runs:
            log = folder / f"{fhir}.log"
            raise CheckerError(f"the keeper of the embedded server ended:\n{log_end(log)}", where=str(log))
        time.sleep(_POLL_S)


def publish(folder: Path, fhir: str, told: Mapping[str, str]) -> None:
    """Inform the other processes what became of the server: its ``base_url``, or why it ``failed``."""
    fresh = folder / f"{fhir}.new"
    fresh.write_text(json.dumps(dict(told)), "utf-8")
    fresh.replace(folder / f"{fhir}.server")


def stop_all(folder: Path) -> None:
    """Stop the servers of a run, wait until they have ended, and remove the folder."""
    import psutil

    keepers = {file.stem: _read(file) for file in folder.glob("*.keeper")}
    for fhir in keepers:
        (folder / f"{fhir}.stop").touch()
    end = time.monotonic() + _END_S
    while any(_runs(keeper) for keeper in keepers.values()) and time.monotonic() < end:
        time.sleep(_POLL_S)
    for keeper in keepers.values():
        with contextlib.suppress(psutil.Error):
            if _runs(keeper):
                psutil.Process(keeper["pid"]).kill()  # its server ends with it
    shutil.rmtree(folder, ignore_errors=True)


def alive(pid: int, created: float | None = None) -> bool:
    """
    Whether a process runs; one that has ended and that nobody has asked for its end does not.

    Args:
        created: When the system created it; tells it from a later one of the same number.
    """
    import psutil

    try:
        process = psutil.Process(pid)
        same = created is None or abs(process.create_time() - created) < 5.0  # a clock may be set
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _keeper_runs(folder: Path, fhir: str) -> bool:
    return _runs(_read(folder / f"{fhir}.keeper"))


def _runs(keeper: Mapping[str, Any]) -> bool:
    return "pid" in keeper and alive(keeper["pid"], keeper["created"])


def _told(folder: Path, fhir: str) -> dict[str, Any]:
    return _read(folder / f"{fhir}.server")


def _read(file: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found

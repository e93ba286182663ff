"""The starter of an embedded PostgreSQL: it starts the keeper, and hands on the lifeline."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from fhir_case.errors import CheckerError
from fhir_case.java.events import Event
from fhir_case.java.patience import Patience
from fhir_case.java.process import log_end, new_log, status_lines
from fhir_case.server.postgresql.account import account, check_reach
from fhir_case.server.postgresql.cluster import DOES_NOT_START, TEMPORARY, USER, Cluster, holds_cluster
from fhir_case.server.postgresql.programs import Programs, find_programs

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from fhir_case.java.events import Listener

__all__ = ["KEEPER_MODULE", "PostgreSQL", "check_postgresql"]

KEEPER_MODULE = "fhir_case.server.postgresql.keeper"
"""What Python runs as a keeper, a word of its command line."""

_START_S = 90.0  # the keeper waits a minute for an earlier one to end
_STOP_S = 80.0
_CAUSES = 3  # lines of the log
_AGAIN = re.compile(r"^AGAIN (.+)$", re.MULTILINE)
_DATABASE = "postgres"  # the one that each cluster has

# A commit survives the end of any process. That of a kept database survives the end of the machine too.
_SETTINGS = ("max_wal_size=2GB", "shared_buffers=256MB", "jit=off")
_NOT_KEPT = ("fsync=off", "full_page_writes=off")


def check_postgresql() -> Programs:
    """
    Return the programs with which an embedded PostgreSQL can run here.

    Raises:
        CheckerError: It cannot.
    """
    if os.name == "nt":
        raise CheckerError(
            "the embedded PostgreSQL does not run on Windows, where Java cannot hold its lifeline",
            hint="name a database of your own: --db jdbc:postgresql://HOST/DATABASE",
        )
    return find_programs()


class PostgreSQL:
    """
    A PostgreSQL on loopback, from `start` until its lifeline ends.

    Args:
        folder: Where its data are, and stay; None: they are in a temporary folder, and are gone afterwards.
        logs: The folder of its log.
        environment: The variables of the keeper.
        listener: Called with each step.
    """

    def __init__(self, folder: Path | None, *, logs: Path, environment: Mapping[str, str], listener: Listener) -> None:
        self._folder = folder
        self._logs = logs
        self._environment = dict(environment)
        self._listener = listener
        self._process: subprocess.Popen[bytes] | None = None
        self._cluster: Cluster | None = None
        self._lifeline = -1
        self._said = 0
        self.url = ""
        self.user = USER
        self.password = ""
        self.log = Path()

    def start(self, *, in_use: Collection[str] = ()) -> None:
        """
        Start the keeper and wait until the server takes connections.

        Args:
            in_use: Logs that are not removed.

        Raises:
            CheckerError: It cannot run here.
            OSError: A folder cannot be written.
        """
        programs = check_postgresql()
        temporary = self._folder is None
        if self._folder is None:
            folder = Path(tempfile.mkdtemp(prefix="fhir-case-postgresql-"))
        else:
            folder = self._folder.resolve()
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._cluster = Cluster(folder, programs, account(), self._environment)
        try:
            check_reach(folder)
            self._listener(Event("start", text="PostgreSQL" if holds_cluster(folder) else "PostgreSQL, a new database"))
            self.log = new_log(self._logs, "postgresql", in_use=in_use)
            settings = (*_SETTINGS, *((TEMPORARY, *_NOT_KEPT) if temporary else ()))
            self._launch(folder, settings)
            self._wait()
        except BaseException:
            self.stop()
            raise
        self.password = (folder / "password").read_text("ascii")

    def _launch(self, folder: Path, settings: tuple[str, ...]) -> None:
        near, self._lifeline = os.pipe()
        try:
            with self.log.open("ab") as out:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", KEEPER_MODULE, str(folder), *settings],
                    stdin=near,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    env=self._environment,
                    start_new_session=True,
                )
        finally:
            os.close(near)

    def _wait(self) -> None:
        assert self._process  # noqa: S101 - it was started
        patience = Patience(None, _START_S)
        for word, rest in status_lines(self._process, self.log, patience=patience, title="PostgreSQL"):
            if word == "READY":
                self.url = f"jdbc:postgresql://127.0.0.1:{rest}/{_DATABASE}"
                return
            if rest in {"other", DOES_NOT_START}:
                raise CheckerError(f"PostgreSQL does not start:\n{log_end(self.log, _CAUSES)}\n", where=str(self.log))
            raise CheckerError(rest)

    @property
    def lifeline(self) -> int:
        """Return the file descriptor with whose end, in all processes that hold it, the server ends."""
        return self._lifeline

    @property
    def pid(self) -> int:
        """Return the process of the keeper."""
        return self._process.pid if self._process else 0

    @property
    def alive(self) -> bool:
        """Whether the keeper runs."""
        return self._process is not None and self._process.poll() is None

    def remarks(self) -> list[str]:
        """Return what has happened to the server since this was asked last."""
        found: list[str] = _AGAIN.findall(self.log.read_text("utf-8", "replace")) if self.log.is_file() else []
        new, self._said = found[self._said :], len(found)
        return new

    def let_go(self) -> None:
        """Close the lifeline in this process; the server lives on as long as another process holds it."""
        if self._lifeline >= 0:
            with contextlib.suppress(OSError):
                os.close(self._lifeline)
            self._lifeline = -1

    def leave(self) -> None:
        """Leave the keeper to itself: it outlives this process, and no warning says that nobody waited for it."""
        if self._process:
            self._process.returncode = 0

    def stop(self) -> None:
        """Let go, and wait until the server and its keeper have ended; no other process may hold the lifeline."""
        self.let_go()
        if self._process is None:
            if self._folder is None and self._cluster:
                shutil.rmtree(self._cluster.folder, ignore_errors=True)
        else:
            try:
                self._process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self._process.terminate()
                self._process.wait()
            if self._process.returncode and self._cluster:  # the keeper was killed
                self._stop_orphan(self._cluster)

    def _stop_orphan(self, cluster: Cluster) -> None:
        from filelock import FileLock, Timeout

        with contextlib.suppress(Timeout, OSError), FileLock(cluster.folder / "lock", timeout=0):
            cluster.stop_orphan()  # where another keeper has the lock it is none any more
        if self._folder is None:
            shutil.rmtree(cluster.folder, ignore_errors=True)

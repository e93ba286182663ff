"""
The folder of one PostgreSQL: ``data`` with its databases, ``password``, and ``lock``, which its keeper holds.

What another keeper, which was killed, left running there is stopped; what it left behind does not matter.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING

from fhir_case.errors import CheckerError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fhir_case.server.postgresql.account import Account
    from fhir_case.server.postgresql.programs import Programs

__all__ = ["DOES_NOT_START", "TEMPORARY", "USER", "Cluster", "holds_cluster"]

TEMPORARY = "--temporary"
"""The word by which a keeper removes the folder at the end."""

DOES_NOT_START = "PostgreSQL does not start"
"""What a keeper says where the log of the server says why."""

USER = "fhir"
"""The user of the database."""

_LEAST_MB = 200  # an empty one takes 40, the tables of HAPI 3, its log at first 32
_STOP_S = 60
_READY = "ready"  # the last line of postmaster.pid once connections are taken, as pg_ctl reads it
# No others: those that begin with PG mean another database, and secrets are not for another account.
_VARIABLES = ("PATH", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_PID, _STATUS = 0, 7  # lines of postmaster.pid


def holds_cluster(folder: Path) -> bool:
    """Whether this is the folder of a PostgreSQL."""
    return (folder / "data" / "PG_VERSION").exists()


class Cluster:
    """
    The folder of one PostgreSQL.

    Args:
        folder: The folder; it exists.
        programs: The programs.
        account: Who runs them.
        environment: Variables, of which they get a few.
    """

    def __init__(self, folder: Path, programs: Programs, account: Account, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.data = folder / "data"
        self._programs = programs
        self._account = account
        self._open: tuple[int, ...] = ()
        self._environment = {name: environment[name] for name in _VARIABLES if name in environment} | {"LC_ALL": "C"}

    def prepare(self) -> None:
        """
        Make the database if there is none, and stop what runs on it without a keeper.

        Raises:
            CheckerError: It is of another release, there is no space, or a program fails; with what that said.
            OSError: The folder cannot be written.
        """
        self.folder.chmod(0o700)
        self._account.own(self.folder)
        if self._account.closed_parent(self.folder):
            self._open = (os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY),)
        if not holds_cluster(self.folder):
            self._make()
        version = (self.data / "PG_VERSION").read_text("ascii", "replace").strip()
        if version != self._programs.release:
            raise CheckerError(
                f"this database was made by PostgreSQL {version}; the programs are those of {self._programs.release}",
                where=str(self.data),
                hint=f"choose another folder, or take the data over with pg_dump of PostgreSQL {version}",
            )
        if not (self.folder / "password").is_file():
            raise CheckerError(
                "the password of this database is missing",
                where=str(self.folder / "password"),
                hint="put the file back from a copy, or choose another folder",
            )
        self.stop_orphan()

    def _make(self) -> None:
        free_mb = shutil.disk_usage(self.folder).free // 1_000_000
        if free_mb < _LEAST_MB:
            raise CheckerError(
                f"no space for a database: {free_mb} MB are free",
                where=str(self.folder),
                hint=f"free {_LEAST_MB} MB, or choose another folder",
            )
        fresh, password = self.folder / "data.new", self.folder / "password"
        shutil.rmtree(fresh, ignore_errors=True)  # of a start that was killed
        password.unlink(missing_ok=True)
        password.touch(0o600)
        password.write_text(secrets.token_urlsafe(24), "ascii")
        self._account.own(password)
        self._initialise(self._reached(fresh), self._reached(password))
        fresh.rename(self.data)

    def stop_orphan(self) -> None:
        """Stop a server whose keeper was killed, and remove the file of one that is gone and whose number is taken."""
        import psutil

        if not self.pid:
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            if not process.name().startswith("postgres") or process.cwd() != str(self.data.resolve()):
                (self.data / "postmaster.pid").unlink()
                return
            for number in (signal.SIGINT, signal.SIGQUIT):
                process.send_signal(number)
                with contextlib.suppress(psutil.TimeoutExpired):
                    process.wait(_STOP_S)
                    return

    def _reached(self, path: Path) -> str:
        """Return a path as the account reaches it: by the number of the open folder, if one above is closed."""
        return f"/proc/self/fd/{self._open[0]}/{path.relative_to(self.folder)}" if self._open else str(path)

    def launch(self, port: int, settings: tuple[str, ...]) -> subprocess.Popen[bytes]:
        """Start the server on a port of this machine, and do not wait; its log is our output."""
        options = ("listen_addresses=127.0.0.1", f"port={port}", "unix_socket_directories=", *settings)
        return subprocess.Popen(
            [
                self._programs.path("postgres"),
                "-D",
                self._reached(self.data),
                *(word for each in options for word in ("-c", each)),
            ],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            env=self._environment,
            cwd="/",
            start_new_session=True,
            pass_fds=self._open,
            user=self._account.user,
            group=self._account.group,
            extra_groups=self._account.further_groups,
        )

    @property
    def pid(self) -> int:
        """Return the process of the server that runs here, or ran here and was killed; 0: none."""
        line = self._state(_PID)
        return int(line) if line.isdecimal() else 0

    def takes_connections(self, pid: int) -> bool:
        """Whether the server with this process is ready."""
        return self.pid == pid and self._state(_STATUS) == _READY

    def _state(self, line: int) -> str:
        try:
            lines = (self.data / "postmaster.pid").read_text("utf-8", "replace").splitlines()
        except OSError:
            return ""
        return lines[line].strip() if line < len(lines) else ""

    def _initialise(self, data: str, password: str) -> None:
        done = subprocess.run(
            [
                self._programs.path("initdb"), "-D", data, "-U", USER, "-A", "scram-sha-256", "--pwfile", password,
                "-E", "UTF8", "--locale=C", "--no-instructions",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self._environment,
            cwd="/",
            check=False,
            pass_fds=self._open,
            user=self._account.user,
            group=self._account.group,
            extra_groups=self._account.further_groups,
        )  # fmt: skip
        if done.returncode != 0:
            said = done.stdout.decode(errors="replace").strip()
            raise CheckerError(f"initdb of PostgreSQL failed:\n{said}", where=str(self.folder))

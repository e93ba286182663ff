"""
The store of jars: a jar gets in, and is used, only with the size and SHA-256 that the lock file gives it.

Before each start the size and time of change of every jar are compared with those at its verification; what differs is
hashed anew.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import threading
from typing import TYPE_CHECKING

from fhir_case.errors import CheckerError
from fhir_case.java.download import download, session
from fhir_case.java.events import Event, Listener
from fhir_case.java.repositories import local_repository, remote_repositories
from fhir_case.java.verified import Verified, alone, sha256

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fhir_case.java.lock import Jar

__all__ = ["provide_jars"]

_CONNECTIONS = 8
_SPARE = 50_000_000  # bytes for what we compile, the logs and a small database


def provide_jars(
    jars: Sequence[Jar], folder: Path, *, title: str, environment: Mapping[str, str], listener: Listener
) -> None:
    """
    Make sure that each jar is in ``folder``, at its path, whole and unaltered.

    What is missing is linked or copied from the local Maven repository where it is the same there, else downloaded,
    which the listener is told with the title of what they are for.

    Raises:
        CheckerError: A jar could not be had, is not the listed one, or there is no space for it.
        OSError: The folder cannot be written.
    """
    if not _missing(jars, folder):
        return
    with alone(folder, listener):
        local = local_repository(environment)
        for jar in _missing(jars, folder):
            _adopt(jar, local / jar.path, folder / jar.path)
        missing = _missing(jars, folder)
        if missing:
            _download(missing, folder, remote_repositories(environment), title, listener)
            missing = _missing(jars, folder)
        if missing:
            raise CheckerError("was altered while it was verified", where=str(folder / missing[0].path))


def _missing(jars: Sequence[Jar], folder: Path) -> list[Jar]:
    """Return the jars that are absent or altered; one that was touched, and is the listed one, is recorded anew."""
    verified = Verified(folder)
    missing, touched = [], False
    for jar in jars:
        if verified.digest(jar.path) == jar.sha256:
            continue
        path = folder / jar.path
        if path.is_file() and path.stat().st_size == jar.size and sha256(path) == jar.sha256:
            verified.record(jar.path, jar.sha256)
            touched = True
        else:
            missing.append(jar)
    if touched:
        verified.save()
    return missing


def _adopt(jar: Jar, source: Path, path: Path) -> None:
    """Take a jar over from another folder if it has the right size; the hash is taken where it is used."""
    with contextlib.suppress(OSError):
        if source.stat().st_size != jar.size:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.new")
        fresh.unlink(missing_ok=True)
        try:
            os.link(source, fresh)
        except OSError:
            shutil.copyfile(source, fresh)
        fresh.replace(path)


def _download(jars: Sequence[Jar], folder: Path, repositories: Sequence[str], title: str, listener: Listener) -> None:
    total = sum(jar.size for jar in jars)
    free = shutil.disk_usage(folder).free
    if free < total + _SPARE:
        raise _no_space(folder, total)
    count = _Count(total, title, listener)
    try:
        _all_of(jars, folder, repositories, count)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise _no_space(folder, total) from error
        raise


def _all_of(jars: Sequence[Jar], folder: Path, repositories: Sequence[str], count: _Count) -> None:
    from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

    with session(_CONNECTIONS) as http, ThreadPoolExecutor(_CONNECTIONS, "jars") as pool:

        def get(jar: Jar) -> None:
            path = folder / jar.path
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f"{path.name}.part")
            count.add(min(part.stat().st_size, jar.size) if part.exists() else 0)
            download(http, repositories, jar.path, part, size=jar.size, told=count.add)
            if sha256(part) != jar.sha256:
                part.unlink()
                raise CheckerError(
                    "the file that was sent is not the listed one: its SHA-256 differs",
                    where=jar.path,
                    hint="the repository or something on the way alters files; try another network or mirror",
                )
            part.replace(path)

        # the largest first, so that none of them is left alone at the end
        tasks = [pool.submit(get, jar) for jar in sorted(jars, key=lambda jar: -jar.size)]
        try:
            done, _ = wait(tasks, return_when=FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            count.ended.set()
            pool.shutdown(cancel_futures=True)


class _Count:
    """Add up the bytes of all connections, and break each off when one has failed."""

    def __init__(self, total: int, title: str, listener: Listener) -> None:
        self.ended = threading.Event()
        self._total = total
        self._title = title
        self._listener = listener
        self._done = 0
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        if self.ended.is_set():
            raise CheckerError("the download was broken off")
        with self._lock:
            self._done += count
            self._listener(Event("download", self._done, self._total, self._title))


def _no_space(folder: Path, needed: int) -> CheckerError:
    return CheckerError(
        f"no space left: {needed / 1e6:.0f} MB of jars are missing",
        where=str(folder),
        hint="free some space, or choose another folder for the cache",
    )

"""The store of jars: a jar gets in, and is used, only with the size and SHA-256 that the lock file gives it."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from fhir_case.errors import CheckerError
from fhir_case.java.cache import exclusive, sha256
from fhir_case.java.download import Progress, download, session
from fhir_case.java.repositories import local_repository, remote_repositories

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fhir_case.java.events import Listener
    from fhir_case.java.lock import Jar

__all__ = ["provide_jars"]

_CONNECTIONS = 8
_SPARE = 50_000_000  # bytes for what we compile, the logs and a small database


def provide_jars(
    jars: Sequence[Jar], folder: Path, *, title: str, environment: Mapping[str, str], listener: Listener
) -> None:
    """
    Make sure that each jar is in ``folder``, at its path, whole and unaltered.

    All are hashed each time: that takes a quarter of a second, a hundredth of a start. What is missing is linked or
    copied from the local Maven repository where it is the same there, else downloaded.

    Args:
        title: What they are for, for the listener.

    Raises:
        CheckerError: A jar cannot be obtained, is not the listed one, or there is no space for it.
        OSError: The folder cannot be written.
    """
    if not _missing(jars, folder):
        return
    with exclusive(folder, listener):
        local = local_repository(environment)
        for jar in _missing(jars, folder):
            _adopt(jar, local / jar.path, folder / jar.path)
        missing = _missing(jars, folder)
        if not missing:
            return
        total = sum(jar.size for jar in missing)
        if shutil.disk_usage(folder).free < total + _SPARE:
            raise _no_space(folder, total)
        try:
            _download(missing, folder, remote_repositories(environment), Progress(total, title, listener))
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise _no_space(folder, total) from error
            raise


def _no_space(folder: Path, needed: int) -> CheckerError:
    return CheckerError(
        f"no space left: {needed / 1e6:.0f} MB of jars are missing",
        where=str(folder),
        hint="free some space, or choose another folder for the cache",
    )


def _missing(jars: Sequence[Jar], folder: Path) -> list[Jar]:
    """Return the jars that are absent or altered."""
    return [jar for jar in jars if sha256(folder / jar.path) != jar.sha256]


def _adopt(jar: Jar, source: Path, path: Path) -> None:
    """Link or copy a jar from another folder; what is not the listed one there is not taken."""
    with contextlib.suppress(OSError):
        if sha256(source) != jar.sha256:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.new")
        fresh.unlink(missing_ok=True)
        try:
            os.link(source, fresh)
        except OSError:
            shutil.copyfile(source, fresh)
        fresh.replace(path)


def _download(jars: Sequence[Jar], folder: Path, repositories: Sequence[str], progress: Progress) -> None:
    with session(_CONNECTIONS) as http, ThreadPoolExecutor(_CONNECTIONS, "jars") as pool:

        def get(jar: Jar) -> None:
            path = folder / jar.path
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f"{path.name}.part")
            download(http, repositories, jar.path, part, size=jar.size, progress=progress)
            if sha256(part) != jar.sha256:
                part.unlink()
                raise CheckerError(
                    "the file that was sent is not the listed one: its SHA-256 differs",
                    where=jar.path,
                    hint="the repository or something on the way alters files; try another network or mirror",
                )
            part.replace(path)

        # the largest first, so that no single one is waited for at the end
        tasks = [pool.submit(get, jar) for jar in sorted(jars, key=lambda jar: -jar.size)]
        try:
            for task in wait(tasks, return_when=FIRST_EXCEPTION).done:
                task.result()
        finally:
            progress.cancelled.set()
            pool.shutdown(cancel_futures=True)

"""The folder of what is downloaded and compiled: the right to write there alone, and the digests of its files."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from typing import TYPE_CHECKING

from fhir_case.errors import CheckerError
from fhir_case.java.events import Event, Listener

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["exclusive", "is_intact", "make_private", "record", "sha256"]

_WAIT_S = 1800.0
_PRIVATE = 0o700
_WRITABLE_BY_OTHERS = 0o022


def make_private(folder: Path, listener: Listener) -> None:
    """
    Make a folder of the cache, with the folder that holds it, in which only its owner can write.

    Where others could write, what was made there is not trusted, and made again; jars are compared with the lock file.

    Raises:
        CheckerError: It belongs to another user, who could put a program of theirs there.
        OSError: It cannot be made.
    """
    folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
    for each in (folder.parent, folder) if hasattr(os, "getuid") else ():
        status = each.stat()
        if status.st_uid not in (os.getuid(), 0):
            raise CheckerError(
                "this folder of the cache belongs to another user, who could put a program of theirs there",
                where=str(each),
                hint="remove it, or choose another cache by XDG_CACHE_HOME",
            )
        if status.st_mode & stat.S_ISVTX and each != folder:
            continue  # such as /tmp: others can write there, but not replace what is ours
        if status.st_mode & _WRITABLE_BY_OTHERS and status.st_uid == os.getuid():
            listener(Event("prepare", text=f"the cache anew, since others could write to {each}"))
            for made in folder.glob("*.sha256"):
                made.unlink()
            each.chmod(stat.S_IMODE(status.st_mode) & ~_WRITABLE_BY_OTHERS)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits; empty where there is no file."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def record(path: Path) -> None:
    """Write down the SHA-256 of a file that was made here, beside it."""
    path.with_name(f"{path.name}.sha256").write_text(sha256(path), "ascii")


def is_intact(path: Path) -> bool:
    """Whether a file that was made here is as it was recorded."""
    with contextlib.suppress(OSError, ValueError):
        return sha256(path) == path.with_name(f"{path.name}.sha256").read_text("ascii")
    return False


@contextlib.contextmanager
def exclusive(folder: Path, listener: Listener) -> Iterator[None]:
    """
    Keep other processes from filling the cache meanwhile.

    They wait rather than download the same again; so a partial file has one name, under which a later start resumes.

    Raises:
        CheckerError: Another process has been filling it for half an hour.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / "filling.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        listener(Event("wait", text="another process is filling the cache"))
        try:
            lock.acquire(timeout=_WAIT_S)
        except Timeout as error:
            raise CheckerError(
                "another process has been filling the cache for half an hour",
                where=lock.lock_file,
                hint="end that process",
            ) from error
    try:
        yield
    finally:
        lock.release()

"""The folder of what is downloaded and compiled: the right to write there alone, and the digests of its files."""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING

from fhir_case.errors import CheckerError
from fhir_case.java.events import Event, Listener

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["exclusive", "is_intact", "record", "sha256"]

_WAIT_S = 1800.0


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

"""Which files of the cache were verified, and the right to write there alone."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from typing import TYPE_CHECKING

from fhir_case.errors import CheckerError
from fhir_case.java.events import Event, Listener

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Verified", "alone", "sha256"]

_PATIENCE_S = 1800.0


class Verified:
    """
    Remember the SHA-256 of files, each with the size and time of change that it had when it was hashed.

    Args:
        folder: The folder of the files; what is known is kept there in ``verified.json``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "verified.json"
        self._known: dict[str, list[object]] = {}
        # a damaged file costs a new hash of each jar, nothing else
        with contextlib.suppress(OSError, ValueError):
            known = json.loads(self._file.read_text("utf-8"))
            self._known = known if isinstance(known, dict) else {}

    def digest(self, name: str) -> str:
        """Return the recorded SHA-256 of a file that was not touched since; empty if it was, or is not known."""
        try:
            found = (self._folder / name).stat()
        except OSError:
            return ""
        known = self._known.get(name)
        if isinstance(known, list) and known[:2] == [found.st_size, found.st_mtime_ns]:
            return str(known[-1])
        return ""

    def record(self, name: str, digest: str) -> None:
        """Keep in mind that the file as it is now has this SHA-256."""
        found = (self._folder / name).stat()
        self._known[name] = [found.st_size, found.st_mtime_ns, digest]

    def save(self) -> None:
        """Write what is known, whole or not at all."""
        fresh = self._file.with_name(f"verified.{os.getpid()}")
        fresh.write_text(json.dumps(self._known, indent=0), "utf-8")
        fresh.replace(self._file)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def alone(folder: Path, listener: Listener) -> Iterator[None]:
    """
    Keep other processes from filling the cache meanwhile.

    They wait rather than download the same again; and so a part has one name, under which a later start goes on.

    Raises:
        CheckerError: filelock is not installed, or another process has been at it for half an hour.
    """
    try:
        from filelock import FileLock, Timeout
    except ImportError as error:
        raise CheckerError("filelock is not installed", hint="pip install 'fhir-case[hapi]'") from error
    lock = FileLock(folder / "filling.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        listener(Event("wait", text="another process is filling the cache"))
        try:
            lock.acquire(timeout=_PATIENCE_S)
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

"""
The files of one shard, written under temporary names and put in place when all of them are whole.

The same resources are the same bytes: no file has a time or a name inside, and the level of compression is fixed.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, Self, cast

from fhir_case.fhir import wire

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from fhir_case.fhir.wire import Resource

__all__ = ["PART", "ShardFiles", "as_json", "put_in_place", "shard_name"]

PART = ".part"
"""How the name of a file ends that is not whole yet."""

_LEVEL = 6


def shard_name(kind: str, shard: int) -> str:
    """Return the name of the file of a type in a shard."""
    return f"{kind}.{shard:03}.ndjson.gz"


def put_in_place(path: Path, content: bytes) -> None:
    """Write a file under a temporary name, and put it in place."""
    part = path.with_name(f".{path.name}{PART}")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


class _Hashed:
    """A file that knows the SHA-256 of what is written to it."""

    def __init__(self, file: IO[bytes]) -> None:
        self.checksum = hashlib.sha256()
        self._file = file

    def write(self, content: bytes) -> int:
        self.checksum.update(content)
        return self._file.write(content)

    def flush(self) -> None:
        self._file.flush()


class ShardFiles:
    """
    The files of one shard; a context manager, which leaves nothing behind when something is raised in it.

    Args:
        folder: Where they are.
        shard: The number of the shard.
    """

    def __init__(self, folder: Path, shard: int) -> None:
        self._folder, self._shard = folder, shard
        self._open: dict[str, tuple[IO[bytes], _Hashed, gzip.GzipFile, Path]] = {}
        self.counts: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file, _, packed, part in self._open.values():
            with suppress(OSError):
                packed.close()
            file.close()
            part.unlink(missing_ok=True)

    def write(self, kind: str, resource: Resource) -> int:
        """Add a resource to the file of a type; return its line there."""
        if kind not in self._open:
            part = self._folder / f".{shard_name(kind, self._shard)}{PART}"
            file = part.open("wb")
            hashed = _Hashed(file)
            stream = cast("IO[bytes]", hashed)  # gzip only writes to it
            packed = gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=stream, mtime=0)
            self._open[kind] = file, hashed, packed, part
        self._open[kind][2].write(wire.dump(resource) + b"\n")
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return self.counts[kind]

    def finish(self) -> list[dict[str, Any]]:
        """Put all files in place; return for each its type, name, count and SHA-256."""
        found = []
        for kind, (file, hashed, packed, part) in sorted(self._open.items()):
            packed.close()
            file.flush()
            os.fsync(file.fileno())
            file.close()
            name = shard_name(kind, self._shard)
            part.replace(self._folder / name)
            checksum = hashed.checksum.hexdigest()
            found.append({"type": kind, "url": name, "count": self.counts[kind], "sha256": checksum})
        self._open.clear()
        return found


def as_json(value: Any) -> bytes:
    """Return a value as JSON for people, the same bytes for the same value."""
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"

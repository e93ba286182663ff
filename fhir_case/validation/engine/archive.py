"""The archive of a FHIR package: only JSON files below its folder, within limits that no known package reaches."""

from __future__ import annotations

import io
import tarfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["MANIFEST_BYTES", "members"]

MANIFEST_BYTES = 1 << 20
"""The most that a manifest may have."""

# Only an attack reaches these: large packages have some thousand files.
_FILE_BYTES = 1 << 28
_TOTAL_BYTES = 1 << 32
_FILES = 100_000


def members(source: Path, only: PurePosixPath | None = None) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Yield path and content of the JSON files of an archive, or of the one of that path, within limits."""
    files = total = 0
    with tarfile.open(source, "r:gz", tarinfo=_Member) as archive:
        for member in archive:
            files, total = files + 1, total + member.size
            if files > _FILES or total > _TOTAL_BYTES:
                raise tarfile.ReadError(f"it has more than {_FILES} files, or than {_TOTAL_BYTES >> 30} GB")
            path = _path_in_package(member)
            if path is None or only not in (None, path):
                continue
            if member.size > (_FILE_BYTES if only is None else MANIFEST_BYTES):
                raise tarfile.ReadError(f"{path} has {member.size >> 20} MB")
            content = archive.extractfile(member)
            yield path, (content or io.BytesIO()).read()


class _Member(tarfile.TarInfo):
    """A member whose headers are small: those of tar can claim any length, and are read before anything is known."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in _HEADERS and self.size > MANIFEST_BYTES:
            raise tarfile.ReadError("it has a header of more than a megabyte")
        return super()._proc_member(archive)  # type: ignore[misc, no-any-return] # it is not in the types


_HEADERS = frozenset(
    {tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK}
)


def _path_in_package(member: tarfile.TarInfo) -> PurePosixPath | None:
    """Return the path below ``package`` of a JSON file; None for anything else."""
    path = PurePosixPath(member.name)
    parts = path.parts
    inside = (
        member.isfile() and len(parts) > 1 and parts[0] == "package" and ".." not in parts and path.suffix == ".json"
    )
    return PurePosixPath(*parts[1:]) if inside and member.name.isprintable() else None

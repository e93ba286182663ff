"""
The manifest of a Bulk Data export: which files it has, and what is known of them.

What we know beyond the specification stands in its extension, under `EXTENSION`: how the lines are ordered, how many
resources of each type there are, and the SHA-256 of each file.

Source: https://hl7.org/fhir/uv/bulkdata/STU3/export.html#response---output-manifest
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from fhir_case.documents.content import GZIP_BEGINS
from fhir_case.errors import BundleError
from fhir_case.fhir import wire

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["EXTENSION", "MANIFEST", "Manifest", "ManifestFile", "is_manifest", "manifest_of", "read_manifest"]

MANIFEST = "manifest.json"
"""The name of the file."""

EXTENSION = "urn:fhir-case:bulk-data"
"""The name of our extension."""

_MOST_BYTES = 64 * 2**20
_LISTED = 5
_CHUNK = 2**20


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """
    One file of an export.

    Args:
        type: The type of the resources in it.
        path: Where it is.
        count: How many resources it has; None when the manifest does not say it.
        sha256: Of its bytes; empty when the manifest does not say it.
    """

    type: str
    path: Path
    count: int | None = None
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """
    What a manifest says.

    Args:
        path: Where it is.
        files: Its files, in its order.
        by_patient: Whether the lines of the files of one shard are ordered by patients, each with all it refers to.
        extension: What our extension says.
        left_out: The files of deletions and of errors that it names, which are not read.
    """

    path: Path
    files: tuple[ManifestFile, ...]
    by_patient: bool = False
    extension: Mapping[str, Any] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Return how many resources of each type there are, as far as it says so."""
        counts: dict[str, int] = {}
        for file in self.files:
            counts[file.type] = counts.get(file.type, 0) + (file.count or 0)
        return counts

    def check(self) -> None:
        """
        Compare all files with what it says: SHA-256 and number of lines.

        Raises:
            BundleError: A file is missing, broken or another; it names all that are, up to five.
        """
        problems = list(self._problems())
        if problems:
            more = f"; and {len(problems) - _LISTED} more" if len(problems) > _LISTED else ""
            what = "; ".join(problems[:_LISTED]) + more
            raise BundleError(what, where=str(self.path), hint="nothing was sent; make or copy the files again")

    def _problems(self) -> Iterator[str]:
        for file in self.files:
            try:
                checksum, lines = _read(file.path)
            except FileNotFoundError:
                yield f"{file.path.name} is missing"
                continue
            except (OSError, EOFError, zlib.error) as error:
                yield f"{file.path.name} cannot be read: {error}"
                continue
            if file.sha256 and checksum != file.sha256:
                yield f"{file.path.name} is not the file that was written: its SHA-256 is {checksum[:12]}…"
            elif file.count is not None and lines != file.count:
                yield f"{file.path.name} has {lines} resources, and {file.count} are stated"


def _read(path: Path) -> tuple[str, int]:
    """Return the SHA-256 of a file, and how many lines it has that are not blank."""
    checksum = hashlib.sha256()
    with path.open("rb") as stream:
        packed = stream.read(2) == GZIP_BEGINS
        stream.seek(0)
        while chunk := stream.read(_CHUNK):
            checksum.update(chunk)
    with gzip.open(path) if packed else path.open("rb") as lines:
        return checksum.hexdigest(), sum(1 for line in lines if line.strip())


def is_manifest(path: Path) -> bool:
    """Whether a file is the manifest of an export, by its name and what is in it."""
    if path.name != MANIFEST or not path.is_file() or path.stat().st_size > _MOST_BYTES:
        return False
    try:
        content = wire.parse_quickly(path.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and "transactionTime" in content and isinstance(content.get("output"), list)


def manifest_of(path: Path) -> Path | None:
    """Return the manifest that a path is, or that is in the folder; None where there is none."""
    inner = path / MANIFEST if path.is_dir() else path
    return inner if is_manifest(inner) else None


def read_manifest(path: Path) -> Manifest:
    """
    Read a manifest.

    Raises:
        BundleError: It is none, or names a file that is not beside it.
    """
    try:
        content = json.loads(path.read_bytes())
        extension = content.get("extension") or {}
        ours = extension.get(EXTENSION, {}) if isinstance(extension, dict) else {}
        checksums = ours.get("sha256", {})
        files = tuple(
            ManifestFile(
                str(one.get("type", "")),
                _beside(path, str(one["url"])),
                one.get("count"),
                checksums.get(one["url"], ""),
            )
            for one in content["output"]
        )
        left_out = tuple(str(one["url"]) for name in ("deleted", "error") for one in content.get(name) or ())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise BundleError(f"this is not the manifest of an export ({reason})", where=str(path)) from None
    return Manifest(path, files, ours.get("organizedBy") == "patient", ours, left_out)


def _beside(manifest: Path, url: str) -> Path:
    """
    Return the path of a file; one that the manifest names by a web address is looked for by its last part.

    Raises:
        BundleError: The name leads out of the folder.
    """
    parts = urlsplit(url)
    name = PurePosixPath(unquote(parts.path))
    inner = PurePosixPath(name.name) if parts.scheme else name
    if inner.is_absolute() or ".." in inner.parts or not inner.parts:
        raise BundleError(f"'{url[:100]}' is not in the folder of the manifest", where=str(manifest), hint="correct it")
    return manifest.parent / inner

"""
The manifest of a Bulk Data export: which files it has, and what is known of them.

What we know beyond the specification stands in its extension, under `EXTENSION`: how many resources of each type there
are, the SHA-256 of each file, and what the files are made of.

Source: https://hl7.org/fhir/uv/bulkdata/STU3/export.html#response---output-manifest
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote, urlsplit

from fhir_case.documents.content import BROKEN, decompressed, is_document, reason_of
from fhir_case.documents.folders import walk
from fhir_case.errors import BundleError
from fhir_case.fhir import wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from io import BufferedReader

__all__ = [
    "BEGUN",
    "EXTENSION",
    "MANIFEST",
    "Manifest",
    "ManifestFile",
    "check_manifests",
    "manifest_of",
    "read_manifest",
    "unfinished",
]

MANIFEST = "manifest.json"
"""The name of the file."""

BEGUN = ".cohort.json"
"""The name of a file that stands in a folder of ours until all of it is written."""

EXTENSION = "urn:fhir-case:bulk-data"
"""The name of our extension."""

_MOST_BYTES = 64 * 2**20
_CHUNK = 2**20
_AGAIN = "copy the folder again, or make it again into a new one"


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
        extension: What our extension says; empty in the manifest of somebody else.
        left_out: The files of deletions and of errors that it names, which are not read.
        finished: Whether all files are written.
    """

    path: Path
    files: tuple[ManifestFile, ...] = ()
    extension: Mapping[str, Any] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    finished: bool = True

    def problems(self) -> Iterator[BundleError]:
        """
        Return what is wrong with its files: missing, broken, of another SHA-256 or number of resources, or too many.

        Every file is read for it, with no more memory than for a piece of one.
        """
        if not self.finished:
            message, hint = "the files here are not complete: what makes them was interrupted", "repeat that command"
            yield BundleError(message, where=str(self.path.parent), hint=hint)
            return
        named = Counter(file.path for file in self.files)
        for file in self.files:
            what = "the manifest names it twice" if named[file.path] > 1 else _wrong(file)
            if what:
                yield BundleError(what, where=str(file.path), hint=_AGAIN)
        if self.extension:
            for other in self._beside():
                if is_document(other.name):
                    message = "this is not in the manifest, which names all files of its folder"
                    yield BundleError(message, where=str(other), hint="move it to another folder")

    def others(self) -> Iterator[Path]:
        """Return the files in its folder that it does not name; of one of ours those of data are a problem instead."""
        return (other for other in self._beside() if not (self.extension and is_document(other.name)))

    def _beside(self) -> Iterator[Path]:
        folder = self.path.parent
        named = {file.path for file in self.files} | {folder / name for name in self.left_out} | {self.path}
        named.add(folder / str(self.extension.get("defectsFile", "")))
        for path, is_folder in walk(folder):
            if not is_folder and path not in named and not path.name.startswith("."):
                yield path


def check_manifests(manifests: Iterable[Manifest]) -> None:
    """
    Compare all files of manifests with what these say, see `Manifest.problems`.

    Raises:
        BundleError: A file is missing, broken, another, or too many; ``problems`` holds all.
    """
    once = {manifest.path: manifest for manifest in manifests}.values()
    problems = tuple(problem for manifest in once for problem in manifest.problems())
    if problems:
        raise BundleError(problems[0].message, where=problems[0].where, hint=problems[0].hint, problems=problems)


def _wrong(file: ManifestFile) -> str:
    """Return what is wrong with a file; empty when nothing is."""
    try:
        checksum = hashlib.sha256()
        with file.path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                checksum.update(chunk)
        if file.sha256 and checksum.hexdigest() != file.sha256.lower():
            said = f"the manifest says {file.sha256[:12]}…, and it is {checksum.hexdigest()[:12]}…"
            broken = _count(file.path) is None
            return f"this is not the file that was written: of its SHA-256 {said}{'; it is cut off' if broken else ''}"
        if file.count is None:
            return ""
        count = _count(file.path)
    except FileNotFoundError:
        return "this file is missing, and the manifest names it"
    except BROKEN as error:
        return reason_of(error)
    if count is None:
        return "this is cut off: its compressed content ends too early"
    return "" if count == file.count else f"there are {count} resources, and the manifest says {file.count}"


def _count(path: Path) -> int | None:
    """Return how many lines that are not blank a file has, compressed or not; None where it is cut off."""
    count, blank = 0, True
    try:
        with path.open("rb") as stream, decompressed(stream) as opened:
            lines = cast("BufferedReader", opened)
            while piece := lines.readline(_CHUNK):
                blank = blank and not piece.strip()
                if piece.endswith(b"\n"):
                    count += not blank
                    blank = True
    except EOFError:
        return None
    return count + (not blank)


def manifest_of(path: Path) -> Path | None:
    """
    Return the manifest that a path is, or that is in the folder; None where there is none.

    One that is not JSON is none, and is told as any other document that is wrong.
    """
    inner = path / MANIFEST if path.is_dir() else path
    try:
        if inner.name != MANIFEST or not inner.is_file() or inner.stat().st_size > _MOST_BYTES:
            return None
        content = wire.parse_quickly(inner.read_bytes())
    except (OSError, ValueError):
        return None
    is_one = isinstance(content, dict) and "transactionTime" in content and isinstance(content.get("output"), list)
    return inner if is_one else None


def unfinished(folder: Path) -> Manifest | None:
    """Return what stands for the manifest of a folder of ours that is not complete yet; None for any other."""
    begun = folder / BEGUN
    return Manifest(begun, finished=False) if begun.is_file() else None


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
                str(checksums.get(one["url"], "")),
            )
            for one in content["output"]
        )
        left_out = tuple(
            _beside(path, str(one["url"])).relative_to(path.parent).as_posix()
            for name in ("deleted", "error")
            for one in content.get(name) or ()
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        message = "this is not the manifest of an export: each entry of 'output' is an object with 'type' and 'url'"
        raise BundleError(message, where=str(path), hint="correct it, or name the files themselves") from None
    return Manifest(path, files, ours, left_out)


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

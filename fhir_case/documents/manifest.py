"""
The manifest of a Bulk Data export: which files it has, and what is known of them.

What we know beyond the specification stands in its extension, under `EXTENSION`: how many resources of each type there
are, the SHA-256 of each file, and what the files are made of.

Source: https://hl7.org/fhir/uv/bulkdata/STU3/export.html#response---output-manifest
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fhir_case.documents.content import BROKEN, decompressed, is_document, reason_of
from fhir_case.documents.folders import walk
from fhir_case.documents.reading import MAXIMUM_BYTES
from fhir_case.errors import BundleError
from fhir_case.fhir import wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from io import BufferedReader
    from pathlib import Path

__all__ = [
    "BEGUN",
    "EXTENSION",
    "MANIFEST",
    "Manifest",
    "ManifestFile",
    "check_manifests",
]

MANIFEST = "manifest.json"
"""The name of the file."""

BEGUN = ".cohort.json"
"""The name of a file that stands in a folder of ours until all of it is written."""

EXTENSION = "urn:fhir-case:bulk-data"
"""The name of our extension."""

_TYPE_FIRST = re.compile(rb'\s*+\{\s*+"resourceType"\s*+:\s*+"([A-Za-z]{1,64})"')
_CHUNK = 2**20
_MOST_BLANK_LINES = 99_998  # after so many nothing more is read, see `read_texts`
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
        left_out = {self.path.parent / name for name in self.left_out}
        for file in self.files:
            if named[file.path] > 1:
                what = "the manifest names it twice"
            elif file.path in left_out:
                what = "the manifest names it as output, and also for deletions or errors"
            else:
                what = self.why_not(file) or _wrong(file)
            if what:
                yield BundleError(what, where=str(file.path), hint=_AGAIN)
        if self.extension:
            for other in self._beside():
                if is_document(other.name):
                    message = "this is not in the manifest, which names all files of its folder"
                    yield BundleError(message, where=str(other), hint="move it to another folder")

    def why_not(self, file: ManifestFile) -> str:
        """Return why a file must not be opened: missing, no regular file, or not in the folder; else nothing."""
        if not os.path.lexists(file.path):
            return "this file is missing, and the manifest names it"
        if not os.path.isfile(file.path):  # noqa: PTH113 - the method of Path raises for a name that is too long
            return "this is no regular file, such as a pipe, a device or a link to nothing"
        if not file.path.resolve().is_relative_to(self.path.parent.resolve()):
            return "this is a link that leads out of the folder of the manifest"
        return ""

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
    """Return what is wrong with a file that can be read; empty when nothing is."""
    try:
        if file.sha256:
            with file.path.open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
            if found != file.sha256.lower():
                said = f"the manifest says {file.sha256[:12]}…, and it is {found[:12]}…"
                cut = "; it is cut off" if _is_cut_off(file.path) else ""
                return f"this is not the file that was written: of its SHA-256 {said}{cut}"
        return _wrong_lines(file)
    except EOFError:
        return "this is cut off: its compressed content ends too early"
    except BROKEN as error:
        return reason_of(error)


def _is_cut_off(path: Path) -> bool:
    """Whether the compressed content of a file ends too early."""
    try:
        with path.open("rb") as stream, decompressed(stream) as opened:
            while opened.read(_CHUNK):
                pass
    except EOFError:
        return True
    return False


def _wrong_lines(file: ManifestFile) -> str:
    """Return what is wrong with the number, the length or the type of the resources; of a line one piece is kept."""
    count = blank = 0
    with file.path.open("rb") as stream, decompressed(stream) as opened:
        for number, (begin, length) in enumerate(_lines(opened), 1):
            if length > MAXIMUM_BYTES:
                return f"line {number} is longer than {MAXIMUM_BYTES >> 20} MiB, the most that is read at once"
            found = _type(begin) if length else ""
            if file.type and found not in ("", file.type):
                return f"line {number} is of type {found[:60]}, and the manifest says {file.type[:60]}"
            count += length > 0
            blank = 0 if length else blank + 1
            if blank > _MOST_BLANK_LINES:
                return f"there are more than {_MOST_BLANK_LINES:,} blank lines one after another"
    is_right = file.count in (None, count)
    return "" if is_right else f"there are {count} resources, and the manifest says {file.count}"


def _lines(stream: BufferedReader) -> Iterator[tuple[bytes, int]]:
    """Return the begin of each line, and its length up to a little more than the longest; that of a blank one is 0."""
    begin, length, blank = b"", 0, True
    while piece := stream.readline(_CHUNK):
        begin = begin if length else piece
        length += len(piece)
        blank = blank and not piece.strip()
        if piece.endswith(b"\n") or length > MAXIMUM_BYTES:
            yield begin, 0 if blank and length <= MAXIMUM_BYTES else length
            begin, length, blank = b"", 0, True
    if length:
        yield begin, 0 if blank else length


def _type(line: bytes) -> str:
    """Return the type of the resource in a line; empty where it does not say any, which is told where it is read."""
    if quick := _TYPE_FIRST.match(line):
        return quick[1].decode()
    try:
        content = wire.parse_quickly(line)
    except ValueError:
        return ""
    found = content.get("resourceType") if isinstance(content, dict) else ""
    return found if isinstance(found, str) else ""

"""Find the files behind a path: one file, all of a folder, or those that the manifest of an export names."""

from __future__ import annotations

import os
import zipfile
from typing import TYPE_CHECKING

from fhir_case.documents.case_file import SUFFIXES
from fhir_case.documents.content import (
    ARCHIVE_BEGINS,
    BROKEN_ARCHIVE,
    PEEKED,
    is_document,
    reason_of,
    why_not,
)
from fhir_case.documents.folders import walk
from fhir_case.documents.manifest_reading import manifest_of, read_manifest, unfinished

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fhir_case.documents.manifest import Manifest

    PassedOver = Callable[[str, str], None]
    OnManifest = Callable[[Manifest], None]

__all__ = ["ARCHIVE", "find_files", "not_noted", "shown"]

ARCHIVE = ".zip"
"""How the name of an archive ends."""

_LEFT_OUT = "the manifest names it for deletions or errors"
_NOT_NAMED = "the manifest does not name it"


def shown(path: Path) -> str:
    """Return a path as text that can be written anywhere: what is not UTF-8 in it as the number of the byte."""
    text = str(path)
    return text if text.isascii() else os.fsencode(text).decode(errors="backslashreplace")


def not_noted(name: str, reason: str) -> None:
    """Do nothing with the name of what is passed over, and the reason."""


def _no_manifest(manifest: Manifest) -> None:
    """Do nothing with a manifest."""


def find_files(
    path: Path, passed_over: PassedOver = not_noted, on_manifest: OnManifest = _no_manifest
) -> Iterator[Path]:
    """
    Return a file itself, or all files under a directory that are documents or archives of them, in the order of names.

    What ends like a document is one, so that what is wrong in it is found; of any other its content decides. Of a
    manifest, and of a directory that has one, those that it names are returned, in its order, as far as they are there.

    Args:
        passed_over: Called with the name of each other file, and why it is passed over.
        on_manifest: Called with each manifest, before its files.

    Raises:
        BundleError: A manifest is none, or names what is not beside it.
    """
    manifest = manifest_of(path)
    if manifest is not None:
        yield from _named(read_manifest(manifest), passed_over, on_manifest)
        return
    if not path.is_dir():
        yield path
        return
    if (begun := unfinished(path)) is not None:
        on_manifest(begun)
    exports: set[Path] = set()
    for one, is_folder in walk(path):
        if exports and not exports.isdisjoint(one.parents):
            continue
        if is_folder:
            if (inner := manifest_of(one)) is not None:
                exports.add(one)
                yield from _named(read_manifest(inner), passed_over, on_manifest)
            elif (begun := unfinished(one)) is not None:
                on_manifest(begun)
        elif reason := _why_not(one):
            passed_over(shown(one), reason)
        else:
            yield one


def _named(manifest: Manifest, passed_over: PassedOver, on_manifest: OnManifest) -> Iterator[Path]:
    """Return the files that a manifest names, and tell of the others beside it."""
    on_manifest(manifest)
    for name in manifest.left_out:
        passed_over(shown(manifest.path.parent / name), _LEFT_OUT)
    for other in manifest.others():
        passed_over(shown(other), _NOT_NAMED)
    yield from dict.fromkeys(file.path for file in manifest.files if not manifest.why_not(file))


def _why_not(file: Path) -> str:
    """Return why a file under a directory is passed over; empty when it is not."""
    name = file.name.lower()
    if file.is_dir():
        return ""  # it could not be read, and says so where it is opened
    if not file.is_file() or name.startswith("."):
        return "hidden" if name.startswith(".") else "no regular file"
    if name.endswith(SUFFIXES):
        return "YAML: a case file is read where it is named itself"
    return "" if is_document(name) or name.endswith(ARCHIVE) else _why_not_content(file)


def _why_not_content(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            begin = stream.read(PEEKED)
            if not begin.startswith(ARCHIVE_BEGINS):
                return why_not(begin)
            with zipfile.ZipFile(stream) as archive:
                inside = any(is_document(member.filename) for member in archive.infolist())
                return "" if inside else "an archive without documents"
    except BROKEN_ARCHIVE as error:
        return reason_of(error)

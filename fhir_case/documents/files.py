"""
Find the documents behind paths: files, compressed or not, zip archives, directories, patterns.

Nothing here raises for bad content: a document says what cannot be decompressed. Nothing is decompressed to disk or
whole into memory: compressed files and members of archives are streams.
"""

from __future__ import annotations

import bz2
import glob
import gzip
import hashlib
import os
import struct
import zipfile
import zlib
from functools import partial
from io import BufferedReader
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypeVar, cast

from fhir_case.documents.case_file import SUFFIXES, read_case_file
from fhir_case.documents.document import Document, unread
from fhir_case.documents.reading import read_documents, read_texts
from fhir_case.errors import FhirCaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from fhir_case.documents.document import Text
    from fhir_case.fhir.models import FhirVersion
    from fhir_case.fhir.wire import Resource
    from fhir_case.issues import Issue

    Found = TypeVar("Found")
    Read = Callable[..., Iterator[Found]]
    ReadCase = Callable[[Path], tuple[Resource | None, dict[str, str], tuple[Issue, ...]]]

__all__ = ["digest", "expand", "find_documents", "find_files", "find_texts", "shown"]

_LINES = (".ndjson", ".jsonl")
_WANTED = (".json", *_LINES)
_COMPRESSED = (".gz", ".bz2")
_ARCHIVE = ".zip"
_ARCHIVE_BEGINS = (b"PK\x03\x04", b"PK\x05\x06")
_GZIP_BEGINS = b"\x1f\x8b"
_BZIP2_BEGINS = b"BZh"
_ENCRYPTED = 0x1
# zipfile decompresses bzip2 and LZMA members without a bound for the memory.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BROKEN = (OSError, EOFError, zlib.error, zipfile.BadZipFile)
_BROKEN_ARCHIVE = (*_BROKEN, ValueError, RuntimeError, struct.error)


def shown(path: Path) -> str:
    """Return a path as text that can be written anywhere: what is not UTF-8 in it as the number of the byte."""
    text = str(path)
    return text if text.isascii() else os.fsencode(text).decode(errors="backslashreplace")


def expand(patterns: Sequence[str]) -> list[Path]:
    """
    Return the paths behind names and patterns, in their order; those of one pattern are sorted.

    A name that exists is a path, whatever characters it has; any other is a pattern with ``*``, ``?``, ``[ab]``, or
    ``**`` for folders of any depth. What is in a directory that the same pattern matches is not returned again.

    Raises:
        FhirCaseError: One of them does not exist, or matches nothing.
    """
    return [path for pattern in patterns for path in _matches(pattern)]


def _matches(pattern: str) -> list[Path]:
    if os.path.exists(pattern):  # noqa: PTH110 - the method of Path raises for a name that is too long
        return [Path(pattern)]
    if not glob.has_magic(pattern):
        raise FhirCaseError("this does not exist", where=pattern)
    found = {Path(one) for one in glob.glob(pattern, recursive=True)}  # noqa: PTH207 - that of Path takes relative ones
    if not found:
        raise FhirCaseError("nothing matches this pattern", where=pattern, hint="** stands for folders of any depth")
    return sorted(one for one in found if found.isdisjoint(one.parents))


def find_files(path: Path) -> Iterator[Path]:
    """Return a file itself, or all files under a directory with the suffix of a document or zip archive, sorted."""
    if not path.is_dir():
        yield path
        return
    for one in sorted(path.rglob("*")):
        if one.is_file() and not one.name.startswith(".") and (_is_document(one.name) or one.suffix == _ARCHIVE):
            yield one


def find_documents(
    path: Path, *, keep_raw: bool = False, checked: bool = False, fhir: FhirVersion = "R4"
) -> Iterator[Document]:
    """
    Read a file, a case file too, a zip archive, or everything under a directory.

    Of a directory or archive, the ``.json``, ``.ndjson`` and ``.jsonl`` files are read, each also as ``.gz`` or
    ``.bz2``; of a directory also the archives. An archive without any is one document that says so.

    Args:
        path: Where to look.
        keep_raw: Whether to keep the bytes of each document.
        checked: Whether everything was read before without errors, see `read_document`.
        fhir: The release in which the Bundle of a case file is built.
    """
    read = partial(read_documents, keep_raw=keep_raw, checked=checked)
    return _found(path, read, partial(read_case_file, fhir=fhir))


def find_texts(
    path: Path, *, fhir: FhirVersion = "R4", mapping_files: Sequence[Path] = ()
) -> Iterator[Document | Text]:
    """
    Yield the bytes of what `find_documents` reads; a case file, and what cannot be read, as a document.

    Args:
        fhir: The release in which the Bundle of a case file is built.
        mapping_files: Python files with further mappings for case files.
    """
    return _found(path, read_texts, partial(read_case_file, fhir=fhir, mapping_files=mapping_files))


def _found(path: Path, read: Read[Found], read_case: ReadCase) -> Iterator[Found | Document]:
    documents = chain.from_iterable(_of_file(file, read, read_case) for file in find_files(path))
    first = next(documents, None)
    if first is not None:
        yield first
        yield from documents
    elif not path.is_dir():
        yield unread(shown(path), "there is no .json or .ndjson file in this archive")


def digest(paths: Iterable[Path]) -> Iterator[tuple[Path, int, str]]:
    """
    Return every file that `find_documents` reads, with its size in bytes and SHA-256.

    Pipes and devices are skipped, since they can be read only once.

    Raises:
        FhirCaseError: A file cannot be read.
    """
    for file in chain.from_iterable(find_files(path) for path in paths):
        try:
            if file.exists() and not file.is_file():
                continue
            with file.open("rb") as stream:
                checksum = hashlib.file_digest(stream, "sha256").hexdigest()
                yield file, stream.tell(), checksum
        except OSError as error:
            raise FhirCaseError(f"this cannot be read: {error.strerror or error}", where=str(file)) from None


def _is_document(name: str) -> bool:
    return _decompressed_name(name).endswith(_WANTED)


def _decompressed_name(name: str) -> str:
    path = PurePosixPath(name)
    return path.stem if path.suffix in _COMPRESSED else name


def _of_file(path: Path, read: Read[Found], read_case: ReadCase) -> Iterator[Found | Document]:
    source = shown(path)
    if path.suffix in SUFFIXES:
        bundle, locations, issues = read_case(path)
        yield Document(source, 0, bundle, issues, locations=locations, form="case")
        return
    try:
        with path.open("rb") as stream:
            archive = path.suffix == _ARCHIVE or stream.peek(4).startswith(_ARCHIVE_BEGINS)
            yield from (_of_archive if archive else _of_stream)(stream, source, read)
    except OSError as error:
        yield _broken(source, error)


def _of_archive(stream: BufferedReader, source: str, read: Read[Found]) -> Iterator[Found | Document]:
    try:
        archive = zipfile.ZipFile(stream)
    except _BROKEN_ARCHIVE as error:
        yield _broken(source, error)
        return
    with archive:
        wanted = [member for member in archive.infolist() if _is_wanted(member.filename)]
        for member in sorted(wanted, key=lambda member: member.filename):
            name = f"{source}/{member.filename}"
            opened = _opened(archive, member)
            if isinstance(opened, str):
                yield unread(name, opened)
            else:
                with opened:
                    yield from _of_stream(opened, name, read)


def _is_wanted(member: str) -> bool:
    """Whether a member is a document, not hidden, and not in the folder of metadata that macOS adds."""
    parts = PurePosixPath(member).parts
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
    return _is_document(member) and not hidden


def _opened(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> BufferedReader | str:
    """Return a member to read, or why it cannot be read."""
    if member.flag_bits & _ENCRYPTED:
        return "this is encrypted; compress it without a password"
    if member.compress_type not in _METHODS:
        return f"this is compressed by method {member.compress_type} of zip; use method 8, which is deflate"
    try:
        # The type stubs know only a file of bytes.
        return BufferedReader(cast("zipfile.ZipExtFile", archive.open(member)))
    except _BROKEN_ARCHIVE as error:
        return _reason(error)


def _of_stream(stream: BufferedReader, source: str, read: Read[Found]) -> Iterator[Found | Document]:
    try:
        with _decompressed(stream) as content:
            yield from read(content, source, lines=_decompressed_name(source).endswith(_LINES))
    except _BROKEN as error:
        yield _broken(source, error)


def _decompressed(stream: BufferedReader) -> BufferedReader | gzip.GzipFile | bz2.BZ2File:
    begin = stream.peek(3)
    if begin.startswith(_GZIP_BEGINS):
        return gzip.GzipFile(fileobj=stream)
    return bz2.BZ2File(stream) if begin.startswith(_BZIP2_BEGINS) else stream


def _broken(source: str, error: Exception) -> Document:
    return unread(source, _reason(error))


def _reason(error: Exception) -> str:
    return f"this could not be read: {str(error) or 'it ends too early'}"  # EOFError may have no text

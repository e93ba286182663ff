"""
Find the documents behind paths: files, compressed or not, zip archives, directories, patterns.

Nothing here raises for bad content: a document says what cannot be decompressed. Nothing is decompressed to disk or
whole into memory: compressed files and members of archives are streams.
"""

from __future__ import annotations

import bz2
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

from fhir_case.documents.case_file import SUFFIXES, read_case_files
from fhir_case.documents.content import (
    ARCHIVE_BEGINS,
    BZIP2_BEGINS,
    GZIP_BEGINS,
    PEEKED,
    decompressed_name,
    is_document,
    why_not,
)
from fhir_case.documents.document import Document, unread
from fhir_case.documents.folders import walk
from fhir_case.documents.reading import read_documents, read_texts
from fhir_case.errors import FhirCaseError
from fhir_case.readers.discovery import reader_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from fhir_case.documents.case_file import BundleOfCase
    from fhir_case.documents.document import Text
    from fhir_case.fhir.models import FhirVersion
    from fhir_case.readers import Reader

    Found = TypeVar("Found")
    PassedOver = Callable[[str, str], None]
    Read = Callable[..., Iterator[Found]]
    ReadCases = Callable[[Path, Reader], Iterator[tuple[str, BundleOfCase]]]

__all__ = ["digest", "find_documents", "find_files", "find_texts", "shown"]

_LINES = (".ndjson", ".jsonl")
_ARCHIVE = ".zip"
_ENCRYPTED = 0x1
# zipfile decompresses bzip2 and LZMA members without a bound for the memory.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BROKEN = (OSError, EOFError, zlib.error, zipfile.BadZipFile)
_BROKEN_ARCHIVE = (*_BROKEN, ValueError, RuntimeError, struct.error)


def shown(path: Path) -> str:
    """Return a path as text that can be written anywhere: what is not UTF-8 in it as the number of the byte."""
    text = str(path)
    return text if text.isascii() else os.fsencode(text).decode(errors="backslashreplace")


def _not_noted(name: str, reason: str) -> None:
    """Do nothing with the name of what is passed over, and the reason."""


def find_files(path: Path, passed_over: PassedOver = _not_noted) -> Iterator[Path]:
    """
    Return a file itself, or all files under a directory that are documents or archives of them, in the order of names.

    What ends like a document is one, so that what is wrong in it is found; of any other its content decides.

    Args:
        passed_over: Called with the name of each other file, and why it is passed over.
    """
    if not path.is_dir():
        yield path
        return
    for one, is_folder in walk(path):
        reason = "" if is_folder else _why_not(one)
        if reason:
            passed_over(shown(one), reason)
        elif not is_folder:
            yield one


def _why_not(file: Path) -> str:
    """Return why a file under a directory is passed over; empty when it is not."""
    name = file.name.lower()
    if file.is_dir():
        return ""  # it could not be read, and says so where it is opened
    if not file.is_file() or name.startswith("."):
        return "hidden" if name.startswith(".") else "no regular file"
    if name.endswith(SUFFIXES):
        return "YAML: a case file is read where it is named itself"
    return "" if is_document(name) or name.endswith(_ARCHIVE) else _why_not_content(file)


def _why_not_content(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            begin = stream.read(PEEKED)
            if not begin.startswith(ARCHIVE_BEGINS):
                return why_not(begin)
            with zipfile.ZipFile(stream) as archive:
                inside = any(is_document(member.filename) for member in archive.infolist())
                return "" if inside else "an archive without documents"
    except _BROKEN_ARCHIVE as error:
        return _reason(error)


def find_documents(
    path: Path,
    *,
    keep_raw: bool = False,
    checked: bool = False,
    fhir: FhirVersion = "R4",
    passed_over: PassedOver = _not_noted,
) -> Iterator[Document]:
    """
    Read a file, a case file too, a zip archive, or everything under a directory.

    Of a directory or archive, the ``.json``, ``.ndjson`` and ``.jsonl`` files are read, each also as ``.gz`` or
    ``.bz2``, and what is FHIR in JSON under another name; of a directory also the archives. An archive without any is
    one document that says so.

    Args:
        path: Where to look.
        keep_raw: Whether to keep the bytes of each document.
        checked: Whether everything was read before without errors, see `read_document`.
        fhir: The release in which the Bundle of a case file is built.
        passed_over: Called with the name of each file or member that is not read, and why.
    """
    read = partial(read_documents, keep_raw=keep_raw, checked=checked)
    return _found(path, read, partial(read_case_files, fhir=fhir), passed_over)


def find_texts(
    path: Path,
    *,
    fhir: FhirVersion = "R4",
    mapping_files: Sequence[Path] = (),
    passed_over: PassedOver = _not_noted,
) -> Iterator[Document | Text]:
    """
    Yield the bytes of what `find_documents` reads; a case file, and what cannot be read, as a document.

    Args:
        fhir: The release in which the Bundle of a case file is built.
        mapping_files: Python files with further mappings for case files.
        passed_over: Called with the name of each file or member that is not read, and why.
    """
    return _found(path, read_texts, partial(read_case_files, fhir=fhir, mapping_files=mapping_files), passed_over)


def _found(path: Path, read: Read[Found], read_cases: ReadCases, passed_over: PassedOver) -> Iterator[Found | Document]:
    files = find_files(path, passed_over)
    documents = chain.from_iterable(_of_file(file, read, read_cases, passed_over) for file in files)
    first = next(documents, None)
    if first is not None:
        yield first
        yield from documents
    elif not path.is_dir():
        yield unread(shown(path), "there is no .json or .ndjson file in this archive")


def digest(paths: Iterable[Path]) -> Iterator[tuple[Path, int, str]]:
    """
    Return every file that `find_documents` reads, with its size in bytes and SHA-256, and those that it leads to.

    Pipes and devices are skipped, since they can be read only once.

    Raises:
        FhirCaseError: A file cannot be read.
    """
    named = chain.from_iterable(find_files(path) for path in paths)
    for file in chain.from_iterable(_read_for(path) for path in named):
        try:
            if file.exists() and not file.is_file():
                continue
            with file.open("rb") as stream:
                checksum = hashlib.file_digest(stream, "sha256").hexdigest()
                yield file, stream.tell(), checksum
        except OSError as error:
            raise FhirCaseError(f"this cannot be read: {error.strerror or error}", where=str(file)) from None


def _read_for(path: Path) -> Iterable[Path]:
    """Return the files that are read for a path: those that its reader names, or itself."""
    reader = reader_of(path)
    return reader.files(path) if reader is not None else (path,)


def _of_file(
    path: Path, read: Read[Found], read_cases: ReadCases, passed_over: PassedOver
) -> Iterator[Found | Document]:
    source = shown(path)
    reader = reader_of(path)
    if reader is not None:
        for name, (bundle, locations, issues) in read_cases(path, reader):
            case = f"{source}/{name}" if name else source
            yield Document(case, 0, bundle, issues, locations=locations, form="case")
        return
    try:
        with path.open("rb") as stream:
            if path.suffix.lower() == _ARCHIVE or stream.peek(4).startswith(ARCHIVE_BEGINS):
                yield from _of_archive(stream, source, read, passed_over)
            else:
                yield from _of_stream(stream, source, read)
    except OSError as error:
        yield _broken(source, error)


def _of_archive(
    stream: BufferedReader, source: str, read: Read[Found], passed_over: PassedOver
) -> Iterator[Found | Document]:
    try:
        archive = zipfile.ZipFile(stream)
    except _BROKEN_ARCHIVE as error:
        yield _broken(source, error)
        return
    with archive:
        for member in sorted(archive.infolist(), key=lambda member: member.filename):
            if not member.filename or member.is_dir():
                continue
            name = f"{source}/{member.filename}"
            reason = _why_not_member(archive, member)
            if reason:
                passed_over(name, reason)
                continue
            opened = _opened(archive, member)
            if isinstance(opened, str):
                yield unread(name, opened)
            else:
                with opened:
                    yield from _of_stream(opened, name, read)


def _why_not_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> str:
    """Return why a member is passed over; empty when it is not."""
    parts = PurePosixPath(member.filename).parts
    if any(part.startswith(".") or part == "__MACOSX" for part in parts):
        return "hidden"
    if is_document(member.filename):
        return ""
    opened = _opened(archive, member)
    if isinstance(opened, str):
        return opened
    try:
        with opened:
            begin = opened.read(PEEKED)
    except _BROKEN_ARCHIVE as error:
        return _reason(error)
    return "an archive inside of an archive" if begin.startswith(ARCHIVE_BEGINS) else why_not(begin)


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
            yield from read(content, source, lines=decompressed_name(source).lower().endswith(_LINES))
    except _BROKEN as error:
        yield _broken(source, error)


def _decompressed(stream: BufferedReader) -> BufferedReader | gzip.GzipFile | bz2.BZ2File:
    begin = stream.peek(3)
    if begin.startswith(GZIP_BEGINS):
        return gzip.GzipFile(fileobj=stream)
    return bz2.BZ2File(stream) if begin.startswith(BZIP2_BEGINS) else stream


def _broken(source: str, error: Exception) -> Document:
    return unread(source, _reason(error))


def _reason(error: Exception) -> str:
    return f"this could not be read: {str(error) or 'it ends too early'}"  # EOFError may have no text

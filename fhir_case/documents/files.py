"""
Find the documents behind paths: files, compressed or not, zip archives, directories, patterns.

Nothing here raises for bad content: a document says what cannot be decompressed. Nothing is decompressed to disk or
whole into memory: compressed files and members of archives are streams.
"""

from __future__ import annotations

import hashlib
import zipfile
from functools import partial
from io import BufferedReader
from itertools import chain
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeVar, cast

from fhir_case.documents.case_file import read_case_files
from fhir_case.documents.content import (
    ARCHIVE_BEGINS,
    BROKEN,
    BROKEN_ARCHIVE,
    PEEKED,
    decompressed,
    decompressed_name,
    is_document,
    reason_of,
    why_not,
)
from fhir_case.documents.document import Document, unread
from fhir_case.documents.paths import ARCHIVE, find_files, not_noted, shown
from fhir_case.documents.reading import read_documents, read_texts
from fhir_case.errors import FhirCaseError
from fhir_case.readers.discovery import reader_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from fhir_case.documents.case_file import BundleOfCase
    from fhir_case.documents.document import Text
    from fhir_case.documents.manifest import Manifest
    from fhir_case.documents.paths import PassedOver
    from fhir_case.fhir.models import FhirVersion
    from fhir_case.readers import Reader

    Found = TypeVar("Found")
    Read = Callable[..., Iterator[Found]]
    ReadCases = Callable[[Path, Reader], Iterator[tuple[str, BundleOfCase]]]

__all__ = ["digest", "files_led_to", "find_documents", "find_texts"]

_LINES = (".ndjson", ".jsonl")
_ENCRYPTED = 0x1
# zipfile decompresses bzip2 and LZMA members without a bound for the memory.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def find_documents(
    path: Path,
    *,
    keep_raw: bool = False,
    checked: bool = False,
    fhir: FhirVersion = "R4",
    passed_over: PassedOver = not_noted,
) -> Iterator[Document]:
    """
    Read a file, a case file too, a zip archive, or everything under a directory.

    Of a directory or archive, the ``.json``, ``.ndjson`` and ``.jsonl`` files are read, each also as ``.gz`` or
    ``.bz2``, and what is FHIR in JSON under another name; of a directory also the archives. An archive without any is
    one document that says so. Of an export, the files that its manifest names are read, and what is wrong with them by
    the manifest is a document each at the end.

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
    passed_over: PassedOver = not_noted,
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
    manifests: list[Manifest] = []
    files = find_files(path, passed_over, manifests.append)
    documents = chain.from_iterable(_of_file(file, read, read_cases, passed_over) for file in files)
    first = next(documents, None)
    if first is not None:
        yield first
        yield from documents
    elif not path.is_dir() and not manifests:
        yield unread(shown(path), "there is no .json or .ndjson file in this archive")
    for manifest in manifests:
        yield from (unread(problem.where, problem.message) for problem in manifest.problems())


def digest(paths: Iterable[Path]) -> Iterator[tuple[Path, int, str]]:
    """
    Return every file that `find_documents` reads, with its size in bytes and SHA-256, and those that it leads to, once.

    Pipes and devices are skipped, since they can be read only once.

    Raises:
        FhirCaseError: A file cannot be read.
    """
    named = chain.from_iterable(find_files(path) for path in paths)
    for file in dict.fromkeys(chain.from_iterable(_read_for(path) for path in named)):
        try:
            if file.exists() and not file.is_file():
                continue
            with file.open("rb") as stream:
                checksum = hashlib.file_digest(stream, "sha256").hexdigest()
                yield file, stream.tell(), checksum
        except OSError as error:
            raise FhirCaseError(f"this cannot be read: {error.strerror or error}", where=str(file)) from None


def files_led_to(paths: Iterable[Path]) -> dict[Path, Path]:
    """Return each file that is read only because another leads to it, as a recipe to its tables, and the other."""
    return {file: path for path in paths for file in _read_for(path) if file != path}


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
            if path.suffix.lower() == ARCHIVE or stream.peek(4).startswith(ARCHIVE_BEGINS):
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
    except BROKEN_ARCHIVE as error:
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
    except BROKEN_ARCHIVE as error:
        return reason_of(error)
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
    except BROKEN_ARCHIVE as error:
        return reason_of(error)


def _of_stream(stream: BufferedReader, source: str, read: Read[Found]) -> Iterator[Found | Document]:
    try:
        with decompressed(stream) as content:
            yield from read(content, source, lines=decompressed_name(source).lower().endswith(_LINES))
    except BROKEN as error:
        yield _broken(source, error)


def _broken(source: str, error: Exception) -> Document:
    return unread(source, reason_of(error))

"""What a file in a folder or archive is, as its first bytes say, whatever its ending."""

from __future__ import annotations

import bz2
import gzip
import re
import struct
import zipfile
import zlib
from io import BufferedReader, RawIOBase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = [
    "ARCHIVE_BEGINS",
    "BROKEN",
    "BROKEN_ARCHIVE",
    "BZIP2_BEGINS",
    "GZIP_BEGINS",
    "PEEKED",
    "decompressed",
    "decompressed_name",
    "is_document",
    "reason_of",
    "why_not",
]

ARCHIVE_BEGINS = (b"PK\x03\x04", b"PK\x05\x06")
GZIP_BEGINS = b"\x1f\x8b"
BZIP2_BEGINS = b"BZh"
PEEKED = 65_536
"""How many bytes of a file are looked at."""

BROKEN = (OSError, EOFError, zlib.error, zipfile.BadZipFile)
"""What is raised for a compressed file that is broken."""

BROKEN_ARCHIVE = (*BROKEN, ValueError, RuntimeError, struct.error)
"""What is raised for an archive that is broken."""

_DOCUMENTS = (".json", ".ndjson", ".jsonl")
_COMPRESSED = (".gz", ".bz2")
_ALWAYS_UNPACKED = 64 * 2**20
_MOST_TIMES = 500  # FHIR of a cohort whose patients are alike is packed to a 130th by bzip2; a bomb to a 1000th by gzip
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_RESOURCE = re.compile(rb'"resourceType"\s*:')
_TAR = slice(257, 262)


def is_document(name: str) -> bool:
    """Whether a name ends like a document, compressed or not, in small or capital letters."""
    return decompressed_name(name).lower().endswith(_DOCUMENTS)


def decompressed_name(name: str) -> str:
    """Return a name without the ending of a compressed file."""
    path = PurePosixPath(name)
    return path.stem if path.suffix.lower() in _COMPRESSED else name


def decompressed(stream: BufferedReader) -> BufferedReader:
    """
    Return what is in a stream that may be compressed, as another stream, to be closed.

    Reading it raises an `OSError` as soon as it is larger than `_ALWAYS_UNPACKED` and `_MOST_TIMES` its packed size.
    """
    begin = stream.peek(3)
    if not begin.startswith((GZIP_BEGINS, BZIP2_BEGINS)):
        return stream
    return BufferedReader(_Unpacked(stream, packed_by_gzip=begin.startswith(GZIP_BEGINS)), PEEKED)


class _Counted:
    """A compressed stream, which may be a pipe that cannot tell its position, with how many bytes were read of it."""

    def __init__(self, stream: BufferedReader) -> None:
        self._stream = stream
        self.count = 0

    def read(self, size: int = -1) -> bytes:
        """Return at most so many bytes."""
        part = self._stream.read(size)
        self.count += len(part)
        return part


class _Unpacked(RawIOBase):
    """The content of a compressed stream, up to what no honest file is packed to."""

    def __init__(self, stream: BufferedReader, *, packed_by_gzip: bool) -> None:
        self._packed, self._unpacked = _Counted(stream), 0
        packed = cast("BufferedReader", self._packed)  # both only read from it
        self._content = gzip.GzipFile(fileobj=packed, mode="rb") if packed_by_gzip else bz2.BZ2File(packed)

    def readable(self) -> bool:
        """Return true, so that it can be buffered."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read into a buffer, as of a file."""
        view = memoryview(buffer)
        part = self._content.read(len(view))
        view[: len(part)] = part
        self._unpacked += len(part)
        if self._unpacked > max(_ALWAYS_UNPACKED, _MOST_TIMES * self._packed.count):
            raise OSError(f"it unpacks to more than {_MOST_TIMES} times its size; unpack it first if that is right")
        return len(part)

    def close(self) -> None:
        """Close what unpacks it; the compressed stream stays open."""
        self._content.close()
        super().close()


def reason_of(error: Exception) -> str:
    """Return why something could not be read; EOFError may have no text."""
    return f"this could not be read: {str(error) or 'it ends too early'}"


def why_not(begin: bytes) -> str:
    """
    Return why what begins so is no document; empty when it is one.

    Args:
        begin: The first bytes, at most `PEEKED` of them.
    """
    packed = begin.startswith((GZIP_BEGINS, BZIP2_BEGINS))
    text = _decompressed(begin) if packed else begin
    if text[_TAR] == b"ustar":
        return "a tar archive, which is not read: unpack it, or make it a zip archive"
    start = text.removeprefix(_BYTE_ORDER_MARK).lstrip()[:1]
    if not start:
        return "compressed, and not readable" if packed else "empty"
    if start == b"<":
        return "XML of FHIR, and only JSON is read" if b"http://hl7.org/fhir" in text else "XML or HTML"
    if start != b"{":
        return "neither JSON of FHIR nor an archive of it"
    return "" if _RESOURCE.search(text) else "JSON without a resourceType"


def _decompressed(begin: bytes) -> bytes:
    """Return the begin of what is compressed; nothing when it is broken."""
    try:
        if begin.startswith(GZIP_BEGINS):
            return zlib.decompressobj(wbits=31).decompress(begin, PEEKED)
        return bz2.BZ2Decompressor().decompress(begin, PEEKED)
    except (zlib.error, OSError, EOFError):
        return b""

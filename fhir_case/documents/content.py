"""What a file in a folder or archive is, as its first bytes say, whatever its ending."""

from __future__ import annotations

import bz2
import gzip
import re
import struct
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from io import BufferedReader

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


def decompressed(stream: BufferedReader) -> BufferedReader | gzip.GzipFile | bz2.BZ2File:
    """Return what is in a stream that may be compressed, as another stream, to be closed."""
    begin = stream.peek(3)
    if begin.startswith(GZIP_BEGINS):
        return gzip.GzipFile(fileobj=stream)
    return bz2.BZ2File(stream) if begin.startswith(BZIP2_BEGINS) else stream


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

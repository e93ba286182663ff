"""What a file in a folder or archive is, as its first bytes say, whatever its ending."""

from __future__ import annotations

import bz2
import re
import zlib
from pathlib import PurePosixPath

__all__ = ["ARCHIVE_BEGINS", "BZIP2_BEGINS", "GZIP_BEGINS", "PEEKED", "decompressed_name", "is_document", "why_not"]

ARCHIVE_BEGINS = (b"PK\x03\x04", b"PK\x05\x06")
GZIP_BEGINS = b"\x1f\x8b"
BZIP2_BEGINS = b"BZh"
PEEKED = 65_536
"""How many bytes of a file are looked at."""

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

"""
Read FHIR JSON from a stream: one document, or NDJSON; what is not valid JSON is a finding.

Nothing here raises for bad content or takes memory without bound: NDJSON is read line by line, and a document or line
may not be longer than `MAXIMUM_BYTES`, nor have more values than `MAXIMUM_OBJECTS` and `MAXIMUM_COMMAS` allow.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from fhir_case.documents.document import Document, Text, json_issue, unread
from fhir_case.fhir import wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import BufferedIOBase
    from typing import BinaryIO

    from fhir_case.issues import Issue

    ByteStream = BinaryIO | BufferedIOBase

__all__ = ["MAXIMUM_BYTES", "read_document", "read_documents", "read_texts"]

MAXIMUM_BYTES = 256 * 2**20
"""The longest document, or line of NDJSON, that is read."""

MAXIMUM_OBJECTS = 5_000_000
"""The most objects and lists of a document: empty ones take twenty times the memory of their text."""

MAXIMUM_COMMAS = 20_000_000
"""The most commas of a document, in texts too: each may stand for a value."""

_BYTES_AT_A_TIME = 2**20
_MAX_DIGITS = 1000
_MAX_BLANK_LINES = 100_000
_LARGE_EXPONENT = re.compile(r"[eE][+-]?0*([0-9]{4,})$")
_TOO_MANY_DIGITS = f"a number has more than {_MAX_DIGITS} digits"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_document(
    text: bytes, source: str, line: int = 0, *, keep_raw: bool = False, checked: bool = False
) -> Document:
    """
    Read one document from its bytes.

    Args:
        text: The bytes.
        source: Their name in the results.
        line: Their line there; 0 for a file that is one document.
        keep_raw: Whether to keep the bytes.
        checked: Whether they were read before without errors: then duplicate names and numbers that are too long are
            not looked for, which is faster.
    """
    problem = _not_json(text)
    if problem:
        document = unread(source, problem, line)
    else:
        content, issues = _content(text, checked=checked)
        document = Document(source, line, content, tuple(issues))
    if not keep_raw or len(text) > MAXIMUM_BYTES:
        return document
    return replace(document, raw=text.removeprefix(_BYTE_ORDER_MARK))


def read_documents(
    stream: ByteStream, source: str, *, lines: bool = False, keep_raw: bool = False, checked: bool = False
) -> Iterator[Document]:
    """
    Read a stream: one document, or NDJSON, also when the first line is a document and others follow.

    Args:
        stream: What to read.
        source: Its name in the results.
        lines: Whether it is known to be NDJSON.
        keep_raw: Whether to keep the bytes of each document.
        checked: Whether everything was read before without errors, see `read_document`.
    """
    read = partial(read_document, keep_raw=keep_raw, checked=checked)
    for one in read_texts(stream, source, lines=lines, read=read):
        yield read(*one) if isinstance(one, Text) else one


def read_texts(
    stream: ByteStream, source: str, *, lines: bool = False, read: Callable[..., Document] = read_document
) -> Iterator[Document | Text]:
    """
    Divide a stream into its documents as `read_documents` does, without reading them.

    Only what had to be read to recognise NDJSON is a document, and so is an empty stream.

    Args:
        stream: What to divide.
        source: Its name in the results.
        lines: Whether it is known to be NDJSON.
        read: Reads what has to be read.
    """
    number, line = _next_line(stream)
    if not line:
        yield Document(source, 0, None, (json_issue("this is empty"),))
        return
    if not lines:
        following = stream.readline(MAXIMUM_BYTES + 1) if _may_be_whole(line) else None
        document = read(line, source) if following else None
        if document is None or document.content is None:
            begin = line + (following or b"")
            yield Text(begin + _rest(stream, MAXIMUM_BYTES + 1 - len(begin)), source)
            return
        step, line = _next_line(stream, following)
        yield replace(document, line=number) if line else document
        number += step
    while line:
        yield Text(line, source, number)
        if len(line) > MAXIMUM_BYTES:
            return  # what follows is the rest of a line
        step, line = _next_line(stream)
        number += step


def _next_line(stream: ByteStream, following: bytes | None = None) -> tuple[int, bytes]:
    """
    Return the next line that is not blank, and how many lines further it is.

    The line is empty at the end, and after very many blank lines.

    Args:
        stream: What to read.
        following: The line that was read before; None when there is none.
    """
    for step in range(1, _MAX_BLANK_LINES):
        line = stream.readline(MAXIMUM_BYTES + 1) if following is None or step > 1 else following
        if not line or line.strip() or len(line) > MAXIMUM_BYTES:
            return step, line
    return 0, b""


def _may_be_whole(line: bytes) -> bool:
    begin = line.removeprefix(_BYTE_ORDER_MARK).lstrip()
    return line.endswith(b"\n") and begin.startswith(b"{") and line.rstrip().endswith(b"}")


def _rest(stream: ByteStream, size: int) -> bytes:
    """Return at most so many bytes, read in portions: a stream may allocate as many as it is asked for."""
    parts = []
    while size > 0 and (part := stream.read(min(size, _BYTES_AT_A_TIME))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _content(text: bytes, *, checked: bool) -> tuple[dict[str, Any] | None, list[Issue]]:
    """Return the JSON object in a text, or None, and what is wrong with it."""
    issues = []
    if text.startswith(_BYTE_ORDER_MARK):
        issues.append(json_issue("the text begins with a byte order mark, which JSON does not have", "warning"))
        text = text.removeprefix(_BYTE_ORDER_MARK)
    duplicates: set[str] = set()
    try:
        content = wire.parse(text) if checked else _parse(text, duplicates)
    except RecursionError:
        return None, [json_issue("objects or lists are nested too deep")]
    except ValueError as error:
        return None, [json_issue(_reason(error))]
    except ArithmeticError:  # a decimal whose exponent is too large, in a file that was changed since it was checked
        return None, [json_issue(_TOO_MANY_DIGITS)]
    issues += [
        json_issue(f"the name '{name}' is in one object twice; the first value is lost") for name in sorted(duplicates)
    ]
    if not isinstance(content, dict):
        return None, [*issues, json_issue("this is JSON, but not an object: a resource or a Bundle is expected")]
    return content, issues


def _parse(text: bytes, duplicates: set[str]) -> Any:
    """Return JSON with exact decimals, and collect the duplicate names of objects."""

    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        built = dict(pairs)
        if len(built) != len(pairs):
            duplicates.update(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        return built

    return json.loads(text.decode(), object_pairs_hook=build, parse_float=_decimal, parse_constant=_no_constant)


def _not_json(text: bytes) -> str:
    """Return why a text is not JSON, from how it begins; empty when it may be."""
    if len(text) > MAXIMUM_BYTES:
        return f"this is longer than {MAXIMUM_BYTES >> 20} MiB, the most that is read at once"
    # A shorter text cannot have so many, and counting takes time.
    many = len(text) > min(MAXIMUM_OBJECTS, MAXIMUM_COMMAS)
    if many and (text.count(b"{") + text.count(b"[") > MAXIMUM_OBJECTS or text.count(b",") > MAXIMUM_COMMAS):
        return f"this has more values than are read at once: {MAXIMUM_OBJECTS:,} objects and lists"
    begin = text.lstrip()[:200]
    if text.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in text[:4]:
        return "this is UTF-16 or UTF-32; JSON is UTF-8"
    if begin.removeprefix(_BYTE_ORDER_MARK).lstrip().startswith(b"<"):
        return "this is XML or HTML, and only JSON is checked"
    if text[257:262] == b"ustar":
        return "this is a tar archive: unpack it, or make it a zip archive"
    return "" if begin else "this is empty"


def _decimal(text: str) -> Decimal:
    """Return a decimal; one with very many digits would take memory and time without bound."""
    if len(text) > _MAX_DIGITS or ("e" in text.lower() and _LARGE_EXPONENT.search(text)):
        raise ValueError(_TOO_MANY_DIGITS)
    return Decimal(text)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number in JSON")


def _reason(error: ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"this is not UTF-8: {error.reason} at byte {error.start}"
    if isinstance(error, json.JSONDecodeError):
        if error.pos >= len(error.doc.rstrip()):
            return f"this is not complete JSON: it ends at line {error.lineno}, column {error.colno}"
        return f"this is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
    text = str(error)
    return _TOO_MANY_DIGITS if "Exceeds the limit" in text else text

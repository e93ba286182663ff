"""
Read FHIR JSON of any origin: files, directories, NDJSON, gzip, streams; and say what is no JSON as a finding.

Nothing here raises for bad content or takes memory without bound: NDJSON is read line by line, and what is read at
once, a document or a line, may not be longer than `MAXIMUM_BYTES`, also after decompression.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

from fhir_case.issues import CheckRun, Issue
from fhir_case.validation.case_file import SUFFIXES, read_case_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["MAXIMUM_BYTES", "Document", "find_documents", "read_document", "read_documents"]

MAXIMUM_BYTES = 256 * 2**20
"""The longest document, or line of NDJSON, that is read."""

_MOST_DIGITS = 1000
_MOST_BLANK_LINES = 100_000
_TOO_MANY_DIGITS = f"a number has more than {_MOST_DIGITS} digits"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SUFFIXES = (".json", ".ndjson", ".jsonl")


class ByteStream(Protocol):
    """Give bytes, all or by line."""

    def read(self, size: int, /) -> bytes:
        """Give at most so many bytes."""
        ...

    def readline(self, size: int, /) -> bytes:
        """Give the rest of a line, at most so many bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Document:
    """
    Hold one document that was read.

    Args:
        source: The file it is from, or ``-``.
        line: Its line in NDJSON; 0 for a file that is one document.
        content: The JSON object; None when there is none.
        issues: What is wrong with it as JSON.
        unread: Why it could not even be told whether it is JSON; empty when it could.
        places: For a case file: the place of the entry behind each ``Type/id`` of its Bundle.
        form: What it was read as, ``json`` or ``case``.
    """

    source: str
    line: int = 0
    content: dict[str, Any] | None = None
    issues: tuple[Issue, ...] = ()
    unread: str = ""
    places: Mapping[str, str] = field(default_factory=dict)
    form: str = "json"

    @property
    def run(self) -> CheckRun:
        """Say whether it was checked to be JSON, or a case."""
        return CheckRun(self.form, "could not run", self.unread) if self.unread else CheckRun(self.form, "ran")

    @property
    def name(self) -> str:
        """Name the document as an editor does: the file, and the line in NDJSON."""
        return f"{self.source}:{self.line}" if self.line else self.source


def find_documents(path: Path) -> Iterator[Document]:
    """Read a file, a case file too, or all ``.json`` and ``.ndjson`` files under a directory, each also as ``.gz``."""
    if path.is_dir():
        for one in sorted(path.rglob("*")):
            if one.is_file() and not one.name.startswith(".") and one.name.removesuffix(".gz").endswith(_SUFFIXES):
                yield from find_documents(one)
        return
    if path.suffix in SUFFIXES:
        bundle, places, issues = read_case_file(path)
        yield Document(str(path), 0, bundle, issues, places=places, form="case")
        return
    name = path.name.removesuffix(".gz")
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            with gzip.GzipFile(fileobj=raw) if packed else raw as stream:
                yield from read_documents(stream, str(path), lines=name.endswith((".ndjson", ".jsonl")))
    except (OSError, EOFError, zlib.error) as error:
        yield _unread(str(path), 0, f"this could not be read: {error}")


def read_documents(stream: ByteStream, source: str, *, lines: bool = False) -> Iterator[Document]:
    """
    Read a stream: one document, or NDJSON when told so, or when the first line is a document and others follow.

    Args:
        stream: What to read.
        source: Its name in the results.
        lines: Whether it is NDJSON for certain.
    """
    number, first = _next_line(stream)
    if not first:
        yield _refused(source, 0, "this is empty")
        return
    if lines or (first.endswith(b"\n") and _is_object(first)):
        step, second = _next_line(stream)
        if not lines and not second:
            yield read_document(first, source)
            return
        yield read_document(first, source, number)
        while second:
            number += step
            yield read_document(second, source, number)
            if len(second) > MAXIMUM_BYTES:
                return  # what follows is the rest of a line
            step, second = _next_line(stream)
        return
    rest = b"" if len(first) > MAXIMUM_BYTES else stream.read(MAXIMUM_BYTES + 1 - len(first))
    yield read_document(first + rest, source)


def _next_line(stream: ByteStream) -> tuple[int, bytes]:
    """
    Give the next line that is not blank, and how many lines further it is.

    The line is empty at the end, and when nothing but blank lines seems to come.
    """
    for step in range(1, _MOST_BLANK_LINES):
        line = stream.readline(MAXIMUM_BYTES + 1)
        if not line or line.strip() or len(line) > MAXIMUM_BYTES:
            return step, line
    return 0, b""


def _is_object(text: bytes) -> bool:
    if not text.lstrip().startswith(b"{") or not text.rstrip().endswith(b"}"):
        return False
    return read_document(text, "").content is not None


def read_document(text: bytes, source: str, line: int = 0) -> Document:
    """Read one document from its bytes."""
    problem = _not_json(text)
    if problem:
        return _unread(source, line, problem)
    issues = []
    if text.startswith(_BYTE_ORDER_MARK):
        issues.append(_issue("the text begins with a byte order mark, which JSON does not have", "warning"))
    twice: set[str] = set()
    try:
        content = _parse(text.removeprefix(_BYTE_ORDER_MARK), twice)
    except RecursionError:
        return _refused(source, line, "objects or lists are nested too deep")
    except ValueError as error:
        return _refused(source, line, _trouble(error))
    issues += [
        _issue(f"the name '{name}' stands twice in one object; the first value is lost") for name in sorted(twice)
    ]
    if not isinstance(content, dict):
        issues.append(_issue("this is JSON, but no object: a resource or a Bundle is expected"))
        content = None
    return Document(source, line, content, tuple(issues))


def _parse(text: bytes, twice: set[str]) -> Any:
    """Read JSON with exact decimals, and collect the names that stand twice in one object."""

    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        built = dict(pairs)
        if len(built) != len(pairs):
            twice.update(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        return built

    return json.loads(text.decode(), object_pairs_hook=build, parse_float=_decimal, parse_constant=_no_constant)


def _not_json(text: bytes) -> str:
    """Tell other formats by how they begin."""
    if len(text) > MAXIMUM_BYTES:
        return f"this is longer than {MAXIMUM_BYTES >> 20} MiB, the most that is read at once"
    begin = text[:200].lstrip()
    if text.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in text[:4]:
        return "this is UTF-16 or UTF-32; JSON is UTF-8"
    if begin.removeprefix(_BYTE_ORDER_MARK).lstrip().startswith(b"<"):
        return "this is XML or HTML, and only JSON is checked"
    return "" if begin else "this is empty"


def _decimal(text: str) -> Decimal:
    """Read a decimal; one that nobody could have measured would take memory and time without bound."""
    exponent = re.search(r"[eE][+-]?0*([0-9]{4,})$", text)
    if len(text) > _MOST_DIGITS or exponent:
        raise ValueError(_TOO_MANY_DIGITS)
    return Decimal(text)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number in JSON")


def _trouble(error: ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"this is not UTF-8: {error.reason} at byte {error.start}"
    if isinstance(error, json.JSONDecodeError):
        if error.pos >= len(error.doc.rstrip()):
            return f"this is not complete JSON: it ends at line {error.lineno}, column {error.colno}"
        return f"this is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
    text = str(error)
    return _TOO_MANY_DIGITS if "Exceeds the limit" in text else text


def _issue(message: str, severity: Any = "error") -> Issue:
    return Issue(severity, "json", message, code="structure")


def _refused(source: str, line: int, message: str) -> Document:
    return Document(source, line, None, (_issue(message),))


def _unread(source: str, line: int, message: str) -> Document:
    return Document(source, line, None, (Issue("error", "json", message, code="not-supported"),), unread=message)

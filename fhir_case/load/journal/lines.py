"""
Read the lines of a journal file, each checked: the file may have been cut off, edited or mixed up.

What a line says is never taken further than what a load writes: a place on the server is ``Type/id`` and no query.
"""

from __future__ import annotations

import json
import re
import stat
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from fhir_case.errors import FhirCaseError
from fhir_case.fhir import wire
from fhir_case.fhir.references import is_stored_name
from fhir_case.load.journal.entry import STATES, JournalEntry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from fhir_case.load.journal.record import Sent

__all__ = [
    "Line",
    "LineError",
    "entry_of",
    "lines",
    "names_of",
    "number_of",
    "sent_of",
    "stored_name_of",
    "text_of",
    "there_of",
    "versions_of",
]

Line = dict[str, Any]

_LONGEST = 256_000_000  # bytes; the names of a million entries take a tenth of it
_FIELDS = {each.name: (int if each.name in ("status", "position") else str) for each in fields(JournalEntry)}
_REFERENCES = ("", "open", "filled")
_METHODS = ("PUT", "POST", "DELETE")
_KINDS = (
    "sending", "request", "answered", "not_done", "awaited", "placeholder", "duplicate", "stray", "finished", "undone",
    "looked_up",
)  # fmt: skip
_TYPE = re.compile(r"[A-Z][A-Za-z]+")


class LineError(ValueError):
    """What is wrong with a line."""


def lines(path: Path) -> Iterator[tuple[int, Line]]:
    """
    Return each line with its number, from 1; one at the end that was cut off is left out.

    Raises:
        FhirCaseError: The file cannot be read, or is not a journal.
    """
    number = 0
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise FhirCaseError("this is not a file", where=str(path))
        with path.open("rb") as file:
            while text := file.readline(_LONGEST):
                number += 1
                if not text.endswith(b"\n"):
                    if len(text) == _LONGEST:
                        raise LineError("it is too long")
                    return  # the process ended while it was written
                yield number, _checked(text, number)
    except OSError as error:
        raise FhirCaseError(f"it cannot be read: {error.strerror}", where=str(path)) from error
    except (ValueError, RecursionError, ArithmeticError) as error:
        what = "this is not the journal of an upload" if number <= 1 else f"this journal is damaged in line {number}"
        raise FhirCaseError(f"{what}: {error}", where=str(path)) from error


def _checked(text: bytes, number: int) -> Line:
    line = wire.parse(text)
    if not isinstance(line, dict):
        raise LineError("it is not a JSON object")
    if b"\\u" in text:
        # Half of a surrogate pair cannot be written again, but for bytes in the names of files that are not UTF-8.
        json.dumps(line, ensure_ascii=False, default=str).encode(errors="surrogateescape")
    if number > 1 and "journal" in line:
        raise LineError("another journal begins here")
    if number > 1 and not any(kind in line for kind in _KINDS):
        raise LineError("no journal has such a line")
    return line


def text_of(line: Line, name: str, default: str | None = None) -> str:
    """Return a text of a line."""
    value = line.get(name, default)
    if not isinstance(value, str):
        raise LineError(f"{name} is not a text")
    return value


def number_of(line: Line, name: str) -> int:
    """Return a number of a line, which is not negative."""
    value = line.get(name)
    if type(value) is not int or not 0 <= value < 2**53:  # a bool is an int too
        raise LineError(f"{name} is not a number from 0")
    return value


def stored_name_of(line: Line, name: str) -> str:
    """Return ``Type/id`` on the server; nothing else may be read or deleted."""
    value = text_of(line, name)
    if not is_stored_name(value):
        raise LineError(f"{name} is not Type/id of a resource")
    return value


def there_of(line: Line) -> tuple[str, ...] | None:
    """Return ``Type/id`` of what had the identifiers of a request before; None where the line does not say."""
    if "there" not in line:
        return None
    value = line["there"]
    if not isinstance(value, list) or not all(isinstance(each, str) and is_stored_name(each) for each in value):
        raise LineError("there is not a list of Type/id")
    return tuple(value)


def versions_of(line: Line) -> dict[str, str] | None:
    """Return the version that ``Type/id`` had before a request; None where the line does not say."""
    value = line.get("versions")
    if value is None:
        return None
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise LineError("versions is not a JSON object of texts")
    if not all(map(is_stored_name, value)):
        raise LineError("versions does not name Type/id of a resource")
    return value


def names_of(line: Line, name: str) -> tuple[str, ...]:
    """Return the resource types of a line; none where it has none."""
    value = line.get(name, [])
    if not isinstance(value, list) or not all(isinstance(each, str) and _TYPE.fullmatch(each) for each in value):
        raise LineError(f"{name} is not a list of resource types")
    return tuple(value)


def sent_of(line: Line) -> Sent:
    """Return the entries of a request, each a document and positions in it."""
    value = line.get("entries")
    if not isinstance(value, list) or not all(map(_is_sent, value)):
        raise LineError("entries is not a list of documents and positions")
    return tuple((source, tuple(positions)) for source, positions in value)


def _is_sent(value: object) -> bool:
    if not isinstance(value, list) or len(value) != 2:
        return False
    source, positions = value
    return isinstance(source, str) and isinstance(positions, list) and _are_positions(positions)


def _are_positions(values: Sequence[object]) -> bool:
    return all(type(each) is int and 0 <= each < 2**53 for each in values)


def entry_of(line: Line) -> JournalEntry:
    """Return what became of one resource."""
    for name in ("resource", "method", "status", "state"):
        if name not in line:
            raise LineError(f"it has no {name}")
    values = {name: line[name] for name in _FIELDS if name in line}
    for name, value in values.items():
        if type(value) is not _FIELDS[name]:
            raise LineError(f"{name} has another type of value")
    entry = JournalEntry(**values)
    if (
        entry.state not in STATES
        or entry.references not in _REFERENCES
        or entry.method not in ("PUT", "POST", "DELETE")
    ):
        raise LineError("state, references or method is none that there is")
    if not (0 <= entry.status < 1000 and 0 <= entry.position < 2**53):
        raise LineError("status or position is none that there is")
    if entry.stored_as and not is_stored_name(entry.stored_as):
        raise LineError("stored_as is not Type/id of a resource")
    return entry

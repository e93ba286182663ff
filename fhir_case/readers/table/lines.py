"""Read the lines of a text in any encoding, one at a time and counted, each of bounded length."""

from __future__ import annotations

import codecs
import io
from typing import TYPE_CHECKING

from fhir_case.errors import CaseError

if TYPE_CHECKING:
    from typing import BinaryIO

__all__ = ["Lines", "is_encoding"]

_MOST_BYTES = 20_000_000
_CHUNK = 1_000_000
_HEAD = 65_536
_MARKS = ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_WIDE = ("utf-16", "utf-32")


def is_encoding(name: str) -> bool:
    """Whether Python knows an encoding of text by this name."""
    try:
        "".encode(name)  # refuses those that are no encodings of text, such as rot13
        "x".encode(name).decode(name)
    except (LookupError, ValueError):
        return False
    return True


class Lines:
    """
    The lines of a text.

    Args:
        file: The file.
        name: Its name for messages.
        encoding: Its encoding, of which `is_encoding` is true.

    Attributes:
        number: How many lines were read.
    """

    def __init__(self, file: BinaryIO, name: str, encoding: str) -> None:
        self.number = 0
        self._file = file
        self._name = name
        self._encoding = encoding
        head = file.read(_HEAD)
        file.seek(0)
        told = codecs.lookup(encoding).name
        for mark, actual in _MARKS:
            if head.startswith(mark) and not told.startswith(actual):
                hint = f"write 'encoding: {actual}' in the recipe, or save it as UTF-8"
                raise CaseError(f"the table is written in {actual.upper()}", where=f"{name}:1", hint=hint)
        # Lines of UTF-8 are read as bytes, so that a wrong byte has its line; a lone CR is the end of one of old Macs.
        self._text: io.TextIOWrapper | None = None
        if told != "utf-8" or (b"\r" in head and b"\n" not in head):
            self._text = io.TextIOWrapper(file, "utf-8-sig" if told == "utf-8" else encoding, newline="")
        elif head.startswith(codecs.BOM_UTF8):
            file.seek(3)

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        line = self._next()
        if not line:
            raise StopIteration
        self.number += 1
        return line

    def close(self) -> None:
        """Leave the file to whoever opened it."""
        if self._text is not None:
            self._text.detach()
            self._text = None

    def skip(self, count: int) -> None:
        """Pass over lines that are no rows."""
        for _ in range(count):
            next(self, None)

    def _next(self) -> str:
        try:
            if self._text is not None:
                line = self._text.readline(_MOST_BYTES + 1)
                size = len(line)
            else:
                raw = self._file.readline(_MOST_BYTES + 1)
                size = len(raw)
                line = raw.decode() if size <= _MOST_BYTES else ""
        except UnicodeError as error:
            raise self._not_text(error) from None
        where = f"{self._name}:{self.number + 1}"
        if size > _MOST_BYTES:
            what = f"a line has more than {_MOST_BYTES:,} {'bytes' if self._text is None else 'characters'}"
            raise CaseError(what, where=where, hint="is it text?")
        if "\0" in line:
            raise CaseError("holds a NUL character", where=where, hint="save the table as UTF-8")
        return line

    def _not_text(self, error: UnicodeError) -> CaseError:
        hint = "write its encoding in the recipe, such as 'encoding: cp1252', or save it as UTF-8"
        if not isinstance(error, UnicodeDecodeError):  # UTF-16 without a mark, for example
            return CaseError(f"not {self._encoding.upper()}: {error}", where=self._name, hint=hint)
        line = self.number + 1
        if self._text is not None and not codecs.lookup(self._encoding).name.startswith(_WIDE):
            line = self._line_of(self._file.tell() - len(error.object) + error.start)
        what = f"not {self._encoding.upper()}: the byte 0x{error.object[error.start]:02X}"
        return CaseError(what, where=f"{self._name}:{line}", hint=hint)

    def _line_of(self, byte: int) -> int:
        """Return the line of a byte: text is decoded in pieces, of which one has many lines."""
        self._file.seek(0)
        ends = returns = 0
        while byte > 0 and (chunk := self._file.read(min(byte, _CHUNK))):
            ends += chunk.count(b"\n")
            returns += chunk.count(b"\r")
            byte -= len(chunk)
        return (ends or returns) + 1

"""Get the text of a case file: bounded in size, UTF-8, and clear about anything else."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from fhir_case.errors import CaseError
from fhir_case.wording import did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["MAX_BYTES", "decode", "read_bytes"]

MAX_BYTES = 1_000_000
"""A long case has 30 kB; a megabyte of YAML takes seconds to read, more would look like a hang."""

_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_SAVE_AS = "save the file as UTF-8"

# YAML 1.1 took these for line ends, YAML 1.2 and editors do not: left alone, lines would be counted wrong.
_NO_LINE_ENDS = re.compile("[\x85\u2028\u2029]")


def read_bytes(path: Path) -> bytes:
    """
    Read a file that may be a case file.

    Raises:
        CaseError: There is no such file, it may not be read, is a folder, or is larger than `MAX_BYTES`.
    """
    where = str(path)
    try:
        if path.is_dir():
            raise CaseError("this is a folder, not a case file", where=where, hint="name a file in it")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise _too_large(size, where)
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise CaseError("there is no such file", where=where, hint=_near_file(path)) from None
    except PermissionError:
        raise CaseError("the file may not be read", where=where, hint="check its permissions") from None
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else "") or str(error)
        raise CaseError(f"the file cannot be read: {reason}", where=where) from None
    if len(content) > MAX_BYTES:  # pipes and devices have no size beforehand
        raise _too_large(len(content), where)
    return content


def _too_large(size: int, where: str) -> CaseError:
    limit = f"{MAX_BYTES / 1e6:g} MB"
    shown = f"{size / 1e6:.1f} MB" if size >= MAX_BYTES + 50_000 else f"more than {limit}"
    return CaseError(f"the file has {shown}; a case has at most {limit}", where=where, hint="give one case a file")


def _near_file(path: Path) -> str:
    try:
        stems = {
            entry.stem: entry.name for entry in path.parent.iterdir() if entry.suffix in {".yaml", ".yml", ".json"}
        }
    except OSError:
        return f"there is no folder '{path.parent}' either"
    near = stems.get(path.stem) or next((name for stem, name in stems.items() if did_you_mean(path.stem, [stem])), "")
    return f"did you mean '{near}'?" if near else "check the path"


def decode(content: bytes | str, file: str) -> str:
    """
    Return the text of a case file.

    Raises:
        CaseError: The bytes are not UTF-8, hold a NUL, or are too many.
    """
    if len(content) > MAX_BYTES:
        raise _too_large(len(content), file)
    text = content if isinstance(content, str) else _from_bytes(content, file)
    text = text.removeprefix("\ufeff")
    if "\0" in text:
        raise CaseError("holds a NUL character", where=_place(text, text.index("\0"), file), hint=_SAVE_AS)
    return _NO_LINE_ENDS.sub(" ", text)


def _from_bytes(content: bytes, file: str) -> str:
    for mark, name in _MARKS:
        if content.startswith(mark):
            raise CaseError(f"the file is written in {name}", where=f"{file}:1:1", hint=_SAVE_AS)
    if b"\0" in content[:4] and len(content) > 3:
        raise CaseError("the file has NUL bytes, as UTF-16 has", where=f"{file}:1:1", hint=_SAVE_AS)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8").removeprefix("\ufeff")
        raise CaseError(
            f"not UTF-8: the byte 0x{content[error.start]:02X} at offset {error.start}",
            where=_place(before, len(before), file),
            hint=_SAVE_AS,
        ) from None


def _place(text: str, position: int, file: str) -> str:
    line = text.count("\n", 0, position) + 1
    return f"{file}:{line}:{position - text.rfind(chr(10), 0, position)}"

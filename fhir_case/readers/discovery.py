"""
Find the readers that installed packages offer, and the one that knows a file.

A package offers readers by an entry point of the group ``fhir_case.readers`` that names a tuple of `Reader`.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from fhir_case.errors import MappingError
from fhir_case.readers.protocol import Reader

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["HEAD_BYTES", "FoundReader", "discover_readers", "reader_of"]

HEAD_BYTES = 65_536
"""How many bytes of a file a reader sees to know its format."""

_GROUP = "fhir_case.readers"

FoundReader = tuple[Reader, str]
"""A reader, and the distribution with its version that offers it."""


@cache
def discover_readers() -> tuple[FoundReader, ...]:
    """
    Return every reader of the installed packages in the order in which they are asked, our own last.

    Raises:
        MappingError: One cannot be imported, is not a reader, or two have one name.
    """
    found: list[FoundReader] = []
    points = sorted(entry_points(group=_GROUP), key=lambda one: (one.name == "builtin", one.name, one.value))
    for point in points:
        origin = f"{point.dist.name} {point.dist.version}" if point.dist else point.value
        try:
            offered = point.load()
        except (Exception, SystemExit) as error:
            raise MappingError(
                f"the readers of {origin} cannot be imported: {type(error).__name__}: {error}",
                where=point.value,
                hint="mend or uninstall that package",
            ) from error
        for one in offered if isinstance(offered, tuple | list) else (offered,):
            if not isinstance(one, Reader):
                what = f"{one!r:.80} is not a Reader"
                raise MappingError(what, where=point.value, hint="offer a tuple of fhir_case.readers.Reader")
            other = next((before for reader, before in found if reader.name == one.name), "")
            if other:
                what = f"the reader '{one.name}' comes twice: from {other} and from {origin}"
                raise MappingError(what, hint="rename one of them, or leave one out")
            found.append((one, origin))
    return tuple(found)


def reader_of(path: Path) -> Reader | None:
    """Return the reader that knows the format of a file; None for one that is no case, or cannot be opened."""
    try:
        if not path.is_file():
            head = b""  # a pipe is read once, and a folder not at all: only the name can tell
        else:
            with path.open("rb") as file:
                head = file.read(HEAD_BYTES)
    except (OSError, ValueError):
        head = b""
    return next((reader for reader, _ in discover_readers() if reader.detect(head, path)), None)

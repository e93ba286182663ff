"""What a reader is: it knows the files of one format, and reads each case of one as a tree of located values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from fhir_case.case.node import Place
    from fhir_case.case.tree import Tree
    from fhir_case.errors import CaseError

__all__ = ["Reader", "Reading", "Unused"]


@dataclass(frozen=True, slots=True)
class Unused:
    """
    Something in a file that no entry of its case holds.

    Args:
        place: Where it stands.
        what: What it is, in the words of its format, with its value.
        why: Why it is not carried over.
        deliberate: Whether the user left it out, and gave that reason.
    """

    place: Place
    what: str
    why: str
    deliberate: bool = False

    def __str__(self) -> str:
        return f"{self.place}: {self.what}: {self.why}"


def _as_it_is(wrong: CaseError | None) -> CaseError | None:
    return wrong


@dataclass(frozen=True, slots=True)
class Reading:
    """
    One case of a file, before it is checked.

    Args:
        tree: The case as a case file has it, each value with its place in the file that was read, and what is wrong.
        unused: What was not carried over.
        name: The name of the case, where its file holds several; empty for a file of one case.
        checked: Called once with what is wrong with the case, None where it is right; returns what is to be said of it.
    """

    tree: Tree
    unused: tuple[Unused, ...] = ()
    name: str = ""
    checked: Callable[[CaseError | None], CaseError | None] = _as_it_is


def _itself(path: Path) -> Iterable[Path]:
    return (path,)


@dataclass(frozen=True, slots=True)
class Reader:
    """
    Read the files of one format as cases.

    What a reader reads is checked like a case file: unknown sections and short names, times, keys. A mistake has the
    place that the value has. Entries need a ``source`` and a ``key`` as in a case file; the reader makes them.

    Args:
        name: The name of the format, unique among the readers of a run.
        detect: Whether a file is of this format, from its first bytes (`HEAD_BYTES` at most) and its path.
        read: Returns the cases of a file, one at a time. Raises CaseError for a file that cannot be read as one.
        description: What it reads, one sentence without a full stop.
        several: Whether a file may hold several cases.
        files: Returns all files that are read for a path, where a file leads to others; their content is the input.
    """

    name: str
    detect: Callable[[bytes, Path], bool]
    read: Callable[[Path], Iterator[Reading]]
    description: str
    several: bool = False
    files: Callable[[Path], Iterable[Path]] = _itself

"""Find paths by names and patterns, and walk through folders: each of them once, also where links lead in circles."""

from __future__ import annotations

import glob
import os
from collections import deque
from fnmatch import fnmatchcase
from os import scandir
from pathlib import Path
from typing import TYPE_CHECKING

from fhir_case.errors import FhirCaseError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["expand", "walk"]

_ANY_DEPTH = "**"


def expand(patterns: Sequence[str]) -> list[Path]:
    """
    Return the paths behind names and patterns, in their order; those of one pattern are sorted.

    A name that exists is a path, whatever characters it has; any other is a pattern with ``*``, ``?``, ``[ab]``, or
    ``**`` for folders of any depth. What is in a directory that the same pattern matches is not returned again.

    Raises:
        FhirCaseError: One of them does not exist, or matches nothing.
    """
    return [path for pattern in patterns for path in _matches(pattern)]


def _matches(pattern: str) -> list[Path]:
    if os.path.exists(pattern):  # noqa: PTH110 - the method of Path raises for a name that is too long
        return [Path(pattern)]
    if not glob.has_magic(pattern):
        raise FhirCaseError("this does not exist", where=pattern)
    found = set(_matching(pattern))
    if not found:
        raise FhirCaseError("nothing matches this pattern", where=pattern, hint="** stands for folders of any depth")
    return sorted(one for one in found if found.isdisjoint(one.parents))


def walk(folder: Path) -> Iterator[tuple[Path, bool]]:
    """
    Return all that is below a folder, each with whether it is a folder, in the order of names.

    What is behind links to folders comes last, unless it was there before. A folder that cannot be read counts as a
    file, so that who reads it finds out why.
    """
    links = deque([folder])
    seen: set[tuple[int, int]] = set()
    while links:
        waiting = [(links.popleft(), True)]
        while waiting:
            path, is_folder = waiting.pop()
            if not is_folder:
                yield path, False
                continue
            try:
                stat = path.stat()
                if (place := (stat.st_dev, stat.st_ino)) in seen:
                    continue
                seen.add(place)
                inner = _inside(path, links)
            except OSError:
                yield path, False
                continue
            if path != folder:
                yield path, True
            waiting += inner


def _inside(folder: Path, links: deque[Path]) -> list[tuple[Path, bool]]:
    """Return what is in a folder, the last name first, and add the links to folders to those to follow."""
    found = []
    with scandir(folder) as entries:
        for entry in sorted(entries, key=lambda each: each.name, reverse=True):
            if entry.is_symlink() and entry.is_dir():
                links.append(folder / entry.name)
            else:
                found.append((folder / entry.name, entry.is_dir(follow_symlinks=False)))
    return found


def _matching(pattern: str) -> Iterator[Path]:
    """Return the paths that a pattern of a shell matches; ``**`` stands for folders of any depth."""
    parts = Path(pattern).parts
    if _ANY_DEPTH not in parts:
        yield from (Path(one) for one in glob.glob(pattern))  # noqa: PTH207 - that of Path takes relative ones
        return
    first = parts.index(_ANY_DEPTH)
    begin = str(Path(*parts[:first])) if first else "."
    for base in sorted(glob.glob(begin)) if glob.has_magic(begin) else [begin]:  # noqa: PTH207
        folder, length = Path(base), len(Path(base).parts)
        if folder.is_dir() and _match((), parts[first:]):
            yield folder
        for path, _ in walk(folder) if folder.is_dir() else ():
            if _match(path.parts[length:], parts[first:]):
                yield path


def _match(names: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether names of folders and a file match a pattern; a name with a dot before it only one that has it too."""
    reached = _with_any_depth({0}, pattern)
    for name in names:
        following = set()
        for position in reached:
            part = pattern[position] if position < len(pattern) else None
            if part == _ANY_DEPTH and not name.startswith("."):
                following.add(position)
            elif part is not None and (part.startswith(".") or not name.startswith(".")) and fnmatchcase(name, part):
                following.add(position + 1)
        reached = _with_any_depth(following, pattern)
    return len(pattern) in reached


def _with_any_depth(positions: set[int], pattern: Sequence[str]) -> set[int]:
    """Add the positions after each ``**``, which may stand for no folder at all."""
    found = set(positions)
    waiting = list(positions)
    for position in waiting:
        if position < len(pattern) and pattern[position] == _ANY_DEPTH and position + 1 not in found:
            found.add(position + 1)
            waiting.append(position + 1)
    return found

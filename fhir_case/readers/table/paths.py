"""Find the files of the tables of a recipe: in the folder of the data, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.case.node import Problem
from fhir_case.case.problems import case_error
from fhir_case.errors import CaseError
from fhir_case.wording import did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

    from fhir_case.readers.table.reading import CompiledRecipe

__all__ = ["table_paths"]


_Found = tuple[list["Path"], tuple[str, str] | None]
# It is not repeated, since it may hold a password.
_ADDRESS: _Found = (
    [],
    ("'path' is an address, and a recipe reads files", "download it, and let --data name its folder"),
)


def table_paths(compiled: CompiledRecipe, folder: Path) -> dict[str, list[Path]]:
    """
    Return the files of each table in a folder.

    Raises:
        CaseError: The folder is not there, or has no file for one of the tables, or one leads out of it.
    """
    if not folder.is_dir():
        raise CaseError("there is no such folder", where=str(folder), hint="--data names the folder with the tables")
    found: dict[str, list[Path]] = {}
    problems = []
    for name, form in compiled.recipe.files.items():
        named, wrong = _ADDRESS if "://" in form.path else _files(form.path, folder)
        found[name] = named
        if wrong is not None:
            node = compiled.root.pairs["files"][1].pairs[name][1].pairs["path"][1]
            problems.append(Problem(node.place, (), *wrong))
    if problems:
        raise case_error(problems, compiled.root)
    return found


def _files(pattern: str, folder: Path) -> _Found:
    """Return the files of a name or a pattern in their order; or what is wrong, and what to do."""
    try:
        named = sorted(folder.glob(pattern)) if _stays(pattern) else []
    except (ValueError, NotImplementedError, OSError) as error:
        return [], (f"'{pattern}' is no pattern of names: {error}", "write a name, or one with '*'")
    inside, actual = (
        "a recipe reads the files of one folder: copy it there, or let --data name the folder",
        folder.resolve(),
    )
    if not _stays(pattern):
        return [], (f"'{pattern}' leads out of the folder {folder}", inside)
    files = [path for path in named if path.is_file()]
    for path in files:
        if not path.resolve().is_relative_to(actual):
            return [], (f"'{path.relative_to(folder)}' is a link out of the folder, to {path.resolve()}", inside)
    if files:
        return files, None
    if (folder / pattern).is_symlink():
        named = [folder / pattern]  # glob passes over a link that leads nowhere
    if named:
        only, of = _kind(named[0]), named[0].relative_to(folder)
        what = (
            f"'{pattern}' is {only}, not a file"
            if str(of) == pattern
            else f"'{pattern}' matches no file: '{of}' is {only}"
        )
        return [], (what, "name a file, or a pattern that matches some")
    near = did_you_mean(pattern, [path.name for path in folder.iterdir() if path.is_file()])
    return [], (f"no file in {folder} is called '{pattern}'", near or "check --data, and 'path' in the recipe")


def _stays(pattern: str) -> bool:
    """Whether a pattern can only name what is in its folder."""
    return ".." not in pattern.replace("\\", "/").split("/") and not pattern.startswith(("/", "~"))


def _kind(path: Path) -> str:
    if path.is_dir():
        return "a folder"
    return "a link that leads nowhere" if path.is_symlink() else "a pipe or a device"

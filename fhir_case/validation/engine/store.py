"""The FHIR packages that the user has added or that were fetched, as files ``.tgz`` in a folder of our own."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from fhir_case.errors import CheckerError
from fhir_case.validation.engine.packages import read_package

if TYPE_CHECKING:
    from pathlib import Path

    from fhir_case.validation.engine.packages import Package

__all__ = ["add_package", "added_packages", "file_of"]


def file_of(name: str, version: str, folder: Path) -> Path:
    """Return where a package is kept: neither its name nor its version has a ``#``, so that no two share a file."""
    return folder / f"{name}#{version}.tgz"


def added_packages(cache: Path) -> tuple[Package, ...]:
    """Return the packages that were added or fetched, in the order of their names; damaged ones are skipped."""
    found = []
    for file in sorted((cache / "packages").glob("*.tgz")):
        try:
            found.append(read_package(file))
        except CheckerError:
            continue
    return tuple(found)


def add_package(source: Path, cache: Path) -> Package:
    """
    Keep a copy of a package file, in place of another of that name and version.

    Raises:
        CheckerError: It is not a FHIR package, or a damaged one.
        OSError: The folder cannot be written.
    """
    package = read_package(source)
    if not source.is_file():
        raise CheckerError("is not a package file .tgz", where=str(source))
    for _ in package.files():  # all of it can be read
        pass
    folder = cache / "packages"
    folder.mkdir(parents=True, exist_ok=True)
    target = file_of(package.name, package.version, folder)
    part = target.with_suffix(".part")
    try:
        shutil.copyfile(source, part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return read_package(target)

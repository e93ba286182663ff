"""FHIR packages: those in files and in the user's package cache, and which of them a document needs."""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from fhir_case.errors import CheckerError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from fhir_case.validation.subject import FhirVersion

__all__ = ["CORE", "Package", "choose", "for_server", "packages_in_cache", "read_package"]

CORE: dict[FhirVersion, tuple[str, str]] = {"R4": ("hl7.fhir.r4.core", "4.0.1"), "R5": ("hl7.fhir.r5.core", "5.0.0")}
"""The package of each release itself."""

# The engine does not start without the first; without the others, extensions and code systems are not known.
_CROSS_VERSION = ("hl7.fhir.xver-extensions", "0.1.0")
_SUPPORT: dict[FhirVersion, tuple[str, ...]] = {
    "R4": ("hl7.fhir.uv.extensions.r4", "hl7.terminology.r4"),
    "R5": ("hl7.fhir.uv.extensions.r5", "hl7.terminology.r5"),
}
# Where the profiles are that our mappings claim; for others a package that is here tells it itself.
_KNOWN = {
    "http://hl7.org/fhir/us/mcode": ("hl7.fhir.us.mcode", "4.0.0"),
    "http://hl7.org/fhir/us/core": ("hl7.fhir.us.core", "6.1.0"),
}
_BASE = "http://hl7.org/fhir/StructureDefinition/"
_MANIFEST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Package:
    """
    What is known of one FHIR package without opening the whole of it.

    Args:
        name: For example ``hl7.fhir.us.mcode``.
        version: For example ``4.0.0``.
        canonical: The begin of the canonical URLs in it.
        dependencies: Names to versions.
        source: The file ``.tgz``, or the folder that holds ``package/``.

    Source: https://hl7.org/fhir/packages.html
    """

    name: str
    version: str
    canonical: str
    dependencies: Mapping[str, str]
    source: Path

    @property
    def label(self) -> str:
        """Return ``name#version``."""
        return f"{self.name}#{self.version}"

    def key(self) -> str:
        """Return a text that is another one when the content is."""
        if self.source.is_file():
            with self.source.open("rb") as file:
                return f"{self.label} {hashlib.file_digest(file, 'sha256').hexdigest()}"
        return f"{self.label} {self.source} {(self.source / 'package' / 'package.json').stat().st_mtime_ns}"

    def files(self) -> Iterator[tuple[PurePosixPath, bytes]]:
        """
        Return path and content of each JSON file of the package, as below its folder ``package``.

        Raises:
            CheckerError: It cannot be read, or is damaged.
        """
        try:
            if self.source.is_file():
                yield from _in_archive(self.source)
                return
            top = self.source / "package"
            for file in sorted(top.rglob("*.json")):
                yield PurePosixPath(file.relative_to(top).as_posix()), file.read_bytes()
        except (OSError, EOFError, tarfile.TarError) as error:
            raise _damaged(self.source, error) from error


def read_package(source: Path) -> Package:
    """
    Read the manifest of a package, a file ``.tgz`` or an unpacked folder.

    Raises:
        CheckerError: It is no FHIR package.
    """
    try:
        if source.is_dir():
            text = (source / "package" / "package.json").read_bytes()
        else:
            text = next((content for path, content in _in_archive(source) if str(path) == "package.json"), b"")
        manifest: Any = json.loads(text)
        name, version = manifest["name"], manifest["version"]
        canonical, needs = manifest.get("canonical") or "", manifest.get("dependencies") or {}
    except (OSError, EOFError, tarfile.TarError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(source, error) from error
    if not all(isinstance(text, str) for text in (name, version, canonical)) or not isinstance(needs, dict):
        raise _damaged(source, ValueError("its package.json is of another form"))
    return Package(name, version, canonical.rstrip("/"), needs, source)


def packages_in_cache(folder: Path) -> tuple[Package, ...]:
    """Return the packages of a FHIR package cache, usually ``~/.fhir/packages``; damaged ones are passed over."""
    found = []
    for place in sorted(folder.glob("*#*")) if folder.is_dir() else ():
        try:
            found.append(read_package(place))
        except CheckerError:
            continue
    return tuple(found)


def choose(
    claimed: Collection[str],
    fhir: FhirVersion,
    *,
    given: Sequence[Package],
    cached: Sequence[Package],
    fetch: Callable[[str, str], Package | None],
) -> tuple[Package, ...]:
    """
    Return the packages that checking these profiles needs, the core package first.

    Args:
        claimed: Canonical URLs of profiles, each with or without ``|version``.
        fhir: The release.
        given: Packages that the user named; all of them are taken.
        cached: Packages to take from where one is needed.
        fetch: Gets a package by name and version from elsewhere; None when there is no such place.

    Raises:
        CheckerError: A package that the engine cannot do without is not to be had.
    """
    here = [*given, *cached]

    def get(name: str, version: str) -> Package | None:
        named = [package for package in here if package.name == name]
        exact = next((package for package in named if package.version == version), None)
        return exact or (fetch(name, version) if version else None) or max(named, key=_order, default=None)

    core = _needed(get, CORE[fhir], exact=True)
    chosen = {package.name: package for package in (core, _needed(get, _CROSS_VERSION, exact=False))}
    other_cores = {name for name, _ in CORE.values()} - {core.name}
    wanted = [get(name, "") for name in _SUPPORT[fhir]] + [package for package in given if package.name not in chosen]
    wanted += [_defining(profile, here, get) for profile in sorted(claimed) if not profile.startswith(_BASE)]
    waiting = [package for package in wanted if package]
    while waiting:
        package = waiting.pop(0)
        if package.name in chosen or package.name in other_cores:
            continue
        chosen[package.name] = package
        needed = (get(name, version) for name, version in package.dependencies.items() if name not in chosen)
        waiting += [one for one in needed if one]
    return tuple(chosen.values())


def for_server(files: Iterable[Path]) -> tuple[Path, ...]:
    """
    Return those of some package files that a server of the same release lacks, each after those that it needs.

    Raises:
        CheckerError: One is no FHIR package.
    """
    packages = {package.name: package for package in map(read_package, files)}
    brought = {name for name, _ in (*CORE.values(), _CROSS_VERSION)} | {
        one for names in _SUPPORT.values() for one in names
    }
    order: dict[str, Path] = {}

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in packages and name not in brought and name not in order and name not in above:
            for need in packages[name].dependencies:
                visit(need, (*above, name))
            order[name] = packages[name].source

    for name in packages:
        visit(name, ())
    return tuple(order.values())


def _needed(get: Callable[[str, str], Package | None], wanted: tuple[str, str], *, exact: bool) -> Package:
    name, version = wanted
    package = get(name, version)
    if package is None or (exact and package.version != version):
        raise CheckerError(
            f"the FHIR package {name} {version} is not here",
            hint="name it with --package FILE, have it in the FHIR package cache (~/.fhir/packages), "
            "or name a registry in FHIR_CASE_PACKAGE_REGISTRY",
        )
    return package


def _defining(profile: str, here: Iterable[Package], get: Callable[[str, str], Package | None]) -> Package | None:
    """Return the package whose canonical URLs begin like this one, the longest such begin."""
    url, _, version = profile.partition("|")
    for begin, (name, usual) in _KNOWN.items():
        if url.startswith(begin + "/"):
            return get(name, version or usual)
    fitting = [package for package in here if package.canonical and url.startswith(package.canonical + "/")]
    longest = max((len(package.canonical) for package in fitting), default=0)
    fitting = [package for package in fitting if len(package.canonical) == longest]
    exact = next((package for package in fitting if version and package.version == version), None)
    return exact or max(fitting, key=_order, default=None)


def _order(package: Package) -> tuple[list[int], bool, str]:
    """Sort versions by their numbers; one without a label comes after its ballots."""
    numbers, _, label = package.version.partition("-")
    return [int(number) for number in re.findall(r"\d+", numbers)], not label, label


def _in_archive(source: Path) -> Iterator[tuple[PurePosixPath, bytes]]:
    with tarfile.open(source, "r:gz") as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            if not member.isfile() or path.is_absolute() or ".." in path.parts or path.parts[0] != "package":
                continue
            if path.suffix != ".json" or len(path.parts) < 2:
                continue
            content = archive.extractfile(member)
            yield PurePosixPath(*path.parts[1:]), (content or io.BytesIO()).read()


def _damaged(source: Path, error: Exception) -> CheckerError:
    reason = getattr(error, "strerror", None) or error
    return CheckerError(f"is no FHIR package: {reason}", where=str(source), hint="name a package file .tgz")

"""FHIR packages: those in files and in the user's package cache, and which of them a document needs."""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from fhir_case.errors import CheckerError
from fhir_case.fhir.systems import FHIR_DEFINITION, MCODE, US_CORE
from fhir_case.validation.engine.archive import MANIFEST_BYTES, members

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from fhir_case.fhir.models import FhirVersion

__all__ = [
    "CORE",
    "CROSS_VERSION",
    "Package",
    "acyclic",
    "choose",
    "for_server",
    "is_label",
    "packages_in_cache",
    "read_package",
]

CORE: dict[FhirVersion, tuple[str, str]] = {"R4": ("hl7.fhir.r4.core", "4.0.1"), "R5": ("hl7.fhir.r5.core", "5.0.0")}
"""The package of each release itself."""

CROSS_VERSION = ("hl7.fhir.xver-extensions", "0.1.0")
"""The package without which, beside that of the release, the HL7 engine does not start."""

# Without these, extensions and code systems are not known.
_SUPPORT: dict[FhirVersion, tuple[str, ...]] = {
    "R4": ("hl7.fhir.uv.extensions.r4", "hl7.terminology.r4"),
    "R5": ("hl7.fhir.uv.extensions.r5", "hl7.terminology.r5"),
}
# The packages of the profiles that our mappings claim; of other profiles, the canonical of the package says it.
_KNOWN = {
    MCODE: ("hl7.fhir.us.mcode", "4.0.0"),
    US_CORE: ("hl7.fhir.us.core", "6.1.0"),
}
# Name and version become parts of paths and URLs, and of a list that is separated by commas.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+$_-]{0,99}")


# tarfile follows headers that follow one another by calls.
_UNREADABLE = (OSError, EOFError, tarfile.TarError, ValueError, zlib.error, RecursionError)


@dataclass(frozen=True, slots=True)
class Package:
    """
    One FHIR package, by its manifest.

    Args:
        name: For example ``hl7.fhir.us.mcode``.
        version: For example ``4.0.0``.
        canonical: The base of the canonical URLs in it.
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
        """Return a text that changes with the content."""
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
                yield from members(self.source)
                return
            top = self.source / "package"
            for file in sorted(top.rglob("*.json")):
                if file.is_file():  # no device
                    yield PurePosixPath(file.relative_to(top).as_posix()), file.read_bytes()
        except _UNREADABLE as error:
            raise _damaged(self.source, error) from error


def read_package(source: Path) -> Package:
    """
    Read the manifest of a package, a file ``.tgz`` or an unpacked folder.

    Raises:
        CheckerError: It is not a FHIR package.
    """
    try:
        if source.exists() and not (source.is_dir() or source.is_file()):
            raise _damaged(source, ValueError("it is a pipe or a device"))
        if source.is_dir():
            with (source / "package" / "package.json").open("rb") as file:
                text = file.read(MANIFEST_BYTES)
        else:
            text = next(members(source, only=PurePosixPath("package.json")), (None, b""))[1]
        manifest: Any = json.loads(text)
        name, version = manifest["name"], manifest["version"]
        canonical, needs = manifest.get("canonical") or "", manifest.get("dependencies") or {}
    except (*_UNREADABLE, KeyError, TypeError, AttributeError) as error:
        raise _damaged(source, error) from error
    if not isinstance(canonical, str) or not isinstance(needs, dict):
        raise _damaged(source, ValueError("its package.json has another form"))
    for what, wanted in ((name, version), *needs.items()):
        if not is_label(what, wanted):
            raise _damaged(source, ValueError("a name or version in its package.json is none of a package"))
    return Package(name, version, canonical.rstrip("/"), needs, source)


def is_label(name: object, version: object) -> bool:
    """Whether these can be name and version of a package; both may come from a stranger, and become parts of paths."""
    texts = isinstance(name, str) and isinstance(version, str)
    return texts and bool(_NAME.fullmatch(str(name)) and _VERSION.fullmatch(str(version)))


def packages_in_cache(folder: Path) -> tuple[Package, ...]:
    """Return the packages of a FHIR package cache, usually ``~/.fhir/packages``; damaged ones are skipped."""
    found = []
    for path in sorted(folder.glob("*#*")) if folder.is_dir() else ():
        try:
            found.append(read_package(path))
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
        given: Packages that the user named; all of them are loaded.
        cached: Packages of the cache, of which those are loaded that are needed.
        fetch: Fetches a package by name and version from a registry; returns None when there is none.

    Raises:
        CheckerError: A package that the engine needs is absent.
    """
    here = [*given, *cached]

    def get(name: str, version: str) -> Package | None:
        named = [package for package in here if package.name == name]
        exact = next((package for package in named if package.version == version), None)
        return exact or (fetch(name, version) if version else None) or max(named, key=_order, default=None)

    core = _needed(get, CORE[fhir], exact=True)
    chosen = {package.name: package for package in (core, _needed(get, CROSS_VERSION, exact=False))}
    other_cores = {name for name, _ in CORE.values()} - {core.name}
    wanted = [get(name, "") for name in _SUPPORT[fhir]] + [package for package in given if package.name not in chosen]
    wanted += [_defining(profile, here, get) for profile in sorted(claimed) if not profile.startswith(FHIR_DEFINITION)]
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
    Return those of some package files that a server of the same release lacks, each after its dependencies.

    Raises:
        CheckerError: One is not a FHIR package.
    """
    packages = [read_package(file) for file in files]
    included = {name for name, _ in (*CORE.values(), CROSS_VERSION)}.union(*_SUPPORT.values())
    sources = {package.name: package.source for package in packages}
    return tuple(sources[name] for name in acyclic(packages) if name not in included)


def acyclic(packages: Sequence[Package]) -> dict[str, dict[str, str]]:
    """
    Return the dependencies of each package that are among these, without cycles, with the versions that are here.

    Each package comes after its dependencies.
    """
    here = {package.name: package for package in packages}
    kept: dict[str, dict[str, str]] = {}

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in kept:
            return
        path = (*above, name)
        needs = [need for need in here[name].dependencies if need in here and need not in path]
        for need in needs:
            visit(need, path)
        kept[name] = {need: here[need].version for need in needs}

    for package in packages:
        visit(package.name, ())
    return kept


def _needed(get: Callable[[str, str], Package | None], wanted: tuple[str, str], *, exact: bool) -> Package:
    name, version = wanted
    package = get(name, version)
    if package is None or (exact and package.version != version):
        raise CheckerError(
            f"the FHIR package {name} {version} is missing",
            hint="name it with --package FILE, add it by 'fhir-case packages add', have it in the FHIR package cache "
            "(~/.fhir/packages), or name a registry in FHIR_CASE_PACKAGE_REGISTRY",
        )
    return package


def _defining(profile: str, here: Iterable[Package], get: Callable[[str, str], Package | None]) -> Package | None:
    """Return the package with the canonical that is the longest prefix of this profile."""
    url, _, version = profile.partition("|")
    for base, (name, usual) in _KNOWN.items():
        if url.startswith(base):
            return get(name, version or usual)
    fitting = [package for package in here if package.canonical and url.startswith(package.canonical + "/")]
    longest = max((len(package.canonical) for package in fitting), default=0)
    fitting = [package for package in fitting if len(package.canonical) == longest]
    exact = next((package for package in fitting if version and package.version == version), None)
    return exact or max(fitting, key=_order, default=None)


def _order(package: Package) -> tuple[list[int], bool, str]:
    """Return the key to sort versions by their numbers; one without a label comes after its ballots."""
    numbers, _, label = package.version.partition("-")
    return [int(number) for number in re.findall(r"\d+", numbers)], not label, label


def _damaged(source: Path, error: Exception) -> CheckerError:
    reason = getattr(error, "strerror", None) or error
    if isinstance(error, RecursionError):
        reason = "it is nested too deep, or its headers follow one another without end"
    return CheckerError(f"is not a FHIR package: {reason}", where=str(source), hint="name a package file .tgz")

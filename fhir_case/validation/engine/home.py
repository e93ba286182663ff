"""
The folder that the HL7 engine takes for the user's home: a package cache of its own.

The engine empties a cache whose version it does not know, so it never gets to see the user's own. Dependencies that are
not here are taken out of the manifests, since the engine would look for them on the network; so is one of two packages
that need each other, which ends in a stack overflow there.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from fhir_case.java.cache import exclusive
from fhir_case.validation.engine.fragments import FRAGMENTS, write_fragments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fhir_case.java.events import Listener
    from fhir_case.validation.engine.packages import Package

__all__ = ["provide_home"]

_FORM = "1"  # another one when what is written here changes
_KEPT = 4
_CACHE = "[cache]\nversion=4\n\n[urls]\n\n[local]\n\n[packages]\n"  # 4 is what engine 6.10.4 knows
_SETTINGS = {"prohibitNetworkAccess": True, "ignoreDefaultPackageServers": True, "servers": []}
_UNREAD = frozenset({"xml", "openapi"})


def provide_home(packages: Sequence[Package], folder: Path, listener: Listener) -> Path:
    """
    Return a home with exactly these packages and the code system fragments made of them; make it if it is not there.

    Args:
        packages: The core package first.
        folder: Where the homes are kept; the oldest ones beyond a few are removed.
        listener: Is told when another process is at it.
    """
    from fhir_case.java.events import Event

    keys = "\n".join([_FORM, *(package.key() for package in packages)])
    home = folder / hashlib.sha256(keys.encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with exclusive(folder, listener):
        if not home.is_dir():
            listener(Event("prepare", text=f"{len(packages)} FHIR packages, this once"))
            scratch = Path(tempfile.mkdtemp(dir=folder, prefix="new-"))
            try:
                _fill(packages, scratch)
                scratch.replace(home)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
        os.utime(home)
        _remove_old(folder)
    return home


def _fill(packages: Sequence[Package], home: Path) -> None:
    root = home / ".fhir" / "packages"
    kept = _acyclic(packages)
    for package in packages:
        top = root / package.label / "package"
        for path, content in package.files():
            if path.parts[0] in _UNREAD:
                continue
            file = top.joinpath(*path.parts)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(_manifest(content, kept[package.name]) if path == _MANIFEST else content)
    (root / "packages.ini").write_text(_CACHE, "ascii")
    (home / ".fhir" / "fhir-settings.json").write_text(json.dumps(_SETTINGS), "ascii")
    write_fragments([root / package.label / "package" for package in packages], root / FRAGMENTS, packages[0])


_MANIFEST = PurePosixPath("package.json")


def _manifest(content: bytes, dependencies: dict[str, str]) -> bytes:
    manifest: dict[str, Any] = json.loads(content)
    return json.dumps({**manifest, "dependencies": dependencies}, indent=1).encode()


def _acyclic(packages: Sequence[Package]) -> dict[str, dict[str, str]]:
    """Return the dependencies of each that are here, under the versions that are here, without circles."""
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


def _remove_old(folder: Path) -> None:
    homes = sorted((place for place in folder.iterdir() if place.is_dir()), key=lambda place: -place.stat().st_mtime)
    for place in homes[_KEPT:]:
        shutil.rmtree(place, ignore_errors=True)

"""
The home folder of the HL7 engine, with a package cache of its own.

The engine empties a cache whose version it does not know, so it never sees the user's own. Dependencies that are absent
are removed from the manifests, since the engine would look for them on the network; so is one of two packages that
depend on each other, which is a stack overflow in the engine.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from fhir_case.fhir.wire import mapping
from fhir_case.java.cache import exclusive
from fhir_case.validation.engine.fragments import FRAGMENTS, write_fragments
from fhir_case.validation.engine.packages import acyclic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fhir_case.java.events import Listener
    from fhir_case.validation.engine.packages import Package

__all__ = ["provide_home"]

_FORM = "1"  # changes with the format of what is written here
_KEPT = 4
_CACHE = "[cache]\nversion=4\n\n[urls]\n\n[local]\n\n[packages]\n"  # 4 is what engine 6.10.4 knows
_SETTINGS = {"prohibitNetworkAccess": True, "ignoreDefaultPackageServers": True, "servers": []}
_UNREAD = frozenset({"xml", "openapi"})


def provide_home(packages: Sequence[Package], folder: Path, listener: Listener) -> Path:
    """
    Return a home with exactly these packages and the code system fragments made of them; make it if it is absent.

    Args:
        packages: The core package first.
        folder: Where the homes are kept; the oldest ones beyond a few are removed.
        listener: Notified when another process is making it.
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
    kept = acyclic(packages)
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
    manifest = mapping(json.loads(content))
    return json.dumps({**manifest, "dependencies": dependencies}, indent=1).encode()


def _remove_old(folder: Path) -> None:
    homes = sorted((path for path in folder.iterdir() if path.is_dir()), key=lambda path: -path.stat().st_mtime)
    for path in homes[_KEPT:]:
        shutil.rmtree(path, ignore_errors=True)

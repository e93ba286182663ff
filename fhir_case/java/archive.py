"""
The archive of loaded classes, which makes starts a third to a half shorter.

Java writes it when a program that was started without one ends; later ones map it instead of reading, verifying and
linking some twenty thousand classes anew. Java itself checks that it fits (its build, the class path) and else does
without; that it is whole is checked here, as for the jars. It is a gain, never a need: no failure here is an error.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from typing import TYPE_CHECKING

from fhir_case.errors import CheckerError
from fhir_case.java.cache import exclusive, is_intact, record
from fhir_case.java.events import silent

if TYPE_CHECKING:
    from fhir_case.java.installation import Installation

__all__ = ["Archive"]

_AOT = 25  # from here on Java has a better kind, which also works with runtimes that lack a base archive


class Archive:
    """
    The archive for one installation and FHIR version, there already or to be made.

    Args:
        installed: What is started.
        fhir: The FHIR version; each loads classes of its own.
    """

    def __init__(self, installed: Installation, fhir: str) -> None:
        self._aot = installed.java.feature >= _AOT
        key = f"{installed.java.executable.resolve()} {installed.java.version} {installed.classes} {fhir}"
        self._folder = installed.folder
        self._name = f"classes-{hashlib.sha256(key.encode()).hexdigest()[:16]}.archive"
        self._fresh = self._folder / f"{self._name}.{os.getpid()}.{secrets.token_hex(4)}"
        self.there = is_intact(self._folder / self._name)
        self.recorded = False

    def options(self, *, record: bool) -> list[str]:
        """
        Return the options of Java that use the archive, or that make it.

        Args:
            record: Make it if it is not there. The end of that process takes some seconds longer.
        """
        if self.there:
            return [f"-XX:{'AOTCache' if self._aot else 'SharedArchiveFile'}={self._name}"]
        if not record:
            return []
        self._remove_leftovers()
        self.recorded = True
        return [f"-XX:{'AOTCacheOutput' if self._aot else 'ArchiveClassesAtExit'}={self._fresh.name}"]

    def keep(self) -> None:
        """Take over what the process, which has ended, has made."""
        if not self.recorded:
            return
        with contextlib.suppress(OSError, CheckerError):
            if self._fresh.stat().st_size:
                with exclusive(self._folder, silent):
                    self._fresh.replace(self._folder / self._name)
                    record(self._folder / self._name)

    def drop(self) -> None:
        """Remove what the process, which ended badly, may have left."""
        with contextlib.suppress(OSError):
            self._fresh.unlink(missing_ok=True)

    def _remove_leftovers(self) -> None:
        """Remove what processes left whose owners were killed before they could take it over."""
        import psutil

        for file in self._folder.glob("classes-*.archive.*"):
            owner = file.name.split(".")[2]
            if not (owner.isdecimal() and psutil.pid_exists(int(owner))):
                with contextlib.suppress(OSError):
                    file.unlink()

"""Obtain packages and what they depend on from a registry that the user names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.errors import CheckerError
from fhir_case.java.repositories import without_secrets
from fhir_case.validation.engine.packages import CROSS_VERSION, is_label
from fhir_case.validation.engine.registry import fetch_package, latest_version

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fhir_case.validation.engine.packages import Package

__all__ = ["Obtaining"]


class Obtaining:
    """
    Packages of a registry, each with its dependencies, into the folder of added packages.

    Args:
        registry: The base URL.
        cache: The folder of what is downloaded.
        on_package: Called with each package that is there now.
    """

    def __init__(self, registry: str, cache: Path, *, on_package: Callable[[Package], None]) -> None:
        self._registry = registry
        self._folder = cache / "packages"
        self._on_package = on_package
        self._seen: set[tuple[str, str]] = set()
        self.missing: dict[str, str] = {}
        """What the registry does not have, and the package that needs it."""

    def get(self, name: str, version: str) -> None:
        """
        Obtain one package with its dependencies, and the package without which the engine does not start.

        Args:
            version: Empty for the latest.

        Raises:
            CheckerError: The registry does not have it, is not reached, or sends something else.
        """
        version = version or latest_version(self._registry, name)
        package = self._fetched(name, version)
        if package is None:
            raise CheckerError(f"there is no package {name}#{version}", where=without_secrets(self._registry))
        waiting = [(package.label, need) for need in package.dependencies.items()]
        waiting.append((package.label, CROSS_VERSION))
        while waiting:
            needed_by, (name, version) = waiting.pop(0)
            if (name, version) in self._seen:
                continue
            found = self._fetched(name, version)
            if found is None:
                self.missing.setdefault(f"{name}#{version}", needed_by)
                continue
            waiting += [(found.label, need) for need in found.dependencies.items()]

    def _fetched(self, name: str, version: str) -> Package | None:
        self._seen.add((name, version))
        if not is_label(name, version):
            return None
        package = fetch_package(self._registry, name, version, self._folder)
        if package:
            self._on_package(package)
        return package

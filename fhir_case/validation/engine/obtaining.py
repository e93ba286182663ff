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

_MOST_PACKAGES = 100  # with all that they depend on; guides have about a dozen
_MOST_BYTES = 2_000_000_000


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
        self._bytes = 0
        self.missing: dict[str, str] = {}
        """What the registry does not have, and the package that needs it."""

    def get(self, name: str, version: str) -> None:
        """
        Obtain one package with its dependencies, and the package without which the engine does not start.

        Args:
            version: Empty for the latest.

        Raises:
            CheckerError: The registry does not have it, is not reached, or sends something else; or it needs too many.
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
            if len(self._seen) >= _MOST_PACKAGES:
                raise self._too_much(name, version, needed_by, f"{_MOST_PACKAGES} packages")
            if self._bytes >= _MOST_BYTES:
                raise self._too_much(name, version, needed_by, f"{_MOST_BYTES // 1_000_000} MB of packages")
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
            self._bytes += package.source.stat().st_size
            self._on_package(package)
        return package

    def _too_much(self, name: str, version: str, needed_by: str, what: str) -> CheckerError:
        return CheckerError(
            f"{name}#{version}, which {needed_by} needs, would be beyond {what} in one command",
            where=without_secrets(self._registry),
            hint="add what you need of them by name",
        )

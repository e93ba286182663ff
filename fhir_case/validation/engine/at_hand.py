"""Whether all that checking profiles needs is on this machine, so that it may be done without being asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.errors import CheckerError
from fhir_case.fhir.systems import FHIR_DEFINITION
from fhir_case.java.lock import read_lock
from fhir_case.java.runtime import find_java

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from fhir_case.java.program import JavaProgram
    from fhir_case.validation.engine.packages import Package

__all__ = ["require_packages", "require_program"]


def require_program(program: JavaProgram, folder: Path, environment: Mapping[str, str]) -> None:
    """
    Refuse where Java or a jar is not here.

    Args:
        program: What shall run.
        folder: That of what was downloaded.
        environment: Variables for finding Java.

    Raises:
        CheckerError: Something would have to be downloaded.
    """
    java = find_java(environment)
    wanted = {program.name} if java.compiler else {program.name, "compile"}
    missing = sum(jar.size for jar in read_lock() if jar.uses & wanted and not (folder / "java" / jar.path).is_file())
    if missing:
        raise CheckerError(
            f"{program.title} is not downloaded yet ({missing / 1e6:.0f} MB)", hint="--engine hl7 downloads it"
        )


def require_packages(claimed: Collection[str], packages: Iterable[Package]) -> None:
    """
    Refuse where no package that is here defines one of the profiles.

    Raises:
        CheckerError: None does.
    """
    bases = [package.canonical for package in packages if package.canonical]
    if any(profile.startswith((FHIR_DEFINITION, *(f"{base}/" for base in bases))) for profile in claimed):
        return
    raise CheckerError(f"no FHIR package that is here defines {min(claimed)}", hint="'fhir-case packages add' adds one")

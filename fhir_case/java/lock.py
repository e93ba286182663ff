"""
The lock file: which jars our Java programs are made of, each with its size and SHA-256.

One line a jar: ``uses group:artifact:version[:classifier] size SHA-256``, its uses separated by commas. What is not
listed, or differs, is never put on a class path.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from fhir_case.errors import CheckerError

__all__ = ["LOCK_FILE", "Jar", "parse_lock", "read_lock"]

LOCK_FILE = Path(__file__).parent / "jars.lock"

# A part begins with a letter or digit, so that no line can name a path outside of the store.
_PART = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
_LINE = re.compile(
    r"(?P<uses>(server|validator|compile)(,(server|validator))*) "
    rf"(?P<group>{_PART}):(?P<artifact>{_PART}):(?P<version>{_PART})(:(?P<classifier>{_PART}))? "
    r"(?P<size>[1-9][0-9]*) (?P<sha256>[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class Jar:
    """
    One line of the lock file.

    Args:
        uses: The names of the programs on whose class path it belongs; ``compile`` for the compiler.
        path: Where a Maven repository keeps it, relative to the base of the repository, with ``/``.
        size: Bytes.
        sha256: Of the file, in lower case hexadecimal digits.
    """

    uses: frozenset[str]
    path: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """Return the file name."""
        return self.path.rpartition("/")[2]


def parse_lock(text: str, where: str = "jars.lock") -> tuple[Jar, ...]:
    """
    Read the text of a lock file; empty lines and comments (``#``) are ignored.

    Raises:
        CheckerError: A line is not of the form above, or a jar is listed twice, or none is listed.
    """
    jars: dict[str, Jar] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise CheckerError(
                "the line is not 'uses group:artifact:version size SHA-256'",
                where=f"{where}:{number}",
                hint="install fhir-case again",
            )
        file = "-".join(part for part in (match["artifact"], match["version"], match["classifier"]) if part)
        path = "/".join((*match["group"].split("."), match["artifact"], match["version"], f"{file}.jar"))
        if path in jars:
            raise CheckerError(f"{path} is listed twice", where=f"{where}:{number}", hint="install fhir-case again")
        jars[path] = Jar(
            uses=frozenset(match["uses"].split(",")), path=path, size=int(match["size"]), sha256=match["sha256"]
        )
    if not jars:
        raise CheckerError("no jar is listed", where=where, hint="install fhir-case again")
    return tuple(jars.values())


def read_lock() -> tuple[Jar, ...]:
    """
    Read the lock file of this installation.

    Raises:
        CheckerError: It is absent or damaged.
    """
    try:
        text = LOCK_FILE.read_text("ascii")
    except (OSError, ValueError) as error:
        raise CheckerError(f"cannot be read: {error}", where=str(LOCK_FILE), hint="install fhir-case again") from error
    return parse_lock(text, str(LOCK_FILE))

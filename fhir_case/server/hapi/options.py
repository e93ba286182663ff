"""What a user can choose for an embedded server, checked before anything is downloaded or started."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fhir_case.errors import CheckerError
from fhir_case.server.hapi.database import Kind, check_database, kind_of

if TYPE_CHECKING:
    from pathlib import Path

    from fhir_case.fhir.models import FhirVersion

__all__ = ["Options"]

_VERSION = re.compile(r".-\d")
_HEAP = re.compile(r"[1-9][0-9]*[kKmMgG]")
# Of two options of Java that contradict each other the later one counts; the earlier ones are for quick starts.
_FOR_LONG_LOADS = ("-XX:TieredStopAtLevel=4", "-XX:-UseSerialGC", "-XX:+UseG1GC")
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Options:
    """The choices, which are described at `HapiServer`."""

    fhir: FhirVersion = "R4"
    port: int = 0
    host: str = "127.0.0.1"
    data: Path | None = None
    packages: tuple[Path, ...] = ()
    strict: bool = False
    heap: str = "2g"
    throughput: bool = False
    placeholders: bool = False
    db: str = ""

    @property
    def kind(self) -> Kind:
        """Return where it stores."""
        return kind_of(self.db, self.data, self.fhir)

    def check(self) -> None:
        """
        Refuse what cannot work.

        Raises:
            CheckerError: A value is out of its range, or a package file is missing or not named as it must be.
        """
        if self.fhir not in {"R4", "R5"}:
            raise CheckerError(f"the embedded server does not speak FHIR '{self.fhir}'", hint="choose R4 or R5")
        if not 0 <= self.port <= 65535:
            raise CheckerError(f"{self.port} is not a port", hint="choose 0 (any free one) to 65535")
        if not _HEAP.fullmatch(self.heap):
            raise CheckerError(f"'{self.heap}' is not an amount of memory", hint="write it like 512m or 2g")
        if self.data is not None and self.data.exists() and not self.data.is_dir():
            raise CheckerError("is not a folder", where=str(self.data), hint="name a folder for the database")
        check_database(self.db, self.data, self.fhir)
        for file in self.packages:
            _check_package(file)

    def database(self) -> str:
        """Return the path of H2 without its endings; one for each FHIR version, their tables do not mix."""
        return str(self.data.resolve() / f"fhir-{self.fhir.lower()}") if self.data and self.kind == "h2" else ""

    def properties(self, url: str = "") -> list[str]:
        """
        Return the choices as options of Java.

        Args:
            url: The JDBC URL of the PostgreSQL that it stores in; empty: H2.
        """
        values = {
            "fhir": self.fhir,
            "host": self.host,
            "port": str(self.port),
            "data": self.database(),
            "database": url,
            "kept": str(bool(url) and (self.data is not None or self.kind == "jdbc")).lower(),
            "packages": os.pathsep.join(str(file.resolve()) for file in self.packages),
            "strict": str(self.strict).lower(),
            "placeholders": str(self.placeholders).lower(),
        }
        tuning = _FOR_LONG_LOADS if self.throughput else ()
        return [*tuning, *(f"-Dfhircase.{name}={value}" for name, value in values.items() if value)]


def _check_package(file: Path) -> None:
    hint = "name FHIR packages as files NAME-VERSION.tgz"
    if not (file.suffix == ".tgz" and _VERSION.search(file.name)) or os.pathsep in str(file.resolve()):
        raise CheckerError("is not named NAME-VERSION.tgz", where=str(file), hint=hint)
    try:
        if file.exists() and not file.is_file():  # a pipe without a writer would be waited for, for ever
            raise CheckerError("is not a file", where=str(file), hint=hint)
        with file.open("rb") as content:
            begin = content.read(2)
    except OSError as error:
        raise CheckerError(f"cannot be read: {error.strerror}", where=str(file), hint=hint) from error
    if begin != _GZIP:
        raise CheckerError("is not a .tgz file", where=str(file), hint=hint)

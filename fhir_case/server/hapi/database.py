"""Where an embedded server stores: in H2, in an embedded PostgreSQL, or in a PostgreSQL of the user's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fhir_case.errors import CheckerError, FhirCaseError
from fhir_case.server.redaction import hide

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_case.fhir.models import FhirVersion

__all__ = [
    "PASSWORD",
    "PASSWORD_FILE",
    "USER",
    "Kind",
    "check_database",
    "credentials",
    "java_variables",
    "kind_of",
    "postgresql_folder",
]

Kind = Literal["h2", "postgres", "jdbc"]

USER = "FHIR_CASE_DB_USER"
PASSWORD = "FHIR_CASE_DB_PASSWORD"  # noqa: S105 - the name of a variable
PASSWORD_FILE = "FHIR_CASE_DB_PASSWORD_FILE"  # noqa: S105 - the name of a variable

_URL = re.compile(r"jdbc:postgresql:(?://(?P<host>[^/?]*)/)?(?P<database>[^/?]+)(?:\?(?P<parameters>.*))?")
_SECRET = re.compile(r"(?:^|&)(?:ssl)?password=", re.IGNORECASE)
_LONGEST = 10_000
_JAVA_USER, _JAVA_PASSWORD = "FHIRCASE_DATABASE_USER", "FHIRCASE_DATABASE_PASSWORD"  # what Database.java reads
_SHAPE = "h2, postgres or jdbc:postgresql://HOST:PORT/DATABASE"


def kind_of(db: str, data: Path | None, fhir: FhirVersion) -> Kind:
    """Return where a server stores: as the user says, else as the folder of its data was begun, else in H2."""
    if db.startswith("jdbc:"):
        return "jdbc"
    if db:
        return "postgres" if db == "postgres" else "h2"
    return "postgres" if data is not None and _holds(data, fhir) == "postgres" else "h2"


def postgresql_folder(data: Path, fhir: FhirVersion) -> Path:
    """Return the folder of the PostgreSQL of a release, below the folder that the user names."""
    return data / f"postgresql-{fhir.lower()}"


def _holds(data: Path, fhir: FhirVersion) -> Kind | None:
    from fhir_case.server.postgresql import holds_cluster

    if holds_cluster(postgresql_folder(data, fhir)):
        return "postgres"
    return "h2" if (data / f"fhir-{fhir.lower()}.mv.db").exists() else None


def check_database(db: str, data: Path | None, fhir: FhirVersion) -> None:
    """
    Refuse a database that cannot be meant.

    Raises:
        CheckerError: It is none that is known, holds a password, or the folder holds one of another kind.
    """
    if db.startswith("jdbc:"):
        _check_url(db)
        if data is not None:
            raise CheckerError(
                "a database of your own keeps its data itself", where=str(data), hint="leave the folder (--data) out"
            )
    elif db not in {"", "h2", "postgres"}:
        raise CheckerError(f"'{db}' is not a database of the embedded server", hint=f"choose {_SHAPE}")
    elif db and data is not None and (held := _holds(data, fhir)) not in {None, db}:
        names = {"h2": "H2", "postgres": "PostgreSQL"}
        raise CheckerError(
            f"this folder holds a database of {names[str(held)]} for {fhir}, whose data {names[db]} would not have",
            where=str(data),
            hint=f"choose --db {held}, or another folder",
        )


def _check_url(url: str) -> None:
    parts = _URL.fullmatch(url)
    if parts is None:
        raise CheckerError("this is not the URL of a PostgreSQL", hint=f"choose {_SHAPE}")  # it may hold a password
    if "@" in (parts["host"] or "") or _SECRET.search(parts["parameters"] or ""):
        raise CheckerError(
            "the URL of the database holds a password, which others can read on the command line",
            hint=f"put it into the environment variable {PASSWORD}, or into a file that {PASSWORD_FILE} names, and the "
            f"user into {USER}",
        )


def credentials(environment: Mapping[str, str]) -> dict[str, str]:
    """
    Return user and password of the user's own database as variables for Java; what is not set is not there.

    Raises:
        FhirCaseError: There are two passwords, or the file of the password cannot be read.
    """
    password, file = environment.get(PASSWORD, ""), environment.get(PASSWORD_FILE, "")
    if password and file:
        raise FhirCaseError(f"there are {PASSWORD} and {PASSWORD_FILE}", hint="unset one of them")
    if file:
        try:
            with Path(file).expanduser().open(encoding="utf-8") as content:
                password = content.read(_LONGEST).rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise FhirCaseError(
                f"the password cannot be read: {reason}", where=file, hint=f"see {PASSWORD_FILE}"
            ) from None
    return java_variables(environment.get(USER, ""), password)


def java_variables(user: str, password: str) -> dict[str, str]:
    """Return user and password as the variables that Java reads, and hide the password."""
    hide(password)
    return {name: value for name, value in ((_JAVA_USER, user), (_JAVA_PASSWORD, password)) if value}

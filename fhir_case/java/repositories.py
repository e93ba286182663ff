"""Where the jars may come from: the user's mirror, the user's repositories, the public repository."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from fhir_case.errors import CheckerError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MIRROR", "local_repository", "remote_repositories", "without_secrets"]

MIRROR = "FHIR_CASE_MAVEN_REPOSITORY"


def remote_repositories(environment: Mapping[str, str]) -> tuple[str, ...]:
    """
    Return the base URLs of the Maven repositories to ask, in this order, without a slash at the end.

    First the one that the environment variable FHIR_CASE_MAVEN_REPOSITORY names, then the ``[repositories]`` of the
    user's jgo configuration, last the public repository, whose address jgo knows.

    Raises:
        CheckerError: jgo is not installed and no mirror is named, its configuration cannot be read, or an address is
            no http or https URL.
    """
    mirror = environment.get(MIRROR, "").strip()
    addresses = [mirror] if mirror else []
    try:
        from jgo.config import GlobalSettings
        from jgo.maven import MavenContext
    except ImportError as error:
        if not mirror:
            raise CheckerError(
                "jgo, which knows where the jars come from, is not installed",
                hint="pip install 'fhir-case[hapi]'",
            ) from error
    else:
        import configparser

        try:
            addresses += GlobalSettings.load().repositories.values()
        except configparser.Error as error:
            raise CheckerError(f"the configuration of jgo cannot be read: {error}") from error
        addresses += MavenContext().remote_repos.values()
    for address in addresses:
        if urlsplit(address).scheme not in {"http", "https"}:
            raise CheckerError(
                f"'{without_secrets(address)}' is not the http or https address of a Maven repository",
                hint=f"look at {MIRROR} and at the [repositories] of the jgo configuration",
            )
    return tuple(dict.fromkeys(address.rstrip("/") for address in addresses))


def local_repository(environment: Mapping[str, str]) -> Path:
    """Return the folder where Maven on this machine keeps what it has downloaded; it need not exist."""
    named = environment.get("M2_REPO", "")
    return Path(named).expanduser() if named else Path.home() / ".m2" / "repository"


def without_secrets(address: str) -> str:
    """Return an address without user name, password and query, for messages."""
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))

"""Read ``servers.toml``, and tell all that is wrong with it at once: the server, the key, what is wrong, what to do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from fhir_case.errors import FhirCaseError
from fhir_case.server.named.entry import read_entry
from fhir_case.server.named.table import Table
from fhir_case.toml import read_toml

if TYPE_CHECKING:
    from fhir_case.server.named.model import NamedServer

__all__ = ["find_servers", "places", "read_servers"]

_FILE = "servers.toml"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def places(given: Path | None = None) -> tuple[Path, ...]:
    """
    Return where the file of servers may be, the first place first: here, and in the user's configuration folder.

    Args:
        given: The file that the user names, and then the only one.
    """
    from platformdirs import user_config_path

    return (given,) if given else (Path(_FILE), user_config_path("fhir-case", appauthor=False) / _FILE)


def find_servers(given: Path | None = None) -> dict[str, NamedServer]:
    """
    Return the servers of the first file that is there, by name; none without a file.

    Args:
        given: The file that the user names, and then the only one.

    Raises:
        FhirCaseError: See `read_servers`.
    """
    found = given or next((path for path in places() if path.is_file()), None)
    return read_servers(found) if found else {}


def read_servers(path: Path) -> dict[str, NamedServer]:
    """
    Return the servers of a file by name, in its order. No variable is looked at, and nothing is asked of a server.

    Raises:
        FhirCaseError: The file cannot be read, or something in it is wrong. No value that may be a secret is repeated.
    """
    problems: list[FhirCaseError] = []
    servers: dict[str, NamedServer] = {}
    for name, content in read_toml(path, hint="text is in quotes, and a secret is ${NAME}", secret=True).items():
        place = f"{path}: [{name}]"
        if not isinstance(content, dict):
            hint = "write each server under a line of its own: [name]"
            problems.append(FhirCaseError("this is not a server", where=f"{path}: {name}", hint=hint))
        elif not _NAME.fullmatch(name):
            hint = "use letters, digits, hyphens and underscores"
            problems.append(FhirCaseError("a server cannot have this name", where=place, hint=hint))
        else:
            servers[name] = read_entry(name, path.absolute(), Table(content, place, problems))
    if problems:
        raise _all(problems, path)
    return servers


def _all(problems: list[FhirCaseError], path: Path) -> FhirCaseError:
    if len(problems) == 1:
        return problems[0]
    lines = "".join(f"\n  {problem}" for problem in problems)
    return FhirCaseError(f"{len(problems)} problems:{lines}", where=str(path))

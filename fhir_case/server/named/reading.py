"""Read ``servers.toml``; all that is wrong with it is in one error: server, key, what is wrong, what to do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from fhir_case.errors import FhirCaseError
from fhir_case.server.named.model import NamedServer
from fhir_case.server.named.rules import Problem, broken_rules, unknown_key
from fhir_case.server.quirks import Caps
from fhir_case.server.retry import RetryPolicy
from fhir_case.toml import read_toml

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = ["find_servers", "read_servers", "search_paths"]

_FILE = "servers.toml"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_KEYS = tuple(key for key in NamedServer.__dataclass_fields__ if key not in ("name", "file"))
_TABLES = {
    "caps": tuple(Caps.__dataclass_fields__),
    "retry": tuple(RetryPolicy.__dataclass_fields__),
    "response": ("bytes", "ratio"),
}
_EXAMPLES = {
    "auth": '{ kind = "bearer", token = "${TOKEN}" }',
    "headers": '{ X-Api-Key = "${KEY}" }',
    "caps": "{ entries = 50 }",
    "retry": "{ request_s = 60 }",
    "response": "{ bytes = 500_000_000 }",
}


def search_paths(named: Path | None = None) -> tuple[Path, ...]:
    """
    Return where the file of servers may be, in this order: here, and in the user's configuration folder.

    Args:
        named: The file that the user names, and then the only one.
    """
    from platformdirs import user_config_path

    return (named,) if named else (Path(_FILE), user_config_path("fhir-case", appauthor=False) / _FILE)


def find_servers(named: Path | None = None) -> dict[str, NamedServer]:
    """
    Return the servers of the first file that exists, by name; none without a file.

    Args:
        named: The file that the user names, and then the only one.

    Raises:
        FhirCaseError: See `read_servers`.
    """
    found = named or next((path for path in search_paths() if path.is_file()), None)
    return read_servers(found) if found else {}


def read_servers(path: Path) -> dict[str, NamedServer]:
    """
    Return the servers of a file by name, in its order. No variable is looked up, and no request is sent.

    Raises:
        FhirCaseError: The file cannot be read, or something in it is wrong. No value that may be a secret is repeated.
    """
    if path.exists() and not path.is_file():  # a pipe without a writer would be waited for, for ever
        raise FhirCaseError("this is not a file", where=str(path), hint="name a file with servers")
    from pydantic import ValidationError

    from fhir_case.server.named.keys import named_server

    problems: list[FhirCaseError] = []
    servers: dict[str, NamedServer] = {}
    for name, table in read_toml(path, hint="text is in quotes, and a secret is ${NAME}", secret=True).items():
        where = f"{path}: [{name}]"
        if not isinstance(table, dict):
            hint = "write each server under a line of its own: [name]"
            problems.append(FhirCaseError("this is not a server", where=f"{path}: {name}", hint=hint))
        elif not _NAME.fullmatch(name):
            hint = "use letters, digits, hyphens and underscores"
            problems.append(FhirCaseError("a server cannot have this name", where=where, hint=hint))
        else:
            try:
                servers[name] = named_server(table, name=name, file=path.absolute())
            except ValidationError as error:
                problems += [_located(_problem(each), where) for each in error.errors(include_url=False)]
            problems += [_located(each, where) for each in broken_rules(table)]
    if problems:
        raise _all(problems, path)
    return servers


def _all(problems: list[FhirCaseError], path: Path) -> FhirCaseError:
    if len(problems) == 1:
        return problems[0]
    lines = "".join(f"\n  {problem}" for problem in problems)
    return FhirCaseError(f"{len(problems)} problems:{lines}", where=str(path))


def _located(problem: Problem, where: str) -> FhirCaseError:
    return FhirCaseError(problem.what, where=" ".join((where, ".".join(problem.path))).rstrip(), hint=problem.hint)


def _problem(error: ErrorDetails) -> Problem:
    """Return what is wrong by an error of pydantic."""
    path = tuple(str(part) for part in error["loc"])
    if path[-1] == "[key]":
        path = path[:-2]
    if error["type"] == "extra_forbidden":
        return unknown_key(path, _TABLES.get(path[0], _KEYS) if path[1:] else _KEYS)
    if error["type"] in ("model_type", "dict_type"):
        return Problem(path, f"this is not a table, such as {_EXAMPLES[path[0]]}", "correct it, or leave the key out")
    return Problem(path, error["msg"], error.get("ctx", {}).get("hint", ""))

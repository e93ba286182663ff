"""The rules of a server in ``servers.toml`` that concern several of its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fhir_case.server.auth.methods import METHODS, missing
from fhir_case.server.named.model import EMBEDDED
from fhir_case.server.named.variables import SECRET, named_in
from fhir_case.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

__all__ = ["Problem", "broken_rules", "unknown_key"]

_OF_THE_EMBEDDED = ("strict", "heap", "db", "db_user", "db_password")


class Problem(NamedTuple):
    """What is wrong in the table of a server: the path of the key, what is wrong, what to do."""

    path: tuple[str, ...]
    what: str
    hint: str


def unknown_key(path: tuple[str, ...], known: Collection[str]) -> Problem:
    """Return the problem of a key that is not known."""
    hint = did_you_mean(path[-1], known) or f"known are {', '.join(known)}"
    return Problem(path[:-1], f"'{path[-1]}' is not known", hint)


def broken_rules(table: Mapping[str, Any]) -> Iterator[Problem]:
    """Return what is wrong in the table of a server beyond the single values."""
    if ("url" in table) == ("start" in table):
        hint = "url says where it is, start how to start it: write one of them"
        yield Problem((), "there are url and start" if "url" in table else "there is neither url nor start", hint)
    embedded = table.get("start") in (*EMBEDDED, list(EMBEDDED))
    for key in _OF_THE_EMBEDDED:
        if key in table and not embedded:
            yield Problem((key,), "only the embedded server has this", 'leave it out, or write start = "hapi"')
    for key in ("db_user", "db_password"):
        if key in table and not str(table.get("db", "")).startswith("jdbc:"):
            hint = 'leave it out, or write db = "jdbc:postgresql://HOST/DATABASE"'
            yield Problem((key,), "only a database of your own has this", hint)
    releases = ("R4", "R5") if embedded else ("R4", "R4B", "R5")
    if isinstance(table.get("fhir", ""), str) and table.get("fhir", "R4") not in releases:
        yield Problem(("fhir",), "this is not a release that is known here", f"write one of {', '.join(releases)}")
    if table.get("client_key") and not table.get("client_certificate"):
        yield Problem(("client_key",), "it belongs to a certificate", "name that as client_certificate")
    if isinstance(table.get("auth"), dict):
        yield from _sign_in(table["auth"])


def _sign_in(auth: Mapping[str, Any]) -> Iterator[Problem]:
    kind = auth.get("kind")
    if not isinstance(kind, str) or kind not in METHODS:
        near = did_you_mean(kind, METHODS) if isinstance(kind, str) else ""
        yield Problem(("auth", "kind"), "this is not a sign-in method", near or f"write one of {', '.join(METHODS)}")
        return
    settings = {each.name: each for each in METHODS[kind]}
    known = ("kind", *settings)
    yield from (unknown_key(("auth", key), known) for key in auth if key not in known)
    for each in missing(kind, auth):
        instead = f", or {each.instead}" if each.instead else ""
        example = f", for example {each.example}" if each.example else ""
        yield Problem(("auth",), f"{kind} needs {each.name}{instead}", f"add it{example}")
    for name, each in settings.items():
        if each.secret and isinstance(auth.get(name), str) and not named_in([auth[name]]):
            yield Problem(("auth", name), "a secret does not stand in this file", SECRET)
        if each.instead and name in auth and each.instead in auth:
            yield Problem(("auth",), f"there are {name} and {each.instead}", "keep one of them")

"""One server of ``servers.toml``: its keys, what each may hold, and what is said when it does not."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from fhir_case.errors import CheckerError, ServerError
from fhir_case.server.auth.methods import METHODS, is_header_name, missing
from fhir_case.server.guard import checked_base_url
from fhir_case.server.hapi.options import Options
from fhir_case.server.named.model import EMBEDDED, NamedServer
from fhir_case.server.named.variables import named_in
from fhir_case.server.quirks import Caps
from fhir_case.server.retry import RetryPolicy
from fhir_case.wording import did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

    from fhir_case.server.named.table import Table

__all__ = ["read_entry"]

_OF_THE_EMBEDDED = ("strict", "heap")
_FILES = ("ca_file", "client_certificate", "client_key")
_OTHERS = ("start_timeout_s", "auth", "headers", "timeout_s", "caps", "retry", "real_patient_data", "placeholders")
_KEYS = ("url", "start", "fhir", *_OF_THE_EMBEDDED, *_FILES, *_OTHERS)
_RELEASES = ("R4", "R4B", "R5")
_SECRET = "write ${NAME}, and put it into the environment variable NAME"  # noqa: S105  # advice, no secret


def read_entry(name: str, file: Path, table: Table) -> NamedServer:
    """
    Return one server; what is wrong is noted in the table, and left out.

    Args:
        file: The file that it is from, an absolute path.
    """
    table.refuse_unknown(_KEYS)
    if ("url" in table.content) == ("start" in table.content):
        hint = "url says where it is, start how to start it: write one of them"
        table.wrong("", "there are url and start" if "url" in table.content else "there is neither url nor start", hint)
    start = _start(table)
    kind, auth = _auth(table.table("auth", '{ kind = "bearer", token = "${TOKEN}" }'), stated="auth" in table.content)
    stated: dict[str, Any] = {
        "start_timeout_s": table.number("start_timeout_s"),
        "timeout_s": table.number("timeout_s"),
        **{key: table.text(key) for key in _FILES},
    }
    if table.content.get("client_key") and not table.content.get("client_certificate"):
        table.wrong("client_key", "it belongs to a certificate", "name that as client_certificate")
    return NamedServer(
        name,
        url=_url(table),
        start=start,
        fhir=_release(table, start),
        **_of_the_embedded(table, start),
        auth_kind=kind,
        auth=auth,
        headers=_headers(table.table("headers", '{ X-Api-Key = "${KEY}" }')),
        caps=_caps(table.table("caps", "{ entries = 50 }")),
        policy=_policy(table.table("retry", "{ request_s = 60 }")),
        real_patient_data=table.truth("real_patient_data"),
        placeholders=table.truth("placeholders"),
        file=file,
        **{key: value for key, value in stated.items() if value},
    )


def _url(table: Table) -> str:
    text = table.text("url")
    if text and not named_in([text]):
        try:
            return checked_base_url(text)
        except ServerError as error:
            table.wrong("url", error.message, error.hint)
    return text


def _start(table: Table) -> tuple[str, ...]:
    value = table.content.get("start")
    if value is None or value in EMBEDDED:
        return EMBEDDED if value else ()
    if isinstance(value, list) and value and all(isinstance(each, str) and each for each in value):
        if any("${" in each for each in value):
            hint = "a program finds all variables in its own environment; others can read its arguments"
            table.wrong("start", "variables are not put into a command", hint)
        return tuple(value)
    hint = 'write "hapi" for the embedded server, or a program and its arguments: ["node", "server.mjs"]'
    table.wrong("start", "this is neither the embedded server nor a command", hint)
    return ()


def _release(table: Table, start: tuple[str, ...]) -> str:
    text = table.text("fhir")
    releases = ("R4", "R5") if start == EMBEDDED else _RELEASES
    if text and text not in releases:
        table.wrong("fhir", "this is not a release that is known here", f"write one of {', '.join(releases)}")
        return ""
    return text


def _of_the_embedded(table: Table, start: tuple[str, ...]) -> dict[str, Any]:
    stated: dict[str, Any] = {"strict": table.truth("strict"), "heap": table.text("heap")}
    if start != EMBEDDED:
        for key in _OF_THE_EMBEDDED:
            if key in table.content:
                table.wrong(key, "only the embedded server has this", 'leave it out, or write start = "hapi"')
        return {}
    found = {key: value for key, value in stated.items() if value}
    try:
        Options(**found).check()
    except CheckerError as error:
        table.wrong("heap", error.message, error.hint)
        return {}
    return found


def _auth(table: Table, *, stated: bool) -> tuple[str, dict[str, str]]:
    kind = table.content.get("kind")
    if not stated or not isinstance(kind, str) or kind not in METHODS:
        if stated:
            near = did_you_mean(kind, METHODS) if isinstance(kind, str) else ""
            table.wrong("kind", "this is not a way to sign in", near or f"write one of {', '.join(METHODS)}")
        return "none", {}
    settings = {each.name: each for each in METHODS[kind]}
    table.refuse_unknown(("kind", *settings))
    values = {name: text for name in settings if (text := table.text(name))}
    for each in missing(kind, table.content):
        instead = f", or {each.instead}" if each.instead else ""
        example = f", for example {each.example}" if each.example else ""
        table.wrong("", f"{kind} needs {each.name}{instead}", f"add it{example}")
    for name, each in settings.items():
        if each.secret and name in values and not named_in([values[name]]):
            table.wrong(name, "a secret does not stand in this file", _SECRET)
        if each.instead and name in table.content and each.instead in table.content:
            table.wrong("", f"there are {name} and {each.instead}", "keep one of them")
    return kind, values


def _headers(table: Table) -> dict[str, str]:
    headers = {}
    for name in table.content:
        text = table.text(name)
        if not is_header_name(name):
            table.wrong("", f"a header cannot be named '{name}'", "use letters, digits and hyphens")
        elif text and not named_in([text]):
            table.wrong(name, "the value of a header does not stand in this file: it may be a secret", _SECRET)
        headers[name] = text
    return headers


def _caps(table: Table) -> Caps:
    names = [each.name for each in fields(Caps)]
    table.refuse_unknown(names)
    return Caps(**{name: table.number(name, whole=True) or 0 for name in names})


def _policy(table: Table) -> RetryPolicy:
    names = [each.name for each in fields(RetryPolicy)]
    table.refuse_unknown(names)
    stated = {name: table.number(name, whole=name == "run", zero=True) for name in names}
    return RetryPolicy(**{name: value for name, value in stated.items() if value is not None})

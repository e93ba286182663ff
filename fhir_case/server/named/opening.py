"""Reach a server by name: fill in its secrets, start it where it has to be started, and end it afterwards."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fhir_case.java.events import Listener, silent
from fhir_case.server.auth.access import Access
from fhir_case.server.certificates import Certificates
from fhir_case.server.client import Client
from fhir_case.server.connection import connect
from fhir_case.server.guard import checked_base_url
from fhir_case.server.named.model import EMBEDDED
from fhir_case.server.named.variables import filled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fhir_case.server.connection import Connection
    from fhir_case.server.named.model import NamedServer

__all__ = ["OpenServer", "access", "base_url", "open_server"]

_CONNECT_S = 10.0
_START_S = 60.0
_FILES = ("ca_file", "client_certificate", "client_key")
_FILES_OF_AUTH = ("token_file", "private_key_file")


@dataclass(frozen=True, slots=True)
class OpenServer:
    """
    A server that is ready for requests.

    Args:
        base_url: Its base URL.
        connection: Who asks and how it is reached.
        timeout_s: How long to wait for an answer.
    """

    base_url: str
    connection: Connection
    timeout_s: float
    _clients: list[Client] = field(default_factory=list, init=False, repr=False, compare=False)

    def client(self, *, timeout_s: float | None = None) -> Client:
        """
        Return a new client, for one thread; it is closed with the server at the latest.

        Args:
            timeout_s: How long to wait for an answer; None: that of the server.
        """
        wait_s = timeout_s or self.timeout_s
        made = Client(self.base_url, timeout_s=(min(_CONNECT_S, wait_s), wait_s), connection=self.connection)
        self._clients.append(made)
        return made

    def close(self) -> None:
        """Close all clients."""
        for client in self._clients:
            client.close()


@contextmanager
def open_server(
    server: NamedServer, environment: Mapping[str, str], *, listener: Listener = silent
) -> Iterator[OpenServer]:
    """
    Return a server that is ready for requests; one that has to be started ends with this context.

    Args:
        environment: The variables that its file names, and those of the program that is started.
        listener: Called with each step of the start of an embedded server.

    Raises:
        FhirCaseError: A variable is not set.
        ServerError: Something that its file says cannot be used.
        CheckerError: It could not be started, or authlib is needed and not installed.
    """
    who = access(server, environment)
    with ExitStack() as stack:
        if server.start:
            url = stack.enter_context(_started(server, environment, listener))
        else:
            url = base_url(server, environment)
        opened = OpenServer(
            url, connect(url, who, timeout_s=server.timeout_s, limits=server.response), server.timeout_s
        )
        stack.callback(opened.close)
        yield opened


def base_url(server: NamedServer, environment: Mapping[str, str]) -> str:
    """
    Return the base URL of a server that is not started.

    Raises:
        FhirCaseError: A variable is not set.
        ServerError: It is not a URL of a FHIR server.
    """
    return checked_base_url(filled({"url": server.url}, environment, where=server.where)["url"])


def access(server: NamedServer, environment: Mapping[str, str]) -> Access:
    """
    Return who asks and how a server is reached, with the values of its variables.

    Raises:
        FhirCaseError: A variable is not set.
    """
    texts = {
        ("url", ""): server.url,
        **{("file", name): text for name in _FILES if (text := getattr(server, name))},
        **{("auth", name): text for name, text in server.auth_settings.items()},
        **{("header", name): text for name, text in server.headers.items()},
    }
    values = filled(texts, environment, where=server.where)  # all at once, so that all that is not set is named
    paths = {name: _path(server, text) for (group, name), text in values.items() if group == "file"}
    auth = {name: text for (group, name), text in values.items() if group == "auth"}
    auth |= {name: str(_path(server, auth[name])) for name in _FILES_OF_AUTH if name in auth}
    headers = {name: text.strip() for (group, name), text in values.items() if group == "header"}
    return Access(server.auth_kind, auth, headers, Certificates(**paths))


def _path(server: NamedServer, text: str) -> Path:
    folder = server.file.parent if server.file else Path()
    return folder / Path(text).expanduser()


@contextmanager
def _started(server: NamedServer, environment: Mapping[str, str], listener: Listener) -> Iterator[str]:
    if server.start == EMBEDDED:
        from fhir_case.server.hapi import HapiServer
        from fhir_case.server.hapi.database import PASSWORD, USER

        named = {"db": server.db, USER: server.db_user, PASSWORD: server.db_password}
        values = filled({name: text for name, text in named.items() if text}, environment, where=server.where)
        embedded = HapiServer(
            db=values.pop("db", ""),
            fhir="R5" if server.fhir == "R5" else "R4",
            strict=server.strict,
            heap=server.heap,
            placeholders=server.placeholders,
            listener=listener,
            environment={**environment, **values},
            timeout_s=server.start_timeout_s,
        )
        with embedded:
            yield embedded.base_url
        return
    from fhir_case.server.named.program import program

    with program(
        server.start,
        server.file.parent if server.file else Path.cwd(),
        environment,
        where=f"{server.where} start",
        timeout_s=server.start_timeout_s or _START_S,
    ) as url:
        yield url

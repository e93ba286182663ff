"""The servers of a test run: those that were named, and embedded ones, started when they are first wanted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fhir_case.errors import CheckerError, FhirCaseError, ServerError
from fhir_case.server.capabilities import UNKNOWN, Capabilities
from fhir_case.server.client import Client
from fhir_case.server.guard import checked_base_url
from fhir_case.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fhir_case.fhir.models import FhirVersion
    from fhir_case.server.connection import Connection
    from fhir_case.server.hapi import HapiServer

__all__ = ["Servers", "server_options"]

_NOT_FOR_THE_USER = ("fhir", "listener", "environment")
_FOLDERS = ("cache", "data", "state")


class Servers:
    """
    The servers of a run, one for each release, and the clients for them.

    Args:
        urls: The base URLs that the user named.
        connection: Who asks the servers that the user named, and how they are reached.
        shared: The folder where the processes of this run meet to share embedded servers; None: there is one process.
    """

    def __init__(self, urls: Sequence[str], connection: Connection | None, shared: Path | None) -> None:
        self._urls = tuple(checked_base_url(url) for url in urls)
        self._connection = connection
        self._shared = shared
        self._embedded: list[HapiServer] = []
        self._clients: dict[str, Client] = {}
        self._capabilities: dict[str, Capabilities] = {}

    def base_url(self, fhir: FhirVersion, options: Mapping[str, Any]) -> str:
        """
        Return a server of this release: the one that was named, else an embedded one, which is started.

        Args:
            options: For an embedded one, see `server_options`.

        Raises:
            ServerError: A server that was named was not reached, or does not say which release it speaks.
            CheckerError: The embedded server cannot run here.
        """
        if named := self._named(fhir):
            return named
        if self._shared is not None:
            from fhir_case.testing.shared_server import join

            return join(self._shared, fhir, server_options(options))
        from fhir_case.server.hapi import HapiServer

        server = HapiServer(fhir=fhir, **server_options(options)).start()
        self._embedded.append(server)
        return server.base_url

    def client(self, server: str) -> Client:
        """
        Return the client for a base URL; it stays open until `close`.

        Raises:
            ServerError: It is not a base URL, or credentials would go over plain http.
        """
        base = checked_base_url(server)
        if base not in self._clients:
            # Whoever asks one server with credentials does not show them to another.
            self._clients[base] = Client(base, connection=self._connection if base in self._urls else None)
        return self._clients[base]

    def capabilities(self, server: str) -> Capabilities:
        """
        Return the capabilities of a server, which is asked once.

        Raises:
            ServerError: It was not reached.
        """
        base = checked_base_url(server)
        if self._capabilities.get(base, UNKNOWN) is UNKNOWN:
            self._capabilities[base] = self.client(base).capabilities()
        return self._capabilities[base]

    def release(self, server: str) -> FhirVersion:
        """
        Return the release of FHIR that a server speaks; R4B counts as R4.

        Raises:
            ServerError: It was not reached, does not say, or speaks another.
        """
        capabilities = self.capabilities(server)
        release = capabilities.release.removesuffix("B")
        if release in ("R4", "R5"):
            return "R5" if release == "R5" else "R4"
        if release:
            raise ServerError(
                f"this server speaks FHIR {capabilities.fhir_version}; R4 and R5 can be used", where=server
            )
        raise ServerError(
            "this server does not say which release of FHIR it speaks",
            where=f"{server}/metadata",
            hint="if it wants a sign-in, override the fixture fhir_connection",
        )

    def close(self) -> None:
        """Close the clients and stop the embedded servers of this process."""
        for client in self._clients.values():
            client.close()
        for server in self._embedded:
            server.stop()

    def _named(self, fhir: FhirVersion) -> str:
        found = [url for url in self._urls if self.release(url) == fhir]
        if len(found) > 1:
            raise CheckerError(
                f"two servers speak {fhir}: {' and '.join(found)}", hint="name one --fhir-server of each"
            )
        return found[0] if found else ""


def server_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return options for `HapiServer` in the types that it takes; a path may be a text.

    Raises:
        FhirCaseError: There is no such option.
    """
    from inspect import signature

    from fhir_case.server.hapi.embedded import HapiServer

    known = [name for name in signature(HapiServer).parameters if name not in _NOT_FOR_THE_USER]
    for name in options:
        if name not in known:
            hint = did_you_mean(name, known) or ", ".join(known)
            raise FhirCaseError(f"the embedded server has no option '{name}'", where="hapi_options", hint=hint)
    found = dict(options)
    found |= {name: Path(found[name]) for name in _FOLDERS if found.get(name) is not None}
    if "packages" in found:
        found["packages"] = tuple(Path(each) for each in found["packages"])
    return found

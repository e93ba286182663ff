"""The server: it listens on loopback, and lets one request after the other at what is stored."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import replace
from functools import partial
from threading import Lock
from time import sleep
from typing import TYPE_CHECKING, ClassVar, Self

from requests.structures import CaseInsensitiveDict

from loopback import LoopbackServer

from .behaviour import FAULTS, FEATURES, Behaviour
from .connection import Connection
from .exchange import Refusal, Reply, Request, target
from .interactions import Interactions
from .paging import Pages
from .quirks import HAPI, QUIRKS, quirks_of
from .routes import Routes
from .storage import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from fhir_case.fhir.wire import Resource

__all__ = ["SmallServer"]

_RACE_S = 0.3


class SmallServer:
    """
    Serve FHIR R4 from memory, for as long as the ``with`` block runs.

    Args:
        faults: The names of the faults planted, see `FAULTS`; none for a correct server.
        without: The names of capabilities that the server does not have and does not claim, see `FEATURES`.
        quirks: The names of the quirks that it has, see `QUIRKS`.
        port: 0 for a free one.

    Attributes:
        url: The base URL for the client, known inside the ``with`` block.
        behaviour: Its quirks, software and release may change while it runs.
        requests: All requests that came.
        resources: What is stored, by ``Type/id``.
        hook: Is called with every request and a function that carries it out; it returns the reply, or None to reset
            the connection.

    Raises:
        ValueError: There is no such fault, capability or quirk.
        OSError: The port is taken, at the start of the ``with`` block.
    """

    FAULTS: ClassVar[Mapping[str, str]] = FAULTS
    FEATURES: ClassVar[Mapping[str, str]] = FEATURES
    QUIRKS: ClassVar[Mapping[str, str]] = QUIRKS

    def __init__(
        self,
        faults: Collection[str] = (),
        *,
        without: Collection[str] = (),
        quirks: Collection[str] = (),
        port: int = 0,
    ) -> None:
        self.url = ""
        self.behaviour = Behaviour(frozenset(faults), frozenset(without), set(quirks))
        self.requests: list[Request] = []
        self.hook: Callable[[Request, Callable[[], Reply]], Reply | None] = lambda _, answer: answer()
        store = Store(self.behaviour)
        self.resources = Resources(store)
        self._routes = Routes(store, self.behaviour, Pages(self.behaviour))
        self._port = port
        self._lock = Lock()

    @classmethod
    def like(cls, software: str = HAPI) -> Self:
        """Return a server that behaves as a software does, and says that it is this software."""
        without = () if software == HAPI else ("search-_source",)
        server = cls(quirks=quirks_of(software), without=without)
        server.behaviour.software = software
        return server

    def __enter__(self) -> Self:
        self._http = LoopbackServer(self._port, partial(Connection, self._received, self.behaviour))
        self.url = f"http://127.0.0.1:{self._http.port}/fhir"
        self._http.__enter__()
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop at once: connections that wait for a next request are cut off."""
        self._http.__exit__()

    @property
    def transactions(self) -> list[Request]:
        """Return the requests that asked for a transaction or a batch."""
        return [each for each in self.requests if each.is_transaction]

    @property
    def names(self) -> set[str]:
        """Return ``Type/id`` of all that is stored."""
        return set(self.resources)

    def versions(self) -> dict[str, str]:
        """Return the version of all that is stored."""
        return {name: resource["meta"]["versionId"] for name, resource in self.resources.items()}

    def put(self, resource: Resource) -> None:
        """Store a resource as somebody else would."""
        body = {**resource, "meta": {**resource.get("meta", {}), "source": "#somebody"}}
        url = (resource["resourceType"], resource["id"])
        self.answer(Request("PUT", url, headers={"x-request-id": "somebody"}, body=body))

    def _received(self, request: Request) -> Reply | None:
        self.requests.append(request)
        return self.hook(request, lambda: self.answer(request))

    def answer(self, request: Request) -> Reply:
        """Answer one request; no other one sees what it has done by half."""
        if self.behaviour.has("answers-200-to-everything") and request.path != ("metadata",):
            empty = {"resourceType": "Bundle", "type": "searchset", "total": 0}
            return Reply(200, request.body if isinstance(request.body, dict) else empty)
        try:
            if self.behaviour.has("races-on-conditional-create"):
                request = self._looked_up(request)
            with self._lock:
                return self._routes.answer(request)
        except Refusal as refusal:
            return refusal.reply()

    def _looked_up(self, request: Request) -> Request:
        """Look for the match of a conditional create before it is its turn, as a server without a lock does."""
        criteria = request.headers.get("if-none-exist", "")
        if request.method != "POST" or not criteria:
            return request
        with self._lock:
            act = Interactions(self._routes.store, self.behaviour, request.base_url)
            found = act.matches(request.path[0], target(f"?{criteria}")[1])
        if found:
            return request
        sleep(_RACE_S)  # the others look in the meantime
        headers = CaseInsensitiveDict(request.headers)
        del headers["If-None-Exist"]
        return replace(request, headers=headers)


class Resources(MutableMapping[str, "Resource"]):
    """What is stored on a server, by ``Type/id``; setting one stores it as it is, as a new version."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getitem__(self, name: str) -> Resource:
        found = self._store.there(*_split(name))
        if found is None:
            raise KeyError(name)
        return found.content

    def __setitem__(self, name: str, resource: Resource) -> None:
        self._store.restore(*_split(name), resource)

    def __delitem__(self, name: str) -> None:
        self._store.delete(*_split(name))

    def __iter__(self) -> Iterator[str]:
        return (version.name for version in list(self._store.everything()))

    def __len__(self) -> int:
        return len(list(self._store.everything()))


def _split(name: str) -> tuple[str, str]:
    kind, _, resource_id = name.partition("/")
    return kind, resource_id

"""A correct server, and servers with faults, each new for one test."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from smallserver import SmallServer
from smallserver.asking import Fhir

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def fhir() -> Iterator[Fhir]:
    """The connection to a correct server."""
    with SmallServer() as server, Fhir(server.url) as client:
        yield client


@pytest.fixture
def served() -> Iterator[Callable[..., Fhir]]:
    """Start a server with some faults, or without some capabilities, and give the connection to it."""
    with ExitStack() as stack:

        def serve(*faults: str, without: tuple[str, ...] = ()) -> Fhir:
            server = stack.enter_context(SmallServer(faults, without=without))
            return stack.enter_context(Fhir(server.url))

        yield serve

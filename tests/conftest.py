"""The fixtures of all tests: the real HAPI server, started once a run when a test first wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew; the review reads them")


@pytest.fixture(scope="session")
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(scope="session")
def hapi_r4() -> Iterator[str]:
    """The base URL of a real HAPI FHIR R4 server. What it lacks to start is an error of the run, never a skip."""
    from fhir_case import HapiServer

    with HapiServer() as server:
        yield server.base_url

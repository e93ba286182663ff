"""Projects of a user of the plugin, whose runs share the server of our own run."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from smallserver import SmallServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# A run inside of ours forgets what it was the first to import; a second copy of these would not know the first one.
for _module in (
    "requests",
    "tenacity",
    "fhir_case.bundle",
    "fhir_case.case",
    "fhir_case.load",
    "fhir_case.server.connection",
    "fhir_case.testing.assertion",
    "fhir_case.testing.cleanup",
    "fhir_case.testing.differences",
    "fhir_case.testing.loading",
    "fhir_case.testing.servers",
    "fhir_case.testing.shared_server",
    "fhir_case_mappings",
):
    import_module(_module)


@pytest.fixture
def fake() -> Iterator[SmallServer]:
    """A small FHIR R4 server on loopback that says that it is HAPI FHIR."""
    with SmallServer.like() as server:
        yield server


@pytest.fixture
def run(pytester: pytest.Pytester) -> Callable[..., pytest.RunResult]:
    """Run pytest on the text of a test module, with these arguments."""

    def run(module: str, *arguments: str) -> pytest.RunResult:
        pytester.makepyfile(module)
        return pytester.runpytest("-p", "no:cacheprovider", *arguments)

    return run

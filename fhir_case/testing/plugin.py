"""
The plugin of pytest: real FHIR servers, isolated data, loading. It does nothing until a test uses a fixture of it.

Every run of pytest on a machine with this package imports this module; so it imports pytest and nothing else that takes
time.
"""

from __future__ import annotations

import os
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.fhir.models import FhirVersion
    from fhir_case.server.connection import Connection
    from fhir_case.testing.loading import CaseBundle, Load
    from fhir_case.testing.namespace import FhirNamespace
    from fhir_case.testing.servers import Servers
    from fhir_case.testing.shared_server import SharedRun

_RUN: pytest.StashKey[SharedRun] = pytest.StashKey()
_FOLDER = "fhir_case_folder"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that names a server."""
    parser.getgroup("fhir-case", "FHIR servers and clinical cases").addoption(
        "--fhir-server",
        action="append",
        default=[],
        metavar="URL",
        dest="fhir_servers",
        help="Use this FHIR server for hapi_r4 or hapi_r5, whichever release it speaks, instead of starting one; may "
        "be given for each.",
    )
    parser.getgroup("fhir-case").addoption(
        "--fhir-start-timeout",
        type=float,
        metavar="SECONDS",
        dest="fhir_start_timeout_s",
        help="How long the start of an embedded server may take. Default: 180, and longer as long as it gets on; the "
        "fixture hapi_options goes before.",
    )
    parser.getgroup("fhir-case").addoption(
        "--fhir-db",
        metavar="h2|postgres|JDBC-URL",
        dest="fhir_db",
        help="The database of the embedded servers: H2, an embedded PostgreSQL, or one of your own, "
        "jdbc:postgresql://HOST/DATABASE. Default: H2 in memory; the fixture hapi_options goes before.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse what is not a base URL before any test runs."""
    for url in _named(config):
        from fhir_case.errors import ServerError
        from fhir_case.server.guard import checked_base_url

        try:
            checked_base_url(url)
        except ServerError as error:
            raise pytest.UsageError(f"--fhir-server: {error}") from None


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Return a line for each server that was named."""
    return [f"fhir-server: {url}" for url in _named(config)]


def _named(config: pytest.Config) -> list[str]:
    named: list[str] = config.getoption("fhir_servers") or []
    return named


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Inform a worker of pytest-xdist on this machine where the workers of this run meet."""
    if node.gateway.spec.popen and hasattr(os, "mkfifo"):
        from fhir_case.testing.shared_server import SharedRun

        stash = node.config.stash
        if _RUN not in stash:
            stash[_RUN] = SharedRun()
        node.workerinput[_FOLDER] = str(stash[_RUN].folder)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers that the workers of this run shared."""
    if run := config.stash.get(_RUN, None):
        run.close()


@contextmanager
def _failing() -> Iterator[None]:
    """Turn an error of this library into one of the test's set-up, without a traceback through us."""
    from fhir_case.errors import FhirCaseError

    try:
        yield
    except FhirCaseError as error:
        from fhir_case.testing.shown import shown

        pytest.fail(shown(str(error)), pytrace=False)


@pytest.fixture(scope="session")
def hapi_options() -> dict[str, Any]:
    """
    Options for the embedded servers, by default none: override it to choose.

    They are arguments of `fhir_case.HapiServer`, such as ``packages``, ``strict``, ``heap`` and ``timeout_s``.
    """
    return {}


@pytest.fixture(scope="session")
def fhir_connection() -> Connection | None:
    """
    Who asks the servers of ``--fhir-server``, by default nobody signs in: override it to return a connection.

    It is a `fhir_case.server.connection.Connection`. Other servers never get its credentials.
    """
    return None


@pytest.fixture(scope="session")
def _fhir_servers(pytestconfig: pytest.Config, fhir_connection: Connection | None) -> Iterator[Servers]:
    from fhir_case.testing.servers import Servers

    folder = getattr(pytestconfig, "workerinput", {}).get(_FOLDER)
    servers = Servers(_named(pytestconfig), fhir_connection, Path(folder) if folder else None)
    yield servers
    servers.close()


@pytest.fixture(scope="session")
def hapi_r4(_fhir_servers: Servers, hapi_options: dict[str, Any], pytestconfig: pytest.Config) -> str:
    """
    The base URL of a real FHIR R4 server: that of ``--fhir-server`` if it speaks R4, else an embedded HAPI FHIR.

    The embedded one is started when a test first wants it and ends with the run; all workers of pytest-xdist share it.
    """
    with _failing():
        return _fhir_servers.base_url("R4", _with_options(pytestconfig, hapi_options))


@pytest.fixture(scope="session")
def hapi_r5(_fhir_servers: Servers, hapi_options: dict[str, Any], pytestconfig: pytest.Config) -> str:
    """The base URL of a real FHIR R5 server: that of ``--fhir-server`` if it speaks R5, else an embedded HAPI FHIR."""
    with _failing():
        return _fhir_servers.base_url("R5", _with_options(pytestconfig, hapi_options))


def _with_options(config: pytest.Config, options: dict[str, Any]) -> dict[str, Any]:
    """Return options for an embedded server: those of the command line, unless the fixture has them too."""
    named = {"timeout_s": config.getoption("fhir_start_timeout_s"), "db": config.getoption("fhir_db")}
    return {name: value for name, value in named.items() if value is not None} | options


def _release(request: pytest.FixtureRequest) -> FhirVersion:
    """Return the release of a test: R5 where it has hapi_r5 and not hapi_r4."""
    names = request.node.fixturenames
    return "R5" if "hapi_r5" in names and "hapi_r4" not in names else "R4"


def _server(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(f"hapi_{_release(request).lower()}")
    return found


@pytest.fixture
def fhir_namespace(request: pytest.FixtureRequest, _fhir_servers: Servers) -> Iterator[FhirNamespace]:
    """Ids, identifiers and a tag of the test's own; what belongs to them is removed from the servers after the test."""
    from fhir_case.testing.cleanup import LeftOverWarning, remove_created
    from fhir_case.testing.namespace import FhirNamespace, new_name

    namespace = FhirNamespace(new_name(), lambda: _server(request))
    yield namespace
    from fhir_case.testing.shown import shown

    for text in remove_created(namespace, _fhir_servers.client):
        warnings.warn(shown(f"{request.node.nodeid}: {text}"), LeftOverWarning, stacklevel=1)


@pytest.fixture
def case_bundle(request: pytest.FixtureRequest, fhir_namespace: FhirNamespace) -> CaseBundle:
    """Build the Bundle of a case, ``case_bundle("hcc-tare-sorafenib")``, with ids of this test alone."""
    from fhir_case.testing.loading import CaseBundle

    return CaseBundle(fhir_namespace, lambda: _release(request))


@pytest.fixture
def load(request: pytest.FixtureRequest, fhir_namespace: FhirNamespace, _fhir_servers: Servers) -> Load:
    """Load a Bundle or a resource, ``load(bundle)`` or ``load(bundle, hapi_r5)``; it is removed after the test."""
    from fhir_case.testing.loading import Load

    return Load(_fhir_servers, fhir_namespace, lambda: _server(request))

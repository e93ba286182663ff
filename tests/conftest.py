"""
The fixtures of all tests. The real servers, `hapi_r4` and `hapi_r5`, are those of our own pytest plugin.

Each is started once a run when a test first wants it, and all workers share it.
"""

from __future__ import annotations

import os
import signal
import socket
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
import responses

from smallserver import SmallServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytest_plugins = ["pytester"]

_PACKAGES = Path(__file__).resolve().parent.parent.parent / "shared" / "packages"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew; the review reads them")


def pytest_configure() -> None:
    # A shell starts what it runs in the background with Ctrl-C ignored, and all processes would inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(scope="session")
def fhir_packages() -> dict[str, Path]:
    """The files of FHIR packages, by name. They are no part of the project: without them a run of CI fails."""
    files = {file.name.rpartition("-")[0]: file for file in sorted(_PACKAGES.glob("*.tgz"))}
    if not files:
        message = f"no FHIR package in {_PACKAGES}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return files


@pytest.fixture(scope="session")
def r4_packages(fhir_packages: dict[str, Path]) -> list[Path]:
    """What is needed to check mCODE on US Core."""
    return [file for name, file in fhir_packages.items() if ".r5." not in name]


@pytest.fixture
def base() -> str:
    return "https://fhir.example/fhir"


@pytest.fixture
def http() -> Iterator[responses.RequestsMock]:
    """Strict: a request that no test announced fails, and so does an announced one that is not made."""
    with responses.RequestsMock(assert_all_requests_are_fired=True) as mock:
        yield mock


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between two tries, which nobody has to wait for."""
    found: list[float] = []
    monkeypatch.setattr("time.sleep", found.append)
    return found


@pytest.fixture
def raw_server() -> Callable[[bytes], Any]:
    """Serve some bytes to one connection at a time, then close it, whatever was asked."""

    @contextmanager
    def serve(answer: bytes) -> Iterator[str]:
        listening = socket.create_server(("127.0.0.1", 0))

        def run() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)

        thread = Thread(target=run)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/fhir"
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            listening.close()
            thread.join()

    return serve


@pytest.fixture
def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def state_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of its own for what the program remembers."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))


@pytest.fixture
def small() -> Iterator[SmallServer]:
    """The small FHIR server of the tests."""
    with SmallServer() as server:
        yield server

"""One embedded server for all workers, which ends with the run, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from fhir_case.errors import CheckerError
from fhir_case.server.hapi import running_servers
from fhir_case.testing.servers import server_options
from fhir_case.testing.shared_server import SharedRun, join

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WORKERS = """
import os
import time
import pytest
from fhir_case.server.client import Client

def note(text):
    with open("notes", "a") as file:
        file.write(f"{os.environ['PYTEST_XDIST_WORKER']} {text}\\n")

@pytest.mark.parametrize("number", range(4))
def test_it(hapi_r4, load, fhir_namespace, number):
    loaded = load({"resourceType": "Patient", "id": fhir_namespace.id("p")})
    assert (hapi_r4, "1") == (loaded.server, loaded.read("Patient/p")["meta"]["versionId"])
    note(hapi_r4)

def test_crash(hapi_r4):
    note("crash")
    os._exit(3)

@pytest.mark.parametrize("number", range(4))
def test_after_the_crash(hapi_r4, number):
    end = time.monotonic() + 60
    while " crash" not in open("notes").read() and time.monotonic() < end:
        time.sleep(0.1)
    with Client(hapi_r4) as client:
        assert "R4" == client.capabilities().release
    note(hapi_r4)
"""

# A server that is only a process: a real one takes so long to start.
PRETENDED = """
import subprocess
import fhir_case.server.hapi
from fhir_case.server.hapi.running import RunningServer, created

class Server:
    def __init__(self, **options):
        with open("started", "a") as file:
            file.write(f"{options}\\n")

    def start_detached(self, *, lifeline):
        command = ["sh", "-c", "cat; exit", "fhircase.EmbeddedServer"]
        process = subprocess.Popen(command, stdin=lifeline, stdout=subprocess.DEVNULL, start_new_session=True)
        process.returncode = 0
        url = "http://127.0.0.1:9/fhir"
        return RunningServer(process.pid, created(process.pid), "", 9, url, "R4", "", "", "", True)

fhir_case.server.hapi.HapiServer = Server
"""

KILLED = """
import json
import time
from pathlib import Path

def test_it(hapi_r4, request):
    Path("folder").write_text(request.config.workerinput["fhir_case_folder"])
    time.sleep(600)
"""


def _until(condition: Callable[[], bool], within_s: float = 60) -> bool:
    end = time.monotonic() + within_s
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def _server(folder: Path) -> psutil.Process:
    """The process of the R4 server of a run."""
    import json

    return psutil.Process(json.loads((folder / "R4.json").read_text())["server"]["pid"])


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.server
def test_all_workers_share_one_server_that_outlives_a_crash_and_ends_with_the_run(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(WORKERS)

    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-n", "2")

    result.assert_outcomes(passed=8, failed=1)
    result.stdout.fnmatch_lines(["*worker 'gw?' crashed while running*test_crash*"])
    notes = [line.split() for line in (pytester.path / "notes").read_text().splitlines()]
    assert {"gw0", "gw1"} <= {worker for worker, _ in notes}
    urls = {what for _, what in notes} - {"crash"}
    assert 1 == len(urls)
    assert not urls & {each.base_url for each in running_servers()}


def test_a_killed_run_leaves_no_server_and_the_next_run_no_folder(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", "2"]
    monkeypatch.setenv("TMPDIR", str(pytester.path))
    monkeypatch.setattr("tempfile.tempdir", None)
    pytester.makeconftest(PRETENDED)
    pytester.makepyfile(KILLED)
    with subprocess.Popen(command, cwd=pytester.path, stdout=subprocess.DEVNULL) as controller:
        try:
            assert _until(lambda: (pytester.path / "folder").exists() and (pytester.path / "folder").read_text() != "")
            folder = Path((pytester.path / "folder").read_text())
            server = _server(folder)
            assert _runs(server)
        finally:
            controller.kill()

    assert _until(lambda: not _runs(server))
    lives, other = SharedRun(), SharedRun()
    assert [False, True] == [folder.exists(), lives.folder.exists()]
    lives.close()
    other.close()


def test_a_folder_of_another_program_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "fhir-case-run-3yryuf0d").mkdir()
    SharedRun().close()

    assert ["fhir-case-run-3yryuf0d"] == [folder.name for folder in tmp_path.iterdir()]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SharedRun]:
    """A run of which this process is the controller, and whose servers only pretend."""
    import fhir_case.server.hapi

    monkeypatch.setattr(fhir_case.server.hapi, "HapiServer", None)  # so that it is put back
    monkeypatch.chdir(tmp_path)
    exec(PRETENDED, {})  # noqa: S102
    shared = SharedRun()
    yield shared
    if shared.folder.exists():
        shared.close()


def started() -> list[str]:
    return Path("started").read_text().splitlines()


def test_the_second_who_joins_gets_the_server_of_the_first(run: SharedRun) -> None:
    options: dict[str, Any] = {"packages": [Path("a.tgz")], "heap": "1g"}

    assert "http://127.0.0.1:9/fhir" == join(run.folder, "R4", options) == join(run.folder, "R4", options)
    assert 1 == len(started())


def test_a_run_that_ends_stops_its_servers_and_removes_its_folder(run: SharedRun) -> None:
    join(run.folder, "R4", {})
    server = _server(run.folder)
    run.close()

    assert not _runs(server)
    assert not run.folder.exists()


def test_the_options_reach_the_server_in_its_own_types(run: SharedRun) -> None:
    join(run.folder, "R4", server_options({"packages": ["a.tgz"], "data": "d"}))

    assert ["{'fhir': 'R4', 'packages': (PosixPath('a.tgz'),), 'data': PosixPath('d')}"] == started()


def test_a_new_server_is_started_when_the_last_one_was_killed(run: SharedRun) -> None:
    join(run.folder, "R4", {})
    first = _server(run.folder)
    first.send_signal(signal.SIGKILL)
    assert _until(lambda: not _runs(first))
    join(run.folder, "R4", {})

    assert 2 == len(started())
    assert _runs(_server(run.folder))


def test_a_worker_that_outlives_the_controller_waits_for_nothing(run: SharedRun) -> None:
    os.close(run._lifeline)
    join(run.folder, "R4", {})

    server = _server(run.folder)
    assert _until(lambda: not _runs(server))
    run._lifeline = os.open(os.devnull, os.O_RDONLY)


def test_a_server_that_cannot_start_is_told_to_everyone_without_another_try() -> None:
    run = SharedRun()
    with pytest.raises(CheckerError, match="'much' is not an amount of memory; write it like 512m or 2g"):
        join(run.folder, "R4", {"heap": "much"})
    with pytest.raises(CheckerError, match="'much' is not an amount of memory"):
        join(run.folder, "R4", {"heap": "1g"})
    run.close()


def test_what_goes_wrong_in_the_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(CheckerError, match=r"the server cannot be shared: .*No such file"):
        join(tmp_path / "none", "R4", {})

"""One embedded server for all workers, which ends with the run, however that ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from fhir_case.errors import CheckerError
from fhir_case.server.hapi import running_servers
from fhir_case.testing.shared_server import SharedPlace, alive, join, stop_all

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

KILLED = """
import os
import sys
import time
from pathlib import Path

if "PYTEST_XDIST_WORKER" in os.environ:
    sys.executable = os.environ["PRETENDING_PYTHON"]

def test_it(hapi_r4):
    Path("url").write_text(hapi_r4)
    time.sleep(600)
"""


def _until(condition: Callable[[], bool], within_s: float) -> bool:
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return condition()


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


@pytest.fixture
def place(tmp_path: Path) -> Iterator[SharedPlace]:
    """Where the processes of a run meet that ends with a process of its own."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as owner:
        yield SharedPlace(tmp_path / "run", owner.pid)
        owner.kill()
    assert _until(lambda: not list(tmp_path.glob("run/*.keeper")) or not _keepers(tmp_path / "run"), 20)


def _keepers(folder: Path) -> list[int]:
    return [pid for pid in map(int, re.findall(r"STARTED (\d+)", log(folder))) if alive(pid)]


# A keeper with a server that is only a process.
KEEPER = """
import os, subprocess, sys, time
import fhir_case.server.hapi
from fhir_case.errors import CheckerError

class Server:
    base_url = "http://127.0.0.1:9/fhir"
    alive = True

    def __init__(self, **options):
        print("STARTED", os.getpid(), options, flush=True)

    def __enter__(self):
        time.sleep({starts_s})
        return self

    def __exit__(self, *_):
        print("ENDED", flush=True)

    def check_end(self):
        pass

fhir_case.server.hapi.HapiServer = Server
from pathlib import Path
from fhir_case.testing.keeper import keep
keep(Path(sys.argv[-4]), sys.argv[-3], int(sys.argv[-2]), sys.argv[-1])
"""


@pytest.fixture
def pretend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Let the keeper hold no real server, which takes so long to start; give the Python that does so."""

    def pretend(*, starts_s: float = 0) -> Path:
        script = tmp_path / "keeper.py"
        script.write_text(KEEPER.replace("{starts_s}", str(starts_s)))
        python = tmp_path / "python"
        python.write_text(f'#!/bin/sh\nexec {sys.executable} {script} "$@"\n')
        python.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(python))
        return python

    return pretend


def log(folder: Path) -> str:
    return (folder / "R4.log").read_text()


def test_a_killed_run_leaves_no_server(pytester: pytest.Pytester, pretend: Callable[..., Path]) -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", "2"]
    environment = {**os.environ, "PRETENDING_PYTHON": str(pretend()), "TMPDIR": str(pytester.path)}
    pytester.makepyfile(KILLED)
    with subprocess.Popen(command, cwd=pytester.path, env=environment, stdout=subprocess.DEVNULL) as controller:
        try:
            assert _until((pytester.path / "url").exists, 60)
            folder = next(pytester.path.glob("fhir-case-*"))
            keepers = _keepers(folder)
        finally:
            controller.kill()

    assert 1 == len(keepers)
    assert _until(lambda: not alive(keepers[0]), 20)
    assert not folder.exists()


def test_the_second_who_joins_gets_the_server_of_the_first(place: SharedPlace, pretend: Callable[..., Path]) -> None:
    pretend()
    options: dict[str, Any] = {"packages": [Path("a.tgz")], "heap": "1g"}

    assert "http://127.0.0.1:9/fhir" == join(place, "R4", options) == join(place, "R4", options)
    assert 1 == log(place.folder).count("STARTED")


def test_a_run_that_ends_stops_its_servers_in_good_order(place: SharedPlace, pretend: Callable[..., Path]) -> None:
    pretend()
    join(place, "R4", {})
    with (place.folder / "R4.log").open() as told:
        begin = time.monotonic()
        stop_all(place.folder)
        assert "ENDED" in told.read()
    assert time.monotonic() - begin < 20
    assert not place.folder.exists()


def test_the_options_reach_the_server_in_its_own_types(place: SharedPlace, pretend: Callable[..., Path]) -> None:
    pretend()
    join(place, "R4", {"packages": [Path("a.tgz")], "data": "d"})

    assert "{'fhir': 'R4', 'packages': (PosixPath('a.tgz'),), 'data': PosixPath('d')}" in log(place.folder)


@pytest.mark.parametrize("starts_s", [0, 60])
def test_a_keeper_ends_with_the_owner_of_the_run_also_while_its_server_starts(
    place: SharedPlace, pretend: Callable[..., Path], starts_s: float
) -> None:
    pretend(starts_s=starts_s)

    def join_until_it_is_over() -> None:
        with suppress(CheckerError):
            join(place, "R4", {})

    joining = Thread(target=join_until_it_is_over)
    joining.start()
    assert _until(lambda: (place.folder / "R4.log").exists() and "STARTED" in log(place.folder), 20)
    keeper = int(re.findall(r"STARTED (\d+)", log(place.folder))[0])
    os.kill(place.owner, signal.SIGKILL)

    assert _until(lambda: not alive(keeper), 20)
    assert not place.folder.exists()
    joining.join(10)
    assert not joining.is_alive()


def test_a_server_that_cannot_start_is_told_to_everyone_without_another_try(place: SharedPlace) -> None:
    with pytest.raises(CheckerError, match="'much' is not an amount of memory; write it like 512m or 2g"):
        join(place, "R4", {"heap": "much"})
    keeper = (place.folder / "R4.keeper").read_text()
    assert _until(lambda: not alive(json.loads(keeper)["pid"]), 20)

    with pytest.raises(CheckerError, match="'much' is not an amount of memory"):
        join(place, "R4", {"heap": "1g"})
    assert keeper == (place.folder / "R4.keeper").read_text()


def test_a_keeper_that_ends_without_a_word_is_told_with_the_end_of_its_log(
    place: SharedPlace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho no such module\nexit 1\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))

    with pytest.raises(CheckerError, match="the keeper of the embedded server ended:\nno such module"):
        join(place, "R4", {})


def test_a_new_keeper_is_started_when_the_last_one_was_killed(place: SharedPlace, pretend: Callable[..., Path]) -> None:
    pretend()
    join(place, "R4", {})
    first = int(re.findall(r"STARTED (\d+)", log(place.folder))[0])
    os.kill(first, signal.SIGKILL)

    assert _until(lambda: not alive(first), 10)
    join(place, "R4", {})
    assert 2 == log(place.folder).count("STARTED")

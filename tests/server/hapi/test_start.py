from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from fhir_case.errors import CheckerError
from fhir_case.java import process
from fhir_case.java.cache import record
from fhir_case.server.hapi import HapiServer, RunningServer, running_servers, stop_server
from fhir_case.server.hapi.running import remember

if TYPE_CHECKING:
    from pretended_java import Machine, Repository


def _gone(pid: int, within_s: float = 60) -> bool:
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:  # also when it goes while it is looked at
            return True
        time.sleep(0.02)
    return False


def test_a_server_starts_and_ends_with_its_context(machine: Machine, unused_port: int) -> None:
    machine.java()
    with machine.server(port=unused_port) as server:
        assert f"http://127.0.0.1:{unused_port}/fhir" == server.base_url
        assert psutil.pid_exists(server.pid)
        assert [server.running] == list(running_servers(machine.folder / "state"))
    assert not psutil.pid_exists(server.pid)
    assert () == running_servers(machine.folder / "state")
    assert ["download", "compile", "start", "ready", "stop"] == list(dict.fromkeys(one.step for one in machine.events))


def test_a_second_start_downloads_and_compiles_nothing(machine: Machine, repository: Repository) -> None:
    machine.java()
    for _ in range(2):
        with machine.server():
            pass
    assert 2 == len(repository.asked)
    assert 1 == sum(one.step == "compile" for one in machine.events)


def test_only_the_listed_jars_are_on_the_class_path(machine: Machine) -> None:
    machine.java()
    with machine.server() as server:
        arguments = next(part[1:] for part in psutil.Process(server.pid).cmdline() if part.startswith("@"))
    class_path = (machine.store / arguments).read_text().split()[1].split(os.pathsep)
    assert ["org/example/server/1/server-1.jar"] == class_path[1:]
    assert class_path[0].startswith("fhircase-")


def test_our_own_classes_are_compiled_anew_when_they_were_altered(machine: Machine) -> None:
    machine.java()
    with machine.server():
        pass
    (program,) = machine.store.glob("fhircase-*.jar")
    program.write_bytes(b"altered")
    with machine.server():
        assert program.read_bytes().startswith(b"PK")


def test_ctrl_c_in_the_terminal_does_not_reach_the_server_itself(machine: Machine) -> None:
    machine.java()
    with machine.server() as server:
        assert os.getsid(server.pid) != os.getsid(0)


def test_stop_can_be_called_by_several_threads_and_again(machine: Machine) -> None:
    machine.java()
    server = machine.server().start()
    threads = [threading.Thread(target=server.stop) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server.stop()
    assert 1 == sum(one.step == "stop" for one in machine.events)
    assert not psutil.pid_exists(server.pid)


def test_a_server_that_does_not_listen_is_ended_by_force(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process.end, "__kwdefaults__", {"patience_s": 0.1})
    machine.java(deaf=True)
    with machine.server() as server:
        pass
    assert not psutil.pid_exists(server.pid)


def test_a_crash_at_the_start_shows_the_end_of_the_log(machine: Machine) -> None:
    machine.java(told="", ends=True)
    with pytest.raises(CheckerError) as caught, machine.server():
        pass
    assert "ended before it was ready:\nline 15 of the log\n" in str(caught.value)
    assert "line 29 of the log" in str(caught.value)
    assert () == running_servers(machine.folder / "state")


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("port", "port 0 of 127.0.0.1 is taken"),
        ("in-use", "another process uses this database"),
        ("memory", "out of memory"),
        ("database", "the database cannot be opened"),
    ],
)
def test_a_reason_that_java_tells_becomes_a_sentence(machine: Machine, reason: str, message: str) -> None:
    machine.java(told=f"FAILED {reason}", ends=True)
    with pytest.raises(CheckerError, match=message), machine.server():
        pass


def test_a_start_that_takes_too_long_is_ended(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.java(told="")
    logs = machine.folder / "state"
    # Time passes once Java has said all, however long that takes here.
    passed_s = lambda: 9.0 if any("line 29" in log.read_text() for log in logs.glob("*.log")) else 0.0  # noqa: E731
    monkeypatch.setattr(process, "time", SimpleNamespace(monotonic=passed_s, sleep=time.sleep))
    with (
        pytest.raises(CheckerError, match=r"not ready within 1 seconds\n(?s:.*)line 29"),
        machine.server(timeout_s=0.6),
    ):
        pass
    assert () == running_servers(machine.folder / "state")


def test_a_taken_port_is_told_before_anything_is_downloaded(machine: Machine, repository: Repository) -> None:
    machine.java()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CheckerError, match=rf"port {port} of 127\.0\.0\.1 is taken.*; choose another port"):
            machine.server(port=port).start()
    assert [] == repository.asked


def test_a_port_of_our_own_server_is_told_with_its_url(machine: Machine, unused_port: int) -> None:
    machine.java()
    with machine.server(port=unused_port) as server, pytest.raises(CheckerError) as caught:
        machine.server(port=unused_port).start()
    assert f"already running: {server.base_url} (process {server.pid})" in str(caught.value)
    assert f"`fhir-case server stop --port {unused_port}`" in str(caught.value)


def test_a_database_in_use_is_told_with_the_server_that_uses_it(machine: Machine) -> None:
    machine.java()
    data = machine.folder / "data"
    with machine.server(data=data) as server, pytest.raises(CheckerError) as caught:
        machine.server(data=data).start()
    assert f"process {server.pid}" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fhir": "R9"}, "does not speak FHIR 'R9'"),
        ({"port": 70000}, "70000 is not a port"),
        ({"heap": "lots"}, "'lots' is not an amount of memory"),
        ({"packages": [Path("us-core.tgz")]}, r"us-core\.tgz: is not named NAME-VERSION\.tgz"),
        ({"packages": [Path("us-core-6.1.0.tgz")]}, r"us-core-6\.1\.0\.tgz: cannot be read"),
        ({"host": "nowhere.invalid", "port": 8080}, r"cannot listen on port 8080 of nowhere\.invalid"),
    ],
)
def test_what_cannot_work_is_told_first(
    machine: Machine, repository: Repository, options: dict[str, Any], message: str
) -> None:
    machine.java()
    with pytest.raises(CheckerError, match=message):
        machine.server(**options).start()
    assert [] == repository.asked


def test_for_long_loads_java_is_told_last_to_optimise(machine: Machine) -> None:
    machine.java()
    with machine.server(throughput=True) as server:
        told = psutil.Process(server.pid).cmdline()
    assert told.index("-XX:TieredStopAtLevel=4") > told.index("-XX:TieredStopAtLevel=1")
    assert told.index("-XX:-UseSerialGC") > told.index("-XX:+UseSerialGC")


def test_a_detached_server_goes_on_until_it_is_stopped(machine: Machine, unused_port: int) -> None:
    machine.java()
    state = machine.folder / "state"
    running = machine.server(port=unused_port).start_detached()
    assert [running] == list(running_servers(state))
    assert running.detached
    stop_server(running, state)
    stop_server(running, state)
    assert () == running_servers(state)
    assert _gone(running.pid)


def test_the_state_of_another_process_with_the_same_number_is_stale(tmp_path: Path) -> None:
    mine = psutil.Process()
    stale = RunningServer(mine.pid, mine.create_time() - 1000, "127.0.0.1", 1, "x", "R4", "", "", "", detached=True)
    remember(stale, tmp_path)
    (tmp_path / "7.json").write_text("{")
    assert () == running_servers(tmp_path)
    stop_server(stale, tmp_path)  # must not end this very process
    assert [] == list(tmp_path.iterdir())


OWNER = """
import os, sys, time
from pathlib import Path
sys.modules["jgo.config"] = None
from fhir_case.server.hapi import HapiServer
from fhir_case.java import installation
from fhir_case.java.lock import Jar
installation.read_lock = lambda: tuple(Jar(frozenset(jar[0]), *jar[1:]) for jar in {jars})
folder = Path({folder!r})
server = HapiServer(cache=folder / "cache", state=folder / "state", environment={environment}).start()
if {forks} and os.fork() == 0:
    time.sleep(120)
    os._exit(0)
print(server.pid, flush=True)  # not before the fork, whose hooks would swallow a signal
time.sleep(120)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("forks", [False, True])
def test_the_server_ends_with_its_owner(machine: Machine, number: signal.Signals, *, forks: bool) -> None:
    machine.java()
    with machine.server() as server:  # so that the jars are there
        assert server.alive
    jars = [(sorted(jar.uses), jar.path, jar.size, jar.sha256) for jar in machine.jars]
    code = OWNER.format(jars=jars, folder=str(machine.folder), environment=machine.environment, forks=forks)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True) as owner:
        assert owner.stdout
        pid = int(owner.stdout.readline())
        os.kill(owner.pid, number)
        assert _gone(pid)
        os.killpg(owner.pid, signal.SIGKILL)  # a fork that sleeps


def test_the_library_gives_the_class(machine: Machine) -> None:
    import fhir_case

    assert fhir_case.HapiServer is HapiServer
    with pytest.raises(CheckerError, match="was not started"):
        _ = machine.server().base_url


STARTER = OWNER.replace(".start()", ".start_detached()")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_starter_that_ends_early_leaves_no_server(machine: Machine, number: signal.Signals) -> None:
    machine.java()
    with machine.server() as server:  # so that the jars are there
        assert server.alive
    machine.java(told="")  # it is never ready
    jars = [(sorted(jar.uses), jar.path, jar.size, jar.sha256) for jar in machine.jars]
    code = STARTER.format(jars=jars, folder=str(machine.folder), environment=machine.environment, forks=False)
    state = machine.folder / "state"
    with subprocess.Popen([sys.executable, "-c", code], start_new_session=True) as starter:
        end = time.monotonic() + 60
        while not (found := running_servers(state)) and time.monotonic() < end:
            time.sleep(0.02)
        os.kill(starter.pid, number)
        assert _gone(found[0].pid)
    assert () == running_servers(state)


def test_a_detached_server_outlives_its_starter_with_its_port_known(machine: Machine, unused_port: int) -> None:
    machine.java(told=f"READY {unused_port} R4 0.1")
    with machine.server() as server:  # so that the jars are there
        assert server.alive
    jars = [(sorted(jar.uses), jar.path, jar.size, jar.sha256) for jar in machine.jars]
    code = STARTER.format(jars=jars, folder=str(machine.folder), environment=machine.environment, forks=False)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True) as starter:
        assert starter.stdout
        pid = int(starter.stdout.readline())
        starter.kill()
    (running,) = running_servers(machine.folder / "state")
    assert (pid, unused_port) == (running.pid, running.port)
    stop_server(running, machine.folder / "state")
    assert _gone(pid)


def test_a_process_that_is_no_server_is_never_ended(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as foreign:
        created = psutil.Process(foreign.pid).create_time()
        stale = RunningServer(foreign.pid, created, "127.0.0.1", 1, "x", "R4", "", "", "", detached=True)
        remember(stale, tmp_path)

        assert () == running_servers(tmp_path)
        stop_server(stale, tmp_path)
        assert foreign.poll() is None
        foreign.kill()


@pytest.mark.parametrize("pid", ["true", "-1", '"1"', "1e3", "99999999999999999999", "[]"])
def test_a_damaged_state_is_no_server(tmp_path: Path, pid: str) -> None:
    remember(RunningServer(4711, 1.0, "127.0.0.1", 1, "x", "R4", "", "", "", detached=True), tmp_path)
    file = tmp_path / "4711.json"
    file.write_text(file.read_text().replace("4711", pid))
    os.mkfifo(tmp_path / "pipe.json")

    assert () == running_servers(tmp_path)


def test_a_start_goes_on_as_long_as_java_uses_the_processor() -> None:
    from fhir_case.java.patience import Patience

    busy = Patience(None, 180)
    assert [False] * 100 == [busy.is_over(passed_s, passed_s / 20) for passed_s in range(0, 1000, 10)]
    stuck = Patience(None, 180)
    assert [181] == [passed_s for passed_s in range(182) if stuck.is_over(passed_s, 5.0)]
    never_ends = Patience(None, 180)
    assert never_ends.is_over(1801, 1801)
    said = Patience(20, 180)
    assert [21] == [passed_s for passed_s in range(22) if said.is_over(passed_s, passed_s)]


def test_the_listener_hears_what_is_being_done_and_for_how_long(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.java(told="PHASE opening the database\nREADY PORT R4 0.1")
    with machine.server():
        pass
    texts = [event.text for event in machine.events if event.step == "start"]
    assert "the HAPI FHIR R4 server on Java 21.0.8: opening the database" in texts


def test_what_others_could_have_put_into_the_cache_is_compiled_again(machine: Machine) -> None:
    machine.java()
    with machine.server():
        pass
    (program,) = machine.store.glob("fhircase-*.jar")
    program.write_bytes(b"altered")
    record(program)  # with its digest, as somebody would who can write there
    machine.store.chmod(0o777)
    with machine.server():
        assert program.read_bytes().startswith(b"PK")
    assert 0o755 == machine.store.stat().st_mode & 0o777
    assert any("others could write" in event.text for event in machine.events)


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give a folder away")
def test_a_cache_of_another_user_is_refused(machine: Machine) -> None:
    machine.java()
    machine.store.mkdir(parents=True)
    os.chown(machine.store, 12345, 12345)
    with pytest.raises(CheckerError, match="belongs to another user"), machine.server():
        pass

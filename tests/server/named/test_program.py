"""A program that a server by name is: it is started, tells where it is, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING

import psutil
import pytest

from fhir_case.errors import CheckerError
from fhir_case.server.named import open_server, read_servers, server_of
from fhir_case.server.named import program as programs
from smallserver import SmallServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fhir_case.server.named import NamedServer

    Made = Callable[..., NamedServer]

URL = "http://127.0.0.1:9/fhir"
TELLS = f"import os, sys\nprint('{URL}', flush=True)\nopen('pid', 'w').write(str(os.getpid()))\n"
ENDS_WITH_ITS_INPUT = f"{TELLS}sys.stdin.read()\nopen('ended', 'w').write('regularly')\n"


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Make a server that is a program in Python, in the folder of its file."""

    def make(source: str, more: str = "") -> NamedServer:
        (tmp_path / "server.py").write_text(source)
        file = tmp_path / "servers.toml"
        file.write_text(f'[own]\nstart = ["{sys.executable}", "server.py"]\n{more}')
        return read_servers(file)["own"]

    return make


def process_of(folder: Path) -> int:
    """Return the process of the program, which writes its number after its URL."""
    deadline = time.monotonic() + 60
    while not (folder / "pid").exists() or not (folder / "pid").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return int((folder / "pid").read_text())


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def waited_until_gone(pid: int) -> bool:
    deadline = time.monotonic() + 60
    while not is_gone(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return is_gone(pid)


def test_its_first_line_is_the_base_url_and_it_ends_with_its_input(made: Made, tmp_path: Path) -> None:
    with open_server(made(ENDS_WITH_ITS_INPUT), dict(os.environ)) as server:
        pid = process_of(tmp_path)
        assert (URL, False) == (server.base_url, is_gone(pid))

    assert is_gone(pid)
    assert "regularly" == (tmp_path / "ended").read_text()


def test_it_gets_the_variables_that_are_given_and_no_others(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS_ALONE", "secret")
    source = (
        "import os, sys\nprint('http://127.0.0.1/' + os.environ['GIVEN'] + os.environ.get('OURS_ALONE', ''), "
        "flush=True)\nsys.stdin.read()"
    )
    with open_server(made(source), {"GIVEN": "x"}) as server:
        assert "http://127.0.0.1/x" == server.base_url


def test_a_path_counts_from_the_folder_of_the_file(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(f"#!{sys.executable}\n{ENDS_WITH_ITS_INPUT}")
    (tmp_path / "server.py").chmod(0o755)
    (tmp_path / "servers.toml").write_text('[own]\nstart = ["./server.py"]')
    monkeypatch.chdir("/")
    with open_server(read_servers(tmp_path / "servers.toml")["own"], dict(os.environ)) as server:
        assert URL == server.base_url


def test_one_that_is_deaf_is_ended_with_all_that_it_has_started(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "_END_S", 0.3)
    source = (
        "import signal, subprocess, sys, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open('child', 'w').write(str(child.pid))\n{TELLS}time.sleep(60)\n"
    )
    with open_server(made(source), dict(os.environ)):
        pid, child = process_of(tmp_path), int((tmp_path / "child").read_text())
        assert not is_gone(child)

    assert is_gone(pid)
    assert is_gone(child)


def test_it_ends_when_something_goes_wrong_in_between(made: Made, tmp_path: Path) -> None:
    def interrupted() -> None:
        process_of(tmp_path)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), open_server(made(ENDS_WITH_ITS_INPUT), dict(os.environ)):
        interrupted()

    assert is_gone(process_of(tmp_path))


def test_it_ends_when_its_starter_is_killed(made: Made, tmp_path: Path) -> None:
    made(ENDS_WITH_ITS_INPUT)
    starter = (
        "import os, sys, time, pathlib\nfrom fhir_case.server.named import *\n"
        f"with open_server(read_servers(pathlib.Path({str(tmp_path / 'servers.toml')!r}))['own'], os.environ):\n"
        "    time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", starter], env={**os.environ, "TMPDIR": str(tmp_path)}) as running:
        pid = process_of(tmp_path)
        running.send_signal(signal.SIGKILL)

    assert waited_until_gone(pid)


def test_what_it_said_is_told_when_it_ends_at_once(made: Made) -> None:
    server = made("import sys\nprint('no port is free', file=sys.stderr)\nsys.exit(3)")
    with pytest.raises(CheckerError) as caught, open_server(server, dict(os.environ)):
        pass

    assert "[own] start: it ended with exit code 3 before it printed its base URL" in str(caught.value)
    assert "its error output:\nno port is free" in str(caught.value)


def test_one_that_tells_nothing_is_ended_in_time(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "import os, sys\nsys.stderr.write('thinking')\nopen('pid', 'w').write(str(os.getpid()))\nsys.stdin.read()"
    begin = iter([0.0])
    clock = SimpleNamespace(
        monotonic=lambda: next(begin, 60.0 if (tmp_path / "pid").exists() else 0.0), sleep=time.sleep
    )
    monkeypatch.setattr("fhir_case.server.named.program.time", clock)
    with (
        pytest.raises(CheckerError, match=r"(?s)did not print its base URL within 59 s.*thinking.*start_timeout_s"),
        open_server(made(source, "start_timeout_s = 59"), dict(os.environ)),
    ):
        pass

    assert is_gone(process_of(tmp_path))


def test_a_first_line_that_is_no_base_url_is_told(made: Made, tmp_path: Path) -> None:
    source = "import sys\nprint('Listening \\x1b[31mon port 80', flush=True)\nsys.stdin.read()"
    with (
        pytest.raises(CheckerError, match="the first line of its output is not its base URL: 'Listening \\[31mon port"),
        open_server(made(source), dict(os.environ)),
    ):
        pass


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("none-of-that-name", "'none-of-that-name' cannot be run: No such file or directory; install it"),
        ("./none", "'./none' cannot be run: No such file or directory; a path counts from"),
        ("./servers.toml", "'./servers.toml' cannot be run: Permission denied"),
    ],
)
def test_a_program_that_cannot_be_run_is_told(tmp_path: Path, program: str, told: str) -> None:
    file = tmp_path / "servers.toml"
    file.write_text(f'[own]\nstart = ["{program}"]')
    with pytest.raises(CheckerError, match=told), open_server(read_servers(file)["own"], dict(os.environ)):
        pass


def test_each_client_is_a_new_one_and_closed_in_the_end() -> None:
    with SmallServer.like() as fake, open_server(server_of(fake.url, {}), {}) as server:
        clients = server.client(), server.client(timeout_s=5)
        assert ["R4", "R4"] == [client.capabilities().release for client in clients]
        assert [(10, 300), (5, 5)] == [client.timeout_s for client in clients]

    assert [None, None] == [client._session for client in clients]

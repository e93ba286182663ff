"""Every command that the README shows is run, and what it shows as output is what comes out."""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fhir_case.cli import COMMANDS
from support import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)

# What is run by other means: `pip install` by scripts/setup, which makes the environment of these tests.
INTEROP = next(text for language, text in BLOCKS if "fhir-case interop" in text).strip().removeprefix("$ ")
ELSEWHERE = {"pip install '.[hapi]'", "scripts/demo", INTEROP}
SERVERS = ROOT / "scripts" / "servers.toml"


def sessions() -> Iterator[tuple[str, str]]:
    """Yield each command of the README with the output that is shown under it."""
    for language, text in BLOCKS:
        if language == "console":
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                yield command, output


def scrubbed(output: str) -> str:
    """Return the output without what differs between runs: seconds and ports."""
    output = re.sub(r"^(\w+) +\d+\.\d s  ", r"\1 N s  ", output, flags=re.MULTILINE)
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", output).strip()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.server
def test_the_demo_goes_all_the_way_and_prints_what_the_readme_shows(tmp_path: Path) -> None:
    shown = dict(sessions())["scripts/demo"]
    done = subprocess.run(
        [str(ROOT / "scripts" / "demo")], capture_output=True, text=True, timeout=900, cwd=tmp_path, check=False
    )

    assert done.returncode == 0, done.stderr
    assert scrubbed(shown) == scrubbed(done.stdout)
    assert {"case-report.json", "bundle.json", "journal.jsonl", "verification.json"} == {
        one.name for one in (tmp_path / "out" / "hcc-tare-sorafenib").iterdir()
    }


@pytest.mark.server
def test_the_matrix_is_what_the_command_over_it_finds(tmp_path: Path) -> None:
    shown = re.search(r"<!-- matrix -->\n(.*)<!-- end of matrix -->", README, flags=re.DOTALL)
    line = INTEROP.replace("scripts/servers.toml", str(SERVERS)).replace(
        "fhir-case", f"{sys.executable} -m fhir_case", 1
    )
    done = subprocess.run(shlex.split(line), capture_output=True, text=True, timeout=900, cwd=tmp_path, check=False)

    assert (0, True) == (done.returncode, shown is not None), done.stderr
    assert shown
    found = (tmp_path / "matrix.md").read_text(encoding="utf-8")
    assert without_requests(shown[1]).strip() == without_requests(found).strip()


def without_requests(matrix: str) -> str:
    """Return the matrix without how many requests each server got: searches are repeated until it has indexed."""
    return re.sub(r"(?<=^\| \*Requests\* \|).*", lambda row: re.sub(r"[\d,]+", "N", row[0]), matrix, flags=re.MULTILINE)


@pytest.mark.server
def test_every_other_command_of_the_readme_works_in_its_order(
    tmp_path: Path, hapi_r4: str, r4_packages: list[Path]
) -> None:
    flag = next(text for language, text in BLOCKS if language == "python" and text.startswith("# flag.py"))
    (tmp_path / "flag.py").write_text(flag)
    port = free_port()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    for command, _ in sessions():
        if command in ELSEWHERE:
            continue
        line = command.replace("http://localhost:8080/fhir", hapi_r4)
        line = line.replace("scripts/servers.toml", str(SERVERS))
        line = line.replace("--engine hl7", " ".join(f"--package {file}" for file in r4_packages))  # no cache of a user
        line = line.replace("server start", f"server start --port {port}").replace(
            "server stop", f"server stop --port {port}"
        )
        done = subprocess.run(
            shlex.split(line),
            capture_output=True,
            text=True,
            timeout=300,
            cwd=tmp_path,
            check=False,
            env={**os.environ, "PATH": path, "XDG_STATE_HOME": str(tmp_path / "state")},
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"


@pytest.mark.server
def test_the_lines_of_python_run(tmp_path: Path, hapi_r4: str) -> None:
    lines = next(text for language, text in BLOCKS if language == "python" and "HapiServer" in text)
    # The server of the run stands in for a new one; that one can be started is seen elsewhere.
    script = tmp_path / "five.py"
    script.write_text(
        lines.replace("with HapiServer() as server:", "with Server() as server:").replace(
            "from fhir_case import HapiServer,", "from fhir_case import"
        )
    )
    stand_in = (
        "import contextlib, types\n@contextlib.contextmanager\ndef Server():\n"
        f"    yield types.SimpleNamespace(base_url={hapi_r4!r})\n"
    )
    script.write_text(stand_in + script.read_text())
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False)

    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


@pytest.mark.server
def test_the_test_that_is_shown_passes(tmp_path: Path, hapi_r4: str) -> None:
    shown = next(text for language, text in BLOCKS if language == "python" and text.startswith("# test_client.py"))
    (tmp_path / "test_client.py").write_text(shown)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--fhir-server", hapi_r4],
        capture_output=True, text=True, timeout=300, cwd=tmp_path, check=False,
    )  # fmt: skip

    assert 0 == done.returncode, done.stdout + done.stderr
    assert "1 passed" in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme(command: str) -> None:
    assert f"fhir-case {command}" in README or command == "run"


@pytest.mark.parametrize("script", ["demo", "test", "check"])
def test_the_scripts_of_the_readme_are_there_and_can_be_run(script: str) -> None:
    assert os.access(ROOT / "scripts" / script, os.X_OK)


def test_the_yaml_that_the_readme_shows_is_a_case(tmp_path: Path) -> None:
    from fhir_case import load_case

    shown = next(text for language, text in BLOCKS if language == "yaml")
    head = (ROOT / "tests" / "cases" / "minimal" / "case.yaml").read_text(encoding="utf-8")
    file = tmp_path / "case.yaml"
    file.write_text(head + shown, encoding="utf-8")

    assert load_case(file).tumour_markers[0].key == "afp-baseline"

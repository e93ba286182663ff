"""Every command that the README and the pages of docs show is run, and what they show as output is what comes out."""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from documentation import blocks, commands_in, run_page, scrubbed, shows
from fhir_case.cli import COMMANDS
from support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text(encoding="utf-8")
LOCAL = "http://localhost:8080/fhir"
SERVERS = ROOT / "scripts" / "servers.toml"

# Pages that scripts write, and those whose examples have tests: tests/testing, server/named, timeline, views.
ELSEWHERE = {"faults.md", "validation.md", "security.md", "pytest.md", "servers.md", "timeline.md", "views.md"}
PAGES = [ROOT / "README.md", *(file for file in sorted(DOCS.glob("*.md")) if file.name not in ELSEWHERE)]
TEXTS = {page.name: page.read_text(encoding="utf-8") for page in PAGES}
DEMO = "scripts/demo"
MATRIX = next(text for _, text in blocks(TEXTS["interop.md"]) if "--markdown matrix.md" in text).strip()


def needs_a_server(text: str) -> bool:
    return LOCAL in text or "server start" in text or "--engine hl7" in text


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize(
    "name",
    [pytest.param(one, marks=[pytest.mark.server] if needs_a_server(text) else []) for one, text in TEXTS.items()],
)
def test_the_commands_of_a_page_do_what_it_shows(
    name: str, tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    text = TEXTS[name]
    base_url = request.getfixturevalue("hapi_r4") if LOCAL in text else LOCAL
    packages = request.getfixturevalue("r4_packages") if "--engine hl7" in text else []
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = tmp_path / "page"
    folder.mkdir()

    def fitted(line: str) -> str:
        line = line.replace("scripts/servers.toml", str(SERVERS))
        line = line.replace("--engine hl7", " ".join(f"--package {file}" for file in packages))  # no cache of a user
        return re.sub(r"\bserver (start|stop)\b", rf"server \1 --port {free_port}", line)

    page = text.replace(f"$ {DEMO}\n", "").replace(MATRIX, "").replace(LOCAL, base_url)
    for command in run_page(page, folder, fitted):
        assert command.shows_code == command.exit_code, f"{command.line}\n{command.told}"
        assert shows(command.shown, command.told), f"{command.line}\n{command.told}"


@pytest.mark.server
def test_the_demo_goes_all_the_way_and_prints_what_the_readme_shows(tmp_path: Path) -> None:
    shown = next(shown for _, text in blocks(README) for line, shown in commands_in(text) if line == DEMO)
    done = subprocess.run(
        [str(ROOT / "scripts" / "demo")], capture_output=True, text=True, timeout=900, cwd=tmp_path, check=False
    )

    assert done.returncode == 0, done.stderr
    assert scrubbed(shown) == scrubbed(done.stdout)
    assert {"case-report.json", "bundle.json", "journal.jsonl", "verification.json", "report.html"} == {
        one.name for one in (tmp_path / "out" / "hcc-tare-sorafenib").iterdir()
    }


@pytest.mark.server
def test_the_matrix_is_what_the_command_over_it_finds(tmp_path: Path) -> None:
    shown = re.search(r"<!-- matrix -->\n(.*)<!-- end of matrix -->", TEXTS["interop.md"], flags=re.DOTALL)
    line = MATRIX.removeprefix("$ ").replace("scripts/servers.toml", str(SERVERS))
    line = line.replace("fhir-case", f"{sys.executable} -m fhir_case", 1)
    done = subprocess.run(shlex.split(line), capture_output=True, text=True, timeout=900, cwd=tmp_path, check=False)

    assert (0, True) == (done.returncode, shown is not None), done.stderr
    assert shown
    found = (tmp_path / "matrix.md").read_text(encoding="utf-8")
    assert without_requests(shown[1]).strip() == without_requests(found).strip()


def without_requests(matrix: str) -> str:
    """Return the matrix without how many requests each server got: searches are repeated until it has indexed."""
    return re.sub(r"(?<=^\| \*Requests\* \|).*", lambda row: re.sub(r"[\d,]+", "N", row[0]), matrix, flags=re.MULTILINE)


@pytest.mark.server
def test_the_lines_of_python_run(tmp_path: Path, hapi_r4: str) -> None:
    lines = next(text for language, text in blocks(README) if language == "python" and "HapiServer" in text)
    # The server of the run stands in for a new one; that one can be started is seen elsewhere.
    script = tmp_path / "five.py"
    script.write_text(
        lines.replace("with HapiServer() as server:", "with Server() as server:")
        .replace("from fhir_case import HapiServer,", "from fhir_case import")
        # The same, and what is wrong is said.
        .replace("    upload(bundle, server.base_url)", "    sent = upload(bundle, server.base_url)")
        .replace(
            "    assert verify(bundle, server.base_url).ok",
            "    assert sent.ok, [each for each in sent.entries if not each.ok]\n"
            "    found = verify(bundle, server.base_url)\n"
            "    assert found.ok, [each for each in found.comparisons if each.differences or each.reason]",
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
    shown = next(text for language, text in blocks(README) if text.startswith("# test_client.py"))
    (tmp_path / "test_client.py").write_text(shown)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--fhir-server", hapi_r4],
        capture_output=True, text=True, timeout=300, cwd=tmp_path, check=False,
    )  # fmt: skip

    assert 0 == done.returncode, done.stdout + done.stderr
    assert "1 passed" in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_shown_in_an_example(command: str) -> None:
    assert any(f"$ fhir-case {command}" in text for text in TEXTS.values()) or command == "run"


@pytest.mark.parametrize("script", ["demo", "test", "check"])
def test_the_scripts_of_the_readme_are_there_and_can_be_run(script: str) -> None:
    assert os.access(ROOT / "scripts" / script, os.X_OK)


def test_the_readme_is_short() -> None:
    assert 9000 > len(README.encode())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_links_of_a_page_lead_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", TEXTS[page.name])

    assert [] == [link for link in links if not (page.parent / link).exists()]


@pytest.mark.parametrize("name", TEXTS)
def test_no_command_of_a_page_is_left_out_because_its_block_is_indented(name: str) -> None:
    assert [] == re.findall(r"^ +```console$", TEXTS[name], flags=re.MULTILINE)


def test_every_page_is_reached_from_the_readme_and_from_the_site() -> None:
    site = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    pages = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")} - {"index.md"}

    assert [] == sorted(page for page in pages if f"docs/{page}" not in README or page not in site)

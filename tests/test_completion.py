"""What a shell offers while a command line is typed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from fhir_case.cli import cli
from support import SHIPPED, run_command


def offered(*words: str) -> list[str]:
    """Return what is offered for the last of the words."""
    complete = ShellComplete(cli, {}, "fhir-case", "_FHIR_CASE_COMPLETE")
    return [item.value for item in complete.get_completions(list(words[:-1]), words[-1]) if item.type == "plain"]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("comp",), ["completion"]),
        (("build", "hcc"), [SHIPPED]),
        (("explain", "pneu"), ["pneumonia-h1n1-legionella"]),
        (("build", SHIPPED, "--fh"), ["--fhir"]),
        (("build", SHIPPED, "--type", "doc"), ["document"]),
        (("codes", "rou"), ["routes"]),
        (("schema", "vital"), ["vital_signs"]),
        (("interop", "--probe", "capability-t"), ["capability-true"]),
        (("doctor", "prof"), ["profiles"]),
        (("validate", "--skip", "reference-r"), ["reference-resolves"]),
        (("new", "--section", "vital"), ["vital_signs"]),
    ],
)
def test_names_that_begin_so_are_offered(words: tuple[str, ...], names: list[str]) -> None:
    found = offered(*words)

    assert set(names) <= set(found)
    assert all(name.startswith(words[-1]) for name in found)


def test_servers_by_name_are_offered_and_a_broken_file_offers_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "servers.toml"
    file.write_text('[local]\nurl = "http://127.0.0.1:8080/fhir"\n[other]\nurl = "http://127.0.0.1:1/fhir"\n')
    assert ["local"] == offered("upload", "x.json", "--server", "lo")
    assert ["local"] == offered("server", "check", "lo")
    file.write_text("[local\n")
    assert [] == offered("upload", "x.json", "--server", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_asks_the_command(shell: str) -> None:
    done = run_command("completion", shell)

    assert (0, "") == (done.exit_code, done.stderr)
    assert f"_FHIR_CASE_COMPLETE={shell}_complete" in done.stdout


@pytest.mark.skipif(not shutil.which("bash"), reason="the script of bash runs in bash")
def test_bash_offers_names_and_files_beside_them(tmp_path: Path) -> None:
    (tmp_path / "servers.toml").write_text('[local]\nurl = "http://127.0.0.1:8080/fhir"\n')
    (tmp_path / "hcc of mine.yaml").touch()
    script = run_command("completion", "bash").stdout
    lines = [("build", "hcc"), ("upload", "hcc"), ("upload", "x", "--server", "lo")]
    asked = "\n".join(
        f"COMP_WORDS=(fhir-case {' '.join(words)}); COMP_CWORD={len(words)}; COMPREPLY=(); "
        f"_fhir_case_completion fhir-case; printf '%s|' \"${{COMPREPLY[@]}}\"; echo"
        for words in lines
    )
    bash = shutil.which("bash") or ""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [bash, "--norc", "-c", f"{script}\ncompopt() {{ :; }}\n{asked}"],
        cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip

    assert [f"{SHIPPED}|hcc of mine.yaml|", "hcc of mine.yaml|", "local|"] == done.stdout.splitlines()

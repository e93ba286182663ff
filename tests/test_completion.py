"""What a shell offers while a command line is typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.shell_completion import ShellComplete

from fhir_case.cli import cli
from support import SHIPPED, run_command

if TYPE_CHECKING:
    from pathlib import Path


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
    file.write_text("[local\n")
    assert [] == offered("upload", "x.json", "--server", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_asks_the_command(shell: str) -> None:
    done = run_command("completion", shell)

    assert (0, "") == (done.exit_code, done.stderr)
    assert f"_FHIR_CASE_COMPLETE={shell}_complete" in done.stdout

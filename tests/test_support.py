"""The helper that runs commands in the process of the tests behaves as the process does, and leaves nothing behind."""

from __future__ import annotations

import gc
import os
import signal
from pathlib import Path

import pytest

from fhir_case.fhir.wire import parse
from support import SHIPPED, fhir_case, run_command


@pytest.mark.parametrize(
    "arguments",
    [
        ("cases",),
        ("build", "hcc-tare-sorafenob"),
        ("build", SHIPPED, "--fhir", "R3"),
        ("build", SHIPPED, "-o", "/proc/none/x.json"),
        ("build",),
    ],
)
def test_a_command_in_the_process_says_what_the_process_says(arguments: tuple[str, ...]) -> None:
    alone = fhir_case(*arguments)

    assert (alone.returncode, alone.stdout, alone.stderr) == run_command(*arguments)


def test_a_command_reads_its_input_its_folder_and_its_variables(tmp_path: Path) -> None:
    (tmp_path / "patient.json").write_text('{"resourceType": "Patient", "gender": "x"}')
    piped = run_command("validate", "-", stdin=(tmp_path / "patient.json").read_bytes())
    read = run_command("validate", "patient.json", cwd=tmp_path)
    named = run_command("server", "status", environment={"XDG_STATE_HOME": str(tmp_path)})

    assert (5, 5) == (piped.exit_code, read.exit_code)
    assert "gender" in piped.stdout
    assert "patient.json" in read.stdout
    assert "No embedded server is running.\n" == named.stderr


def test_a_command_leaves_the_process_as_it_was(tmp_path: Path) -> None:
    def state() -> tuple[object, ...]:
        return gc.get_threshold(), signal.getsignal(signal.SIGTERM), dict(os.environ), Path.cwd()

    before = state()
    run_command("build", SHIPPED, "-o", "bundle.json", cwd=tmp_path, environment={"NEW": "1"})

    assert before == state()
    assert "transaction" == parse((tmp_path / "bundle.json").read_bytes())["type"]


def test_a_bug_of_a_command_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fhir_case.cli.cli.main", lambda **_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        run_command("cases")

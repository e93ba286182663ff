"""The command with several processes writes what it writes with one, and leaves no process behind, however it ends."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from support import CASES, ROOT, run_command

if TYPE_CHECKING:
    from collections.abc import Iterator

_GOOD = (Path(__file__).parent.parent / "good.json").read_bytes()
_BAD = b'{"resourceType":"Patient","id":"a","gender":"man","birthDate":"1970-13","id":"b"}'
_DECIMAL = (
    b'{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.50,"unit":""}}'
)
_ONE_LINE = json.dumps(json.loads(_GOOD)).encode() + b"\n"


@pytest.fixture
def mixed(tmp_path: Path) -> list[str]:
    """Return one of each that can be checked, right and wrong."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "one.json").write_bytes(_GOOD)
    (folder / "broken.json").write_bytes(_GOOD[:-20])
    (folder / "empty.json").write_bytes(b"")
    (folder / "page.json").write_bytes(b"<html/>")
    (folder / "many.ndjson").write_bytes(b"\n".join([_BAD, b"", b"{", b"[1]", _DECIMAL]) + b"\n")
    (folder / "lines.json").write_bytes(_BAD + b"\n\n" + _DECIMAL + b"\n")
    (folder / "packed.ndjson.gz").write_bytes(gzip.compress(b"\n".join([_BAD, _DECIMAL] * 70)))
    (folder / "cut.json.gz").write_bytes(gzip.compress(_GOOD)[:-30])
    case = next(iter(sorted(CASES.glob("*/case.yaml"))))
    (tmp_path / "wrong.yaml").write_text("case: x\n")
    return [str(folder), str(case), str(tmp_path / "wrong.yaml")]


@pytest.mark.parametrize("form", ["text", "json", "junit", "sarif"])
def test_the_output_is_that_of_one_process(form: str, mixed: list[str], tmp_path: Path) -> None:
    waivers = tmp_path / "waivers.toml"
    waivers.write_text('[[waiver]]\ncheck = "dom-6"\nreason = "no narrative wanted"\n')

    def output(jobs: str) -> tuple[int, str]:
        options = ["--format", form, "--verbose", "--waivers", str(waivers), "--jobs", jobs]
        result = run_command("validate", *mixed, *options)
        return result.exit_code, result.output

    code, text = output("1")

    assert 5 == code
    for name in ("one.json", "broken.json", "many.ndjson", "packed.ndjson.gz", "cut.json.gz", "case.yaml"):
        assert name in text
    assert (code, text) == output("2")


def test_standard_input_is_checked_by_several_processes_too() -> None:
    one, two = (
        subprocess.run(
            [sys.executable, "-m", "fhir_case", "validate", "-", "--jobs", jobs],
            input=_ONE_LINE * 30 + _BAD,
            capture_output=True,
            timeout=60,
            check=False,
        )
        for jobs in ("1", "2")
    )

    assert b"-:31" in one.stdout
    assert (one.returncode, one.stdout, one.stderr) == (two.returncode, two.stdout, two.stderr)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], list[psutil.Process]]]:
    """Return a command in the middle of its work, with the processes that it has started."""
    path = tmp_path / "many.ndjson"
    path.write_bytes(_ONE_LINE * 20_000)
    command = [sys.executable, "-m", "fhir_case", "validate", str(path), "--jobs", "2"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        yield process, _checking(psutil.Process(process.pid))
    finally:
        process.kill()
        process.communicate()


def _checking(parent: psutil.Process) -> list[psutil.Process]:
    """Wait until two of its processes are at work; give all, also the one that multiprocessing has for itself."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        children = parent.children()
        if sum(child.cpu_times().user > 0.8 for child in children) == 2:
            return children
        time.sleep(0.05)
    pytest.fail("no two processes check")


def _all_gone(children: list[psutil.Process]) -> bool:
    _, alive = psutil.wait_procs(children, timeout=5)
    # What has ended and was not collected yet by the system's first process is gone too.
    return bool(children) and all(_has_ended(child) for child in alive)


def _has_ended(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_ctrl_c_ends_all_processes_without_a_traceback(
    running: tuple[subprocess.Popen[str], list[psutil.Process]],
) -> None:
    process, children = running

    os.killpg(process.pid, signal.SIGINT)  # as a terminal does it: to all of them
    _, told = process.communicate(timeout=10)

    assert (130, "fhir-case: interrupted") == (process.returncode, told.strip())
    assert _all_gone(children)


@pytest.mark.parametrize("number_started", [1, 2, 3])
def test_ctrl_c_while_processes_start_leaves_no_traceback_either(number_started: int, tmp_path: Path) -> None:
    path = tmp_path / "many.ndjson"
    path.write_bytes(_ONE_LINE * 1000)
    command = [sys.executable, "-m", "fhir_case", "validate", str(path), "--jobs", "2"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    parent = psutil.Process(process.pid)
    end = time.monotonic() + 20
    while len(children := parent.children()) < number_started and time.monotonic() < end:
        time.sleep(0.001)

    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=10)

    assert (130, "fhir-case: interrupted") == (process.returncode, told.strip())
    assert _all_gone(children)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_process_outlives_the_command(
    number: int, running: tuple[subprocess.Popen[str], list[psutil.Process]]
) -> None:
    process, children = running

    process.send_signal(number)
    _, told = process.communicate(timeout=10)

    assert (-number, "") == (process.returncode, told)
    assert _all_gone(children)


def test_a_process_in_the_middle_of_a_long_check_does_not_outlive_the_command_either() -> None:
    code = """
from checks import takes_a_minute
from fhir_case.documents import Text
from fhir_case.validation.workers.checking import Checking
with Checking(takes_a_minute, jobs=2) as checking:
    list(checking.results(Text(b"x", "x", number) for number in range(100)))
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tests")}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment)
    parent = psutil.Process(process.pid)
    end = time.monotonic() + 20
    while len(children := parent.children()) < 3 and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(1)  # until both have something to check

    process.kill()
    process.wait()

    assert 3 == len(children)
    assert _all_gone(children)


def test_a_reader_that_goes_away_ends_all_quietly(tmp_path: Path) -> None:
    path = tmp_path / "many.ndjson"
    path.write_bytes((_BAD + b"\n") * 200_000)
    command = [sys.executable, "-m", "fhir_case", "validate", str(path), "--jobs", "2", "--format", "sarif"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with process:
        assert process.stdout
        assert process.stderr
        for _ in range(5000):
            process.stdout.readline()
        children = psutil.Process(process.pid).children()
        process.stdout.close()
        told = process.stderr.read()

    assert "" == told
    assert _all_gone(children)


def test_the_help_says_what_is_left_out_of_large_inputs() -> None:
    text = " ".join(run_command("validate", "--help").stdout.split())

    assert "a check that is left out of large inputs, of more than 300 resources: 'structure'" in text

"""Measure what commands take from their start to their end, beside a Python that imports click."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.results import of_medians, report

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["bench_start"]

_ONE = (
    '{"resourceType": "Bundle", "type": "transaction", "entry": [{"fullUrl": "https://example.invalid/Patient/a", '
    '"resource": {"resourceType": "Patient", "id": "a", "meta": {"security": [{"system": '
    '"http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}]}}, '
    '"request": {"method": "PUT", "url": "Patient/a"}}]}'
)


def bench_start(runs: int, *, compare: bool) -> bool:
    """
    Take the processor time of whole processes in turn.

    Returns:
        Whether nothing became slower.
    """
    with tempfile.TemporaryDirectory() as folder, _server() as url:
        root, numbers = Path(folder), count()
        (root / "one.json").write_text(_ONE)
        commands = {
            "click": ["-c", "import click"],
            "--help": ["-m", "fhir_case", "--help"],
            "build": ["-m", "fhir_case", "build", "hcc-tare-sorafenib", "-o", "bundle.json"],
            "validate": ["-m", "fhir_case", "validate", "one.json", "--engine", "none"],
            "upload": ["-m", "fhir_case", "upload", "one.json", "--server", url, "--journal", "{}.ndjson"],
        }
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for run in range((runs or 10) + 1):
            for name, command in commands.items():
                taken = _processor_s([part.format(next(numbers)) for part in command], root)
                if run:  # the first fills the caches of the file system
                    seconds[name].append(taken)
    click = seconds.pop("click")
    wanted = {"--help": 2.5, "build": 5.0}
    rows = [
        of_medians(f"`fhir-case {name}`", taken, "`import click`", click, wanted=wanted.get(name), bound="at most")
        for name, taken in seconds.items()
    ]
    return report("start", rows, compare=compare)


@contextmanager
def _server() -> Iterator[str]:
    script = Path(__file__).with_name("canned_server.py")
    with subprocess.Popen([sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        if server.stdin and server.stdout:
            yield server.stdout.readline().strip()
            server.stdin.close()


def _processor_s(arguments: list[str], folder: Path) -> float:
    # Modules are compiled once, as pip does it for an installed package, whatever this checkout and shell have.
    compiled = {"PYTHONPYCACHEPREFIX": str(folder / "compiled"), "PYTHONDONTWRITEBYTECODE": ""}
    before = os.times()
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | compiled,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{' '.join(arguments)}: exit code {done.returncode}: {done.stderr[-500:]}{done.stdout[-500:]}")
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system

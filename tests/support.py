"""Test cases, their golden Bundles, and the command line, for the tests of all folders."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import patch

import pytest
from click.testing import CliRunner

from fhir_case.cli import main
from fhir_case.fhir.wire import Resource, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fhir_case.fhir.models import FhirVersion

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests"
CASES = ROOT / "tests" / "cases"
_NO_NPM = 3  # the exit code of scripts/npm-packages when there is no node, no npm or no network
SHIPPED = "hcc-tare-sorafenib"


def case_source(name: str) -> str:
    """Return what names a test case to the library: its file, or the name of the shipped case."""
    file = CASES / name / "case.yaml"
    return str(file) if file.exists() else name


def golden_file(name: str, fhir: FhirVersion = "R4") -> Path:
    """Return the file of the golden Bundle of a test case in a release."""
    return CASES / name / ("bundle.json" if fhir == "R4" else f"bundle-{fhir.lower()}.json")


def golden(name: str, fhir: FhirVersion = "R4") -> Resource:
    """Return the golden Bundle of a test case."""
    bundle: Resource = parse(golden_file(name, fhir).read_bytes())
    return bundle


SHIPPED_COUNT = len(golden(SHIPPED)["entry"])
"""How many resources the shipped case becomes in R4."""


def resources(bundle: Resource) -> dict[str, Resource]:
    """Return the resources of a Bundle by ``Type/id``."""
    return {f"{one['resource']['resourceType']}/{one['resource']['id']}": one["resource"] for one in bundle["entry"]}


def leaves(value: Any) -> Iterator[str]:
    """Yield every value of a JSON tree as text."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from leaves(one)
    else:
        yield str(value)


class Result(NamedTuple):
    """What a command left behind; ``code, out, err = run_command(...)`` takes it apart."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        """Return what a terminal would show of both, one after the other."""
        return self.stdout + self.stderr


def run_command(
    *arguments: object,
    stdin: str | bytes = "",
    cwd: Path | str = ".",
    environment: Mapping[str, str] | None = None,
) -> Result:
    """
    Run the whole command in this process, as ``fhir-case ARGUMENTS`` would; a bug of the command fails the test.

    Args:
        environment: Variables beside those that the test has set.
    """
    variables = {"COLUMNS": "80", **(environment or {})}
    exit_code = 0
    with _unchanged_process(), chdir(cwd), CliRunner().isolation(stdin, env=variables) as (stdout, stderr, _):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as end:
            exit_code = int(end.code or 0)
        for stream in filter(None, (sys.stdout, sys.stderr)):  # a command that could not write has no stdout any more
            stream.flush()
    return Result(exit_code, stdout.getvalue().decode(), stderr.getvalue().decode())


def result_of(stdout: str) -> Any:
    """Return the result in what a command printed with ``--format json``."""
    return json.loads(stdout)["result"]


@contextmanager
def _unchanged_process() -> Iterator[None]:
    """Restore what commands set for their process: garbage collection, signals, environment."""
    thresholds = gc.get_threshold()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with patch.dict(os.environ):
        try:
            yield
        finally:
            gc.set_threshold(*thresholds)
            for number, handler in handlers.items():
                signal.signal(number, handler)


def installed(start: Path) -> str:
    """Return a script that installs what it needs from npm, installed. CI must have it, a contributor may not."""
    done = subprocess.run([start, "--install"], capture_output=True, text=True, timeout=600, check=False)
    if done.returncode == _NO_NPM and not os.environ.get("CI"):
        pytest.skip(done.stderr.strip())
    assert 0 == done.returncode, done.stderr
    return str(start)


def fhir_case(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, where the process is what is tested; else see `run_command`."""
    return subprocess.run(
        [sys.executable, "-m", "fhir_case", *arguments],
        capture_output=True,
        text=True,
        timeout=options.pop("timeout", 120),
        check=False,
        **options,
    )

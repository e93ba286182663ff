"""Who reads only the begin of our output, as ``head`` does, sees no error."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("command", [["cases"], ["validate", "--list-rules"], ["build", "hcc-tare-sorafenib"]])
def test_a_reader_may_go_away(command: list[str]) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "fhir_case", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        told = process.stderr.read()
    assert (process.returncode, told) == (0, b"")

"""The length of NDJSON, and how much is wrong in it, do not matter for the memory that validation takes."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

_FINDINGS = 10
_PATIENT = {
    "resourceType": "Patient",
    "text": {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{"text " * 4000}</div>'},
    "identifier": [{"use": "wrong", "value": str(number)} for number in range(_FINDINGS)],
}
# A process of its own in between: a child begins with the peak of the process that started it.
_MEASURE = """
import resource, subprocess, sys
code = subprocess.run([sys.executable, "-m", "fhir_case", *sys.argv[1:]], stdout=subprocess.DEVNULL).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def _write(path: Path, megabytes: int) -> None:
    line = json.dumps(_PATIENT).encode() + b"\n"
    with gzip.open(path, "wb", compresslevel=1) if path.suffix == ".gz" else path.open("wb") as file:
        for _ in range(megabytes * 1_000_000 // len(line)):
            file.write(line)


def _peak(path: Path, form: str) -> int:
    """Return the most memory that the command took; in which unit, the system decides."""
    command = [sys.executable, "-c", _MEASURE, "validate", str(path), "--format", form]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    code, peak = done.stdout.split()
    assert "5" == code, done.stderr
    return int(peak)


@pytest.mark.parametrize(
    ("name", "form"),
    [("big.ndjson.gz", "text"), ("big.ndjson", "json"), ("big.ndjson", "junit"), ("big.ndjson", "sarif")],
)
def test_ten_times_the_ndjson_with_ten_times_the_findings_takes_no_more_memory(
    name: str, form: str, tmp_path: Path
) -> None:
    small, large = tmp_path / f"small-{name}", tmp_path / f"large-{name}"
    _write(small, 3)
    _write(large, 30)

    # Findings that are kept would take more than a kilobyte each, and there are 15,000 in the large file.
    assert _peak(large, form) < 1.1 * _peak(small, form)

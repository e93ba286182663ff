"""A program may import fhir-case and call pytest afterwards, also with warnings as errors."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def test_pytest_has_nothing_to_say_of_what_was_imported_before(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text("def test_one(): assert 1\n")
    program = "import fhir_case, fhir_case_mappings, pytest; raise SystemExit(pytest.main(['-q', '-W', 'error', '.']))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, cwd=tmp_path, check=False
    )

    assert 0 == done.returncode, done.stdout + done.stderr
    assert "1 passed" in done.stdout

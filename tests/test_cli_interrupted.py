"""Ctrl-C ends a command in one line and with one exit code, whenever it comes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from support import SHIPPED

if TYPE_CHECKING:
    from pathlib import Path

CTRL_C = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n"


def interrupted(folder: Path, *arguments: str | Path, **options: str) -> tuple[int, str, str]:
    """Run a command, and return how it ended: its exit code, its output, its messages."""
    done = subprocess.run(
        [sys.executable, "-m", "fhir_case", *map(str, arguments)], capture_output=True, text=True, check=False,
        cwd=folder, env={**os.environ, **options},
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_ctrl_c_while_the_program_is_being_imported_ends_it_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text(CTRL_C)

    assert (130, "", "fhir-case: interrupted\n") == interrupted(tmp_path, "--help", PYTHONPATH=str(tmp_path))


def test_ctrl_c_that_python_drops_in_a_destructor_ends_the_command_all_the_same(tmp_path: Path) -> None:
    mapping = tmp_path / "dropping.py"
    lines = "".join(f"        {line}\n" for line in CTRL_C.splitlines())
    mapping.write_text(
        f"import time\n\n\nclass Dropping:\n    def __del__(self) -> None:\n{lines}\n\nDropping()\ntime.sleep(30)\n"
    )
    code, out, err = interrupted(tmp_path, "build", SHIPPED, "--mapping", mapping)

    assert (130, "") == (code, out), err
    assert err.endswith("fhir-case: interrupted\n")
    assert "Traceback" not in err


def test_ctrl_c_at_the_end_of_the_command_shows_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        f"import atexit\n\n\n@atexit.register\ndef _() -> None:\n    exec({CTRL_C!r})\n"
    )
    code, _, err = interrupted(tmp_path, "cases", PYTHONPATH=str(tmp_path))

    assert (-signal.SIGINT, "") == (code, err)


def test_who_starts_it_without_ctrl_c_is_not_interrupted(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n")
    mapping = tmp_path / "mapping.py"
    mapping.write_text(CTRL_C + "MAPPING = None\n")
    code, *_ = interrupted(tmp_path, "build", SHIPPED, "--mapping", mapping, PYTHONPATH=str(tmp_path))

    assert 4 == code

"""Our pages in a real browser: no error, no request, the search works, and planted scripts do not run."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from fhir_case.report.interop.page import interop_page
from interop import results
from support import ROOT, SHIPPED, SHIPPED_COUNT, run_command
from test_run_page import CASE, written

if TYPE_CHECKING:
    from pathlib import Path

START = ROOT / "scripts" / "browser" / "start"
_MISSING = 3  # the exit code of scripts/npm-packages when there is no node, no npm or no network


@pytest.fixture(scope="module")
def browser() -> str:
    """The command that opens pages. CI must have it, a contributor may not."""
    done = subprocess.run([START, "--install"], capture_output=True, text=True, timeout=600, check=False)
    if done.returncode == _MISSING and not os.environ.get("CI"):
        pytest.skip(done.stderr.strip())
    assert 0 == done.returncode, done.stderr
    return str(START)


def opened(browser: str, *arguments: str | Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        [browser, *map(str, arguments)], capture_output=True, text=True, timeout=240, check=False, cwd=ROOT
    )
    assert 0 == done.returncode, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


@pytest.mark.server
def test_pages_work_and_do_nothing_else(browser: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "hostile").mkdir()
    written(tmp_path / "whole", SHIPPED, monkeypatch)
    hostile = tmp_path / "hostile" / "<img src=x onerror=alert(3)>.yaml"
    hostile.write_text(CASE, encoding="utf-8")
    written(tmp_path / "hostile", hostile, monkeypatch)
    timeline = tmp_path / "timeline.html"
    assert 0 == run_command("timeline", hostile, "-o", timeline).exit_code
    matrix = tmp_path / "matrix.html"
    matrix.write_text(interop_page(results.hostile()), encoding="utf-8")
    pages = [tmp_path / folder / "out" / "report.html" for folder in ("whole", "hostile")]

    whole, small, *others = opened(browser, "--search", "sorafenib", *pages, timeline, matrix)

    for page in (whole, small, *others):
        assert ([], [], []) == (page["said"], page["asked"], page["dialogs"])
    assert f"11 of {SHIPPED_COUNT}" == whole["found"]
    assert 11 == whole["visible"]
    assert 0 == small["visible"]

"""Our pages in a real browser: no error, no request, the search works, and planted scripts do not run."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from fhir_case.report.interop.page import interop_page
from interop import results
from smallserver import SmallServer
from support import ROOT, SHIPPED, SHIPPED_COUNT, installed, run_command
from test_pages import CASE, HOSTILE, written
from test_pages_of_tables import write_tables

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def browser() -> str:
    """The command that opens pages."""
    return installed(ROOT / "scripts" / "browser" / "start")


def opened(browser: str, *arguments: str | Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        [browser, *map(str, arguments)], capture_output=True, text=True, timeout=240, check=False, cwd=ROOT
    )
    assert 0 == done.returncode, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def hostile_pages(folder: Path, case: Path) -> list[Path]:
    """Write a page of each command about a hostile case, a hostile server and files with hostile names."""
    bundle = folder / "<img src=x onerror=alert(4)>.json"
    assert 0 == run_command("build", case, "-o", bundle).exit_code
    pages = [folder / f"{name}.html" for name in ("check", "upload", "verify", "facts", "timeline", "import")]
    check, upload, verify, facts, timeline, imported = pages
    journal = folder / "<script>alert(5)</script>.jsonl".replace("/", "")
    with SmallServer.like() as server:
        run_command("validate", bundle, "--engine", "none", "--html", check)
        call = ("upload", bundle, "--server", server.url, "--journal", journal)
        assert 0 == run_command(*call, "--html", upload).exit_code
        patient = next(name for name in server.resources if name.startswith("Patient/"))
        server.put({**server.resources[patient], "gender": HOSTILE})
        assert 5 == run_command("verify", journal, "--html", verify).exit_code
    assert 0 == run_command("explain", case, "--format", "html", "-o", facts).exit_code
    assert 0 == run_command("timeline", case, "-o", timeline).exit_code
    (folder / "tables").mkdir()
    recipe = write_tables(folder / "tables", script=HOSTILE, file="<img src=x onerror=alert(6)>.csv")
    assert 0 == run_command("import", recipe, "--html", imported).exit_code
    return pages


@pytest.mark.server
def test_pages_work_and_do_nothing_else(browser: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "hostile").mkdir()
    written(tmp_path / "whole", SHIPPED, monkeypatch)
    hostile = tmp_path / "hostile" / "<img src=x onerror=alert(3)>.yaml"
    hostile.write_text(CASE, encoding="utf-8")
    written(tmp_path / "hostile", hostile, monkeypatch)
    others = hostile_pages(tmp_path / "hostile", hostile)
    matrix = tmp_path / "matrix.html"
    matrix.write_text(interop_page(results.hostile()), encoding="utf-8")
    pages = [tmp_path / folder / "out" / "report.html" for folder in ("whole", "hostile")]

    files = [*pages, *others, matrix]
    found = opened(browser, "--search", "sorafenib", *files)
    whole, small, *_ = found

    for file, page in zip(files, found, strict=True):
        assert ([], [], []) == (page["said"], page["asked"], page["dialogs"]), file
        assert ([], 360) == (page["unseen"], page["narrow"]), file
        assert page["reached"] >= 3, file
    assert f"11 of {SHIPPED_COUNT}" == whole["found"]
    assert 11 == whole["visible"]
    assert 0 == small["visible"]

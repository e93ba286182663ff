"""The example of docs/views.md: survival by treatment, of three views of two cohorts, by the script that it shows."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from documentation import blocks, run_page, shows
from sql_on_fhir import pysof
from support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PAGE = (ROOT / "docs" / "views.md").read_text(encoding="utf-8")


def test_the_script_of_the_page_prints_its_table_and_draws_its_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pysof()
    for command in run_page(PAGE, tmp_path, str):
        assert (0, True) == (command.exit_code, shows(command.shown, command.told)), command
    monkeypatch.chdir(tmp_path)
    script = next(text for language, text in blocks(PAGE) if language == "python")
    capsys.readouterr()
    exec(compile(script, "survival.py", "exec"), {"__name__": "survival"})  # noqa: S102 - the script of the page
    printed = capsys.readouterr().out
    drawn = (tmp_path / "survival.svg").read_text(encoding="utf-8")

    assert printed in PAGE
    assert (ROOT / "docs" / "survival.svg").read_text(encoding="utf-8") == drawn
    assert 5 == len(list(ET.fromstring(drawn).iter()))  # noqa: S314 - drawn by ourselves

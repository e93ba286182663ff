"""The picture of README and docs is what the script makes, and the commands of docs/timeline.md work."""

from __future__ import annotations

import re
import runpy
import shlex
from importlib.util import find_spec
from typing import TYPE_CHECKING

from support import ROOT, golden, run_command

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (ROOT / "docs" / "timeline.md").read_text(encoding="utf-8")


def test_the_picture_of_the_docs_is_up_to_date() -> None:
    made = runpy.run_path(str(ROOT / "scripts" / "make-timeline-picture"))["picture"]()

    assert (ROOT / "docs" / "timeline.svg").read_text(encoding="utf-8") == made, "run scripts/make-timeline-picture"


def test_the_commands_of_the_page_work(tmp_path: Path) -> None:
    commands = re.findall(r"^\$ fhir-case (.*)$", PAGE, flags=re.MULTILINE)

    assert 4 == len(commands)
    for command in commands:
        code, out, err = run_command(*shlex.split(command), cwd=tmp_path)
        assert (0, "") == (code, out), err
    assert {"timeline.html", "timeline.svg", "timeline.png", "portal"} == {each.name for each in tmp_path.iterdir()}


def test_the_lines_of_python_of_the_page_run() -> None:
    (lines,) = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    known: dict[str, object] = {"bundle": golden("hcc-tare-sorafenib")}
    exec(compile(lines, "timeline.md", "exec"), known)  # noqa: S102 - our own page

    assert str(known["svg"]).startswith("<svg")
    assert find_spec("resvg_py"), "scripts/setup installs it"

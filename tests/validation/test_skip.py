"""Checks that nobody wants are left out, and what is left out is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support import Result, result_of, run_command

if TYPE_CHECKING:
    from pathlib import Path

_LEFT_OUT = "skipped on request"


def _run(*arguments: str, text: str = '{"resourceType":"Patient","id":"a","gender":"man"}') -> Result:
    return run_command("validate", "-", *arguments, stdin=text)


def test_what_is_skipped_is_said_and_all_else_runs() -> None:
    answer = result_of(_run("--format", "json", "--skip", "structure", "--skip", "dom-6").output)

    skipped = {check["name"]: check["state"] for check in answer["checks"] if check["reason"] == _LEFT_OUT}
    assert {"structure": "not applicable", "dom-6": "not applicable"} == skipped
    assert ["strict"] == [issue["details"]["text"] for issue in answer["outcome"]["issue"]]


def test_what_the_models_find_is_still_found_without_them() -> None:
    everything = _run()
    fast = _run("--skip", "structure")

    assert "structure" not in fast.output
    assert (5, everything.output) == (fast.exit_code, fast.output)


def test_what_the_strict_schema_found_is_told_by_the_models_when_it_is_skipped() -> None:
    text = '{"resourceType":"Patient","id":"a","birthdate":"1970"}'

    assert "[strict]" in _run(text=text).output
    assert "[structure]" not in _run(text=text).output
    assert "[structure]" in _run("--skip", "strict", text=text).output


@pytest.mark.parametrize(
    ("name", "advice"), [("structur", "did you mean 'structure'?"), ("xyz", "--list-rules names all")]
)
def test_a_check_that_is_not_there_is_a_wrong_command_line(name: str, advice: str) -> None:
    result = _run("--skip", name)

    assert 2 == result.exit_code
    assert f"there is no check '{name}'; {advice}" in result.output


def test_the_waiver_of_a_skipped_check_may_still_be_needed(tmp_path: Path) -> None:
    waivers = tmp_path / "waivers.toml"
    waivers.write_text('[[waiver]]\ncheck = "dom-6"\nreason = "the viewer makes it"\n')
    text = '{"resourceType":"Patient","id":"a","text":{"status":"empty","div":"<div xmlns=\\"http://www.w3.org/1999/xhtml\\">x</div>"}}'

    assert "delete it" in _run("--waivers", str(waivers), text=text).output
    assert "delete it" not in _run("--waivers", str(waivers), "--skip", "dom-6", text=text).output


@pytest.mark.parametrize("number", ["0", "-1", "61", "many", "1.5", "²"])
def test_a_number_of_processes_that_cannot_be_is_a_wrong_command_line(number: str) -> None:
    result = _run("--jobs", number)

    assert 2 == result.exit_code
    assert f"'{number}' is neither 'auto' nor a number from 1 to 60" in result.output

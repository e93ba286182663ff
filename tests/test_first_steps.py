"""What goes wrong for who is new here is told before the work, with what to do next."""

from __future__ import annotations

import errno
from pathlib import Path
from unittest.mock import Mock

import pytest

from fhir_case.load.journal.opening import unwritable
from load.sample import patient, write
from smallserver import SmallServer
from support import SHIPPED, run_command


def test_ctrl_c_while_the_program_starts_ends_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fhir_case.cli.collect_garbage_rarely", Mock(side_effect=KeyboardInterrupt))
    code, out, err = run_command("cases")

    assert (130, "", "fhir-case: interrupted\n") == (code, out, err)


def test_a_verification_with_a_wrong_address_is_refused_and_does_not_call_everything_lost(tmp_path: Path) -> None:
    file = write(tmp_path, "a.json", patient("a"))
    with SmallServer.like() as server:
        code, out, err = run_command("verify", file, "--server", f"{server.url}/wrong")

    assert (7, "") == (code, out)
    assert "this is not a FHIR server" in err
    assert f"{server.url} has a CapabilityStatement: use that as base URL" in err


def test_https_where_http_is_spoken_is_told_with_the_address(tmp_path: Path) -> None:
    file = write(tmp_path, "a.json", patient("a"))
    with SmallServer.like() as server:
        host = server.url.removeprefix("http://").partition("/")[0]
        code, _, err = run_command("upload", file, "--server", server.url.replace("http:", "https:"))

    assert 6 == code
    assert f"it does not answer in https; is the base URL http://{host}" in err


@pytest.mark.parametrize("command", [("run", "--out"), ("interop", "--no-probes", "--json")])
def test_an_output_that_cannot_be_written_is_refused_before_anything_is_read(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    name, *options = command
    code, out, err = run_command(
        name, SHIPPED, "--server", "http://127.0.0.1:9/fhir", *options, tmp_path / "file" / "x"
    )

    assert (2, "") == (code, out)
    assert "connecting" not in err
    assert f"{tmp_path / 'file'}" in err.replace("\n", "")


@pytest.mark.parametrize(
    ("number", "advice"),
    [(errno.EACCES, "in a folder in which you may write"), (errno.ENOSPC, "make room, or name another file")],
)
def test_a_journal_that_cannot_be_written_says_what_helps(number: int, advice: str) -> None:
    assert advice in str(unwritable(Path("j.jsonl"), OSError(number, "the reason")))

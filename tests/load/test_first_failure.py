"""Why the first resource was refused stands on top, and what fails alike is told once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from load.sample import bundle, observation, patient, write
from smallserver import Reply, Request, SmallServer
from support import result_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize("more", [(), ("--isolate",)])
def test_the_reason_of_a_refused_transaction_is_the_first_line(
    fake: SmallServer, run: Run, tmp_path: Path, more: tuple[str, ...]
) -> None:
    entries = [patient(str(number)) for number in range(18)] + [observation("bad", "Patient/p-1", status="wrong")]
    content = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in entries]}
    file = write(tmp_path, "a.json", content)

    def refuse(request: Request, answer: Callable[[], Reply]) -> Reply:
        if not request.is_transaction or b"wrong" not in request.content:
            return answer()
        issue = {"severity": "error", "code": "value", "diagnostics": "Observation/o-bad: the status is wrong"}
        return Reply(422, {"resourceType": "OperationOutcome", "issue": [issue]})

    fake.hook = refuse
    command = ("upload", file, "--server", fake.url, "--restart", *more)
    code, out, _ = run(*command)

    assert 7 == code
    assert out.startswith(f"First failure: {file}: Observation/o-bad: ")
    assert "the status is wrong" in out.splitlines()[0]
    assert len(out.partition("Failed:\n")[2].splitlines()) == (1 if more else 2)  # itself, and all others
    code, out, _ = run(*command, "--format", "json")
    found = result_of(out)
    assert f"{file}: Observation/o-bad" == found["first_failure"]["place"]
    assert "the status is wrong" in found["first_failure"]["reason"]
    assert [1] if more else [1, 18] == sorted(each["count"] for each in found["reasons"])


def test_nineteen_equal_lines_become_one(fake: SmallServer, run: Run, tmp_path: Path) -> None:
    lines = [patient(str(number)) for number in range(19)]
    file = write(tmp_path, "in.ndjson", lines)
    fake.hook = lambda request, answer: Reply(405) if request.is_transaction else answer()
    _, out, _ = run("upload", file, "--server", fake.url, "--merge", "200")

    assert 1 == len(out.partition("Failed:\n")[2].splitlines())
    assert "and 16 more: nothing was stored: HTTP 405" in out
    assert "405" in out.splitlines()[0]


def test_undo_and_verify_tell_once_what_fails_alike(fake: SmallServer, run: Run, tmp_path: Path, journal: Path) -> None:
    file = write(tmp_path, "in.ndjson", [patient(str(number)) for number in range(19)])
    assert 0 == run("upload", file, "--server", fake.url, "--journal", journal)[0]
    fake.hook = lambda request, answer: answer() if request.method == "GET" else Reply(405)
    code, out, _ = run("undo", journal)

    assert 7 == code
    (line,) = out.partition("Not deleted:\n")[2].splitlines()
    assert "and 16 more: " in line
    assert "405" in line
    (reason,) = result_of(run("undo", journal, "--format", "json")[1])["reasons"]
    assert (19, 3) == (reason["count"], len(reason["first"]))
    fake.hook = lambda _, answer: answer()
    fake.resources.clear()
    code, out, _ = run("verify", journal)
    assert 5 == code
    (line,) = out.partition("Not as sent:\n")[2].splitlines()
    assert "and 16 more: lost: " in line


def test_nothing_is_on_top_where_all_is_well(fake: SmallServer, run: Run, tmp_path: Path) -> None:
    _, out, _ = run("upload", write(tmp_path, "a.json", bundle("a")), "--server", fake.url)

    assert out.startswith("Upload to ")

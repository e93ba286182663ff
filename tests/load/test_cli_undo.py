"""The command undo: what a run created is deleted, what is not its own is left, and it can be given again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from load.sample import bundle, by_type, counts_of, observation, patient, write
from smallserver import HAPI, Reply, Request, SmallServer
from support import result_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three files that share a clinic, and one of findings about their patients, which is sent later."""
    for key in "abc":
        write(tmp_path, f"in/{key}.json", bundle(key, once=False))
    write(tmp_path, "in/0-findings.ndjson", [observation(f"late-{key}", f"Patient/p-{key}") for key in "abc"])
    return tmp_path / "in"


def loaded(run: Run, fake: SmallServer, folder: Path, journal: Path, *more: str) -> None:
    code, _, err = run("upload", folder, "--server", fake.url, "--journal", journal, "--merge", "1", *more)
    assert 0 == code, err


def counts(out: str) -> dict[str, int]:
    return {name: number for name, number in result_of(out).items() if isinstance(number, int) and number}


@pytest.mark.parametrize("software", [HAPI, "another server"])
@pytest.mark.parametrize("merge", ["1", "200"])
def test_all_that_was_created_is_deleted_though_it_refers_to_each_other(
    run: Run, folder: Path, journal: Path, software: str, merge: str
) -> None:
    with SmallServer.like(software) as fake:
        loaded(run, fake, folder, journal, "--merge", merge)
        assert {"Observation": 6, "Organization": 1, "Patient": 3} == by_type(fake.names)
        code, out, err = run("undo", journal, "--format", "json")

        assert (0, set()) == (code, fake.names)
        assert {"deleted": 10} == counts(out)
        assert [] == result_of(out)["left_over"]
        assert f"Undoing the upload to {fake.url} …\n" == err


def test_what_was_there_before_is_left_as_it_is(fake: SmallServer, run: Run, folder: Path, journal: Path) -> None:
    fake.put({**patient("a"), "gender": "male"})
    fake.put(patient("b"))
    loaded(run, fake, folder, journal)
    code, out, _ = run("undo", journal)

    assert (0, {"Patient/p-a", "Patient/p-b"}) == (code, fake.names)
    assert f"Undone at {fake.url}" == out.splitlines()[0]
    assert {"deleted": 8, "already gone": 0, "not deleted": 0} == counts_of(out, "Resources")


def test_what_was_changed_since_and_what_it_refers_to_is_left_with_the_reason(
    fake: SmallServer, run: Run, folder: Path, journal: Path
) -> None:
    loaded(run, fake, folder, journal)
    fake.put(observation("late-b", "Patient/p-b", status="amended"))
    code, out, _ = run("undo", journal)

    assert (7, {"Observation/o-late-b", "Patient/p-b"}) == (code, fake.names)
    assert {"deleted": 8, "already gone": 0, "not deleted": 2} == counts_of(out, "Resources")
    assert "  Observation/o-late-b: it was changed since: version 2 instead of 1\n" in out
    assert "  Patient/p-b: HTTP 409 Conflict: HAPI-0550: Unable to delete Patient/p-b" in out


def test_what_something_else_refers_to_is_left_until_that_is_gone(
    fake: SmallServer, run: Run, folder: Path, journal: Path
) -> None:
    loaded(run, fake, folder, journal)
    fake.put(observation("of-somebody", "Patient/p-c"))
    code, out, _ = run("undo", journal, "--format", "json")

    assert (7, {"Observation/o-of-somebody", "Patient/p-c"}) == (code, fake.names)
    assert {"deleted": 9, "left": 1} == counts(out)
    [left] = result_of(out)["left_over"]
    assert ("Patient/p-c", "left") == (left["stored_as"], left["state"])
    assert "Observation/o-of-somebody" in left["reason"]
    del fake.resources["Observation/o-of-somebody"]
    code, out, _ = run("undo", journal, "--format", "json")
    assert (0, set()) == (code, fake.names)
    assert {"deleted": 10} == counts(out)


def test_a_second_undo_does_nothing(fake: SmallServer, run: Run, folder: Path, journal: Path) -> None:
    loaded(run, fake, folder, journal)
    first = run("undo", journal)
    fake.put(patient("a"))  # somebody stores it again
    fake.requests.clear()
    second = run("undo", journal)

    assert (0, first[1]) == second[:2]
    assert ([], {"Patient/p-a"}) == (fake.transactions, fake.names)


def test_what_is_gone_already_is_said_to_be_gone(fake: SmallServer, run: Run, folder: Path, journal: Path) -> None:
    loaded(run, fake, folder, journal)
    del fake.resources["Observation/o-late-a"]
    code, out, _ = run("undo", journal, "--format", "json")

    assert (0, set()) == (code, fake.names)
    assert {"deleted": 9, "gone": 1} == counts(out)


@pytest.mark.parametrize("done", [False, True])
def test_an_undo_that_was_interrupted_resumes(
    fake: SmallServer, run: Run, folder: Path, journal: Path, pauses: list[float], done: bool
) -> None:
    loaded(run, fake, folder, journal)
    fake.requests.clear()

    def break_off(request: Request, answer: Callable[[], Reply]) -> Reply | None:
        if len(fake.transactions) < 3 or not request.is_transaction:
            return answer()
        if done:
            answer()
        return None

    fake.hook = break_off
    code, _, err = run("undo", journal)
    assert 6 == code, err
    assert 0 < len(fake.names) < 10
    fake.hook = lambda _, answer: answer()
    code, out, _ = run("undo", journal, "--format", "json")

    assert (0, set()) == (code, fake.names)
    assert 10 == sum(counts(out).values())


def test_after_an_undo_the_same_upload_loads_all_again(
    fake: SmallServer, run: Run, folder: Path, state_home: Path
) -> None:
    command = ("upload", folder, "--server", fake.url)
    assert 0 == run(*command)[0]
    [journal] = state_home.rglob("*.jsonl")
    assert 0 == run("undo", journal)[0]
    code, out, _ = run(*command)

    assert 0 == code
    assert {"Observation": 6, "Organization": 1, "Patient": 3} == by_type(fake.names), out


def test_a_run_whose_end_is_not_known_is_not_undone(fake: SmallServer, run: Run, folder: Path, journal: Path) -> None:
    loaded(run, fake, folder, journal)
    lines = journal.read_text().splitlines(keepends=True)
    last = max(number for number, line in enumerate(lines) if line.startswith('{"sending"'))
    journal.write_text("".join(lines[: last + 1]))
    before = fake.names
    code, _, err = run("undo", journal)

    assert (1, before) == (code, fake.names)
    assert f"{journal}: the run was interrupted, and the outcome of its last requests is not known" in err
    assert "repeat the upload" in err


def test_what_is_no_journal_or_is_not_there_is_a_wrong_command_line(
    fake: SmallServer, run: Run, folder: Path, tmp_path: Path
) -> None:
    code, _, err = run("undo", folder / "a.json")

    assert 2 == code
    assert "this is not the journal of an upload" in err
    assert 2 == run("undo", tmp_path / "missing")[0]
    assert [] == fake.requests

"""The command verify with a journal: it knows where everything is, and finds what is altered or lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from load.sample import bundle, counts_of, observation, patient, write
from smallserver import Reply
from support import result_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smallserver import Request, SmallServer

    Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three files that share a clinic; the findings have no identifier, so that only the journal knows them."""
    for key in "abc":
        write(tmp_path, f"in/{key}.json", bundle(key, once=False))
    return tmp_path / "in"


def upload(run: Run, fake: SmallServer, folder: Path, journal: Path, *more: str) -> int:
    return run("upload", folder, "--server", fake.url, "--journal", journal, *more)[0]


@pytest.mark.parametrize("options", [(), ("--ids", "server"), ("--as-is",), ("--merge", "1", "--max-entries", "2")])
def test_all_that_was_loaded_is_found_and_is_as_it_was_sent(
    fake: SmallServer, run: Run, folder: Path, journal: Path, options: tuple[str, ...]
) -> None:
    assert 0 == upload(run, fake, folder, journal, *options)
    code, out, err = run("verify", journal, "--format", "json")
    value = result_of(out)

    assert (0, True) == (code, value["ok"]), out
    assert fake.names == {each["stored_as"] for each in value["comparisons"]}
    assert 9 == len(value["comparisons"])
    assert err.endswith(f"Reading back from {fake.url} …\n")


def test_what_is_altered_or_lost_is_named(fake: SmallServer, run: Run, folder: Path, journal: Path) -> None:
    assert 0 == upload(run, fake, folder, journal)
    finding = next(
        name for name, resource in fake.resources.items() if resource.get("subject") == {"reference": "Patient/p-c"}
    )
    fake.put({**fake.resources["Patient/p-a"], "gender": "male"})
    fake.put({**fake.resources[finding], "status": "amended"})
    del fake.resources["Patient/p-b"]
    code, out, _ = run("verify", journal)

    assert 5 == code
    assert f'  {folder / "a.json"}: Patient/p-a: altered\n    Patient.gender  changed     "female"  ->  "male"\n' in out
    assert f"(stored as {finding}): altered\n    Observation.status" in out
    assert f"  {folder / 'b.json'}: Patient/p-b: lost: Patient/p-b was deleted" in out
    states = ["equal", "server-added", "rewritten", "altered", "lost", "refused", "not checked"]
    assert states == list(counts_of(out, "Resources"))


def test_files_that_have_changed_since_are_not_compared(
    fake: SmallServer, run: Run, folder: Path, journal: Path
) -> None:
    assert 0 == upload(run, fake, folder, journal)
    write(folder, "b.json", bundle("other"))
    code, _, err = run("verify", journal)

    assert 1 == code
    assert f"the input has changed since this journal was begun: {folder / 'b.json'}" in err


def test_another_server_than_that_of_the_journal_is_a_wrong_command(
    fake: SmallServer, run: Run, folder: Path, journal: Path
) -> None:
    assert 0 == upload(run, fake, folder, journal)
    code, _, err = run("verify", journal, "--server", "http://127.0.0.1:9/fhir")

    assert 2 == code
    assert f"The journal is about {fake.url}." in err
    assert 0 == run("verify", journal, "--server", fake.url)[0]


def test_what_could_not_be_loaded_is_listed_and_the_rest_is_compared(
    fake: SmallServer, run: Run, folder: Path, journal: Path
) -> None:
    file = write(folder, "d.json", {"name": "Ann"})
    assert 4 == upload(run, fake, folder, journal, "--keep-going")
    code, out, err = run("verify", journal, "--format", "json")

    assert (4, True, 9) == (code, result_of(out)["ok"], len(result_of(out)["comparisons"]))
    assert f"Skipped: {file}: this is not a FHIR resource" in err
    del fake.resources["Patient/p-b"]
    assert 5 == run("verify", journal)[0]


def test_what_was_allowed_to_refer_to_nothing_is_compared(
    fake: SmallServer, run: Run, folder: Path, journal: Path
) -> None:
    fake.behaviour.quirks.discard("checks-references")
    write(folder, "d.json", observation("d", "Patient/nowhere"))
    for options in (("--allow-dangling",), ("--allow-dangling", "--keep-going")):
        assert 0 == upload(run, fake, folder, journal, *options, "--restart")
        code, out, err = run("verify", journal, "--format", "json")
        assert (0, 10) == (code, len(result_of(out)["comparisons"])), err
    del fake.resources["Observation/o-d"]
    assert 5 == run("verify", journal)[0]


def test_what_the_upload_had_skipped_is_named_and_not_called_lost(
    fake: SmallServer, run: Run, folder: Path, journal: Path
) -> None:
    file = write(folder, "d.json", observation("d", "Patient/nowhere"))
    assert 4 == upload(run, fake, folder, journal, "--keep-going")
    code, out, err = run("verify", journal, "--format", "json")

    assert (4, True, 9) == (code, result_of(out)["ok"], len(result_of(out)["comparisons"]))
    assert f"Skipped: {file}: the upload had skipped it" in err


def test_what_the_server_refused_is_called_refused_with_its_reason(
    fake: SmallServer, run: Run, tmp_path: Path, journal: Path
) -> None:
    file = write(tmp_path, "in.ndjson", [patient("good"), patient("bad", gender="refuse-me")])

    def refuse(request: Request, answer: Callable[[], Reply]) -> Reply:
        issue = {"severity": "error", "code": "value", "diagnostics": "no such gender"}
        outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
        return Reply(422, outcome) if b"refuse-me" in request.content else answer()

    fake.hook = refuse
    assert 7 == upload(run, fake, file, journal)
    code, out, _ = run("verify", journal)
    compared = result_of(run("verify", journal, "--format", "json")[1])["comparisons"]
    counts = counts_of(out, "Resources")

    assert 5 == code
    assert (1, 1, 0) == (counts["server-added"], counts["refused"], counts["lost"])
    assert "Patient/p-bad: refused: " in out
    assert [False, True] == ["no such gender" in each["reason"] for each in compared]

    fake.hook = lambda _, answer: answer()
    assert 0 == upload(run, fake, file, journal)
    del fake.resources["Patient/p-bad"]
    lost = result_of(run("verify", journal, "--format", "json")[1])["comparisons"]
    assert ["added", "lost"] == sorted(each["state"] for each in lost)


def test_after_an_undo_everything_is_lost(fake: SmallServer, run: Run, folder: Path, journal: Path) -> None:
    assert 0 == upload(run, fake, folder, journal)
    assert 0 == run("undo", journal)[0]
    code, out, _ = run("verify", journal, "--format", "json")

    assert (5, {"lost"}) == (code, {each["state"] for each in result_of(out)["comparisons"]})

"""Unresolved references, for which the server makes placeholders: told, written down, undone, compared."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from fhir_case.server.hapi import HapiServer
from load.sample import bundle, by_type, counts_of, observation, patient, write
from smallserver import PLACEHOLDER, Reply, Request, SmallServer
from support import result_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A patient and two findings about somebody else, of which one was made in an encounter that is missing too."""
    made = [
        patient("a"),
        observation("x", "Patient/elsewhere"),
        observation("y", "Patient/elsewhere", encounter={"reference": "Encounter/elsewhere"}),
    ]
    write(tmp_path, "in/all.ndjson", made)
    return tmp_path / "in"


@pytest.fixture
def placeholders(fake: SmallServer) -> SmallServer:
    fake.behaviour.quirks.add("makes-placeholders")
    return fake


def upload(run: Run, fake: SmallServer, folder: Path, journal: Path, *more: str) -> tuple[int, str, str]:
    return run("upload", folder, "--server", fake.url, "--journal", journal, "--merge", "1", *more)


def states(run: Run, journal: Path, command: str) -> tuple[int, dict[str, Any]]:
    code, out, _ = run(command, journal, "--format", "json")
    return code, result_of(out)


def test_what_the_server_made_is_counted_apart_and_named(
    placeholders: SmallServer, run: Run, folder: Path, journal: Path
) -> None:
    code, out, err = upload(run, placeholders, folder, journal, "--placeholders")

    assert 0 == code
    assert {"Patient/elsewhere", "Encounter/elsewhere"} < placeholders.names
    assert {"created": 3, "updated": 0, "unchanged": 0, "failed": 0} == counts_of(out, "Resources")
    assert {"made": 2, "missing": 0} == counts_of(out, "Placeholders")
    awaited = (
        "Warning: the server shall make placeholders for unresolved references: Encounter/elsewhere, Patient/elsewhere"
    )
    assert awaited in err
    assert json.loads(journal.read_text().splitlines()[-1])["finished"]


def test_without_the_option_such_references_are_refused_and_the_option_is_named(
    placeholders: SmallServer, run: Run, folder: Path, journal: Path
) -> None:
    code, _, err = upload(run, placeholders, folder, journal)

    assert (4, []) == (code, placeholders.transactions)
    assert "--placeholders where the server makes placeholders" in err


def test_a_server_that_makes_none_and_accepts_the_reference_is_reported(
    fake: SmallServer, run: Run, folder: Path, journal: Path
) -> None:
    fake.put(patient("elsewhere"))

    def take_all(request: Request, answer: Callable[[], Reply]) -> Reply:
        fake.behaviour.quirks.add("makes-placeholders")
        reply = answer()
        for name in ("Patient/elsewhere", "Encounter/elsewhere"):
            fake.resources.pop(name, None)
        return reply

    fake.hook = take_all
    code, out, err = upload(run, fake, folder, journal, "--placeholders")

    assert 7 == code
    assert {"made": 0, "missing": 2} == counts_of(out, "Placeholders")
    named = "Warning: referred to, and the server made no placeholder: Encounter/elsewhere, Patient/elsewhere"
    assert named in err


def test_what_was_refused_is_reported_once_and_not_as_a_missing_placeholder(
    fake: SmallServer, run: Run, folder: Path, journal: Path
) -> None:
    code, out, _ = upload(run, fake, folder, journal, "--placeholders")

    assert (7, {"Patient/p-a"}) == (code, fake.names)
    assert "Patient/elsewhere not found" in out
    assert "made no placeholder" not in out
    assert "Placeholders [" not in out


def test_a_reference_that_no_placeholder_can_answer_is_refused(
    placeholders: SmallServer, run: Run, tmp_path: Path, journal: Path
) -> None:
    write(tmp_path, "in/x.json", observation("x", "urn:uuid:c5b9a4a0-0000-4000-8000-000000000000"))
    code, _, err = upload(run, placeholders, tmp_path / "in", journal, "--placeholders")

    assert (4, []) == (code, placeholders.transactions)
    assert "no server makes a placeholder for these" in err


def test_undo_removes_what_was_made_after_all_that_refers_to_it(
    placeholders: SmallServer, run: Run, folder: Path, journal: Path
) -> None:
    upload(run, placeholders, folder, journal, "--placeholders")
    code, value = states(run, journal, "undo")

    assert (0, set(), 5) == (code, placeholders.names, value["deleted"])
    again, _ = states(run, journal, "undo")
    assert 0 == again


def test_undo_keeps_a_placeholder_that_was_there_before_or_was_replaced_since(
    placeholders: SmallServer, run: Run, folder: Path, journal: Path
) -> None:
    placeholders.put({"resourceType": "Encounter", "id": "elsewhere", "extension": [PLACEHOLDER]})
    upload(run, placeholders, folder, journal, "--placeholders")
    placeholders.put({"resourceType": "Patient", "id": "elsewhere", "gender": "male"})
    code, value = states(run, journal, "undo")

    assert (7, {"Encounter/elsewhere", "Patient/elsewhere"}) == (code, placeholders.names)
    assert ["it was changed since: version 2 instead of 1"] == [each["reason"] for each in value["left_over"]]


@pytest.mark.parametrize("odd", [Reply(202), Reply(200, "<html>Welcome</html>"), None])
def test_what_was_made_by_a_request_that_was_not_confirmed_is_counted_and_undone(
    placeholders: SmallServer, run: Run, folder: Path, journal: Path, odd: Reply | None
) -> None:
    def answer(request: Request, carried_out: Callable[[], Reply]) -> Reply | None:
        reply = carried_out()
        return odd if request.is_transaction else reply

    placeholders.hook = answer
    options = ("--placeholders", "--retry-for", "2", "--settle-for", "0.2")
    upload(run, placeholders, folder, journal, *options)
    placeholders.hook = lambda _, carried_out: carried_out()
    code, out, _ = upload(run, placeholders, folder, journal, *options, "--format", "json")

    assert 2 == result_of(out)["placeholders"]["made"]
    assert {"Observation": 2, "Patient": 2, "Encounter": 1} == by_type(placeholders.names)
    code, undone = states(run, journal, "undo")
    left = {each.get("stored_as", each["resource"]) for each in undone["left_over"]}
    assert (7 if left else 0) == code
    assert placeholders.names <= left or len(placeholders.names) == len(left)


def test_undo_keeps_a_placeholder_of_another_request(
    placeholders: SmallServer, run: Run, folder: Path, journal: Path
) -> None:
    def hurry(request: Request, answer: Callable[[], Reply]) -> Reply:
        if request.is_transaction:
            placeholders.put({"resourceType": "Patient", "id": "elsewhere", "extension": [PLACEHOLDER]})
        return answer()

    placeholders.hook = hurry
    upload(run, placeholders, folder, journal, "--placeholders")
    placeholders.hook = lambda _, answer: answer()
    code, _ = states(run, journal, "undo")

    assert (0, {"Patient/elsewhere"}) == (code, placeholders.names)


def test_undo_after_an_interrupted_run_looks_for_what_was_made(
    placeholders: SmallServer, run: Run, folder: Path, journal: Path
) -> None:
    upload(run, placeholders, folder, journal, "--placeholders")
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(line for line in lines if not line.startswith(('{"placeholder"', '{"finished"'))))

    assert (0, set()) == (states(run, journal, "undo")[0], placeholders.names)


def test_a_run_that_resumes_counts_what_the_earlier_one_made(
    placeholders: SmallServer, run: Run, folder: Path, journal: Path
) -> None:
    def break_off(request: Request, answer: Callable[[], Reply]) -> Reply:
        return Reply(403) if len(placeholders.transactions) == 3 and request.is_transaction else answer()

    placeholders.hook = break_off
    assert 7 == upload(run, placeholders, folder, journal, "--placeholders", "--concurrency", "1")[0]
    placeholders.hook = lambda _, answer: answer()
    code, out, _ = upload(run, placeholders, folder, journal, "--placeholders")

    assert 0 == code
    assert {"made": 2, "missing": 0} == counts_of(out, "Placeholders")
    assert (0, set()) == (states(run, journal, "undo")[0], placeholders.names)


def test_verify_says_what_became_of_each(placeholders: SmallServer, run: Run, folder: Path, journal: Path) -> None:
    upload(run, placeholders, folder, journal, "--placeholders")
    assert (0, {"placeholder": 2, "replaced": 0, "gone": 0}) == (
        states(run, journal, "verify")[0],
        states(run, journal, "verify")[1]["placeholders"],
    )
    placeholders.put({"resourceType": "Patient", "id": "elsewhere", "gender": "male"})
    del placeholders.resources["Encounter/elsewhere"]
    code, out, _ = run("verify", journal)

    assert 5 == code
    assert {"placeholder": 0, "replaced": 1, "gone": 1} == counts_of(out, "Placeholders")


def test_verify_does_not_take_a_placeholder_for_what_was_sent(
    placeholders: SmallServer, run: Run, tmp_path: Path, journal: Path
) -> None:
    file = write(tmp_path, "in/a.json", bundle("a"))
    assert 0 == upload(run, placeholders, file, journal)[0]
    placeholders.put({"resourceType": "Patient", "id": "p-a", "extension": [PLACEHOLDER]})
    code, out, _ = run("verify", journal)

    assert 5 == code
    assert f"  {file}: Patient/p-a: lost: only a placeholder is there" in out


def test_the_file_of_servers_can_say_it(
    placeholders: SmallServer, run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "servers.toml").write_text(f'[near]\nurl = "{placeholders.url}"\nplaceholders = true\n')
    code, out, _ = run("upload", folder, "--server", "near")

    assert 0 == code
    assert {"made": 2, "missing": 0} == counts_of(out, "Placeholders")
    assert 0 == run("verify", folder, "--server", "near")[0]


@pytest.mark.server
def test_a_real_server_makes_them_and_undo_removes_them(run: Run, folder: Path, journal: Path) -> None:
    with HapiServer(placeholders=True) as server:
        code, out, err = run(
            "upload", folder, "--server", server.base_url, "--journal", journal, "--merge", "1", "--placeholders"
        )
        assert 0 == code, out + err
        assert {"made": 2, "missing": 0} == counts_of(out, "Placeholders")
        code, found = states(run, journal, "verify")
        assert (0, {"placeholder": 2, "replaced": 0, "gone": 0}) == (code, found["placeholders"])
        code, undone = states(run, journal, "undo")
        assert (0, 5, []) == (code, undone["deleted"], undone["left_over"])
        assert (5, {"placeholder": 0, "replaced": 0, "gone": 2}) == (
            states(run, journal, "verify")[0],
            states(run, journal, "verify")[1]["placeholders"],
        )

"""A server that was restored from an older backup: what the journal says is there, and is not, is sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from load.sample import by_type, patient, write, write_numbered
from smallserver import HAPI, Reply, SmallServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]

ALL = {"Observation": 6, "Organization": 1, "Patient": 6}


def command(folder: Path, fake: SmallServer, journal: Path, *more: str) -> tuple[object, ...]:
    options = ("--merge", "3", "--concurrency", "1", "--retry-for", "0.2", "--settle-for", "0.2")
    return ("upload", folder, "--server", fake.url, "--journal", journal, *options, *more)


def interrupted(run: Run, fake: SmallServer, folder: Path, journal: Path) -> None:
    """Let the server be overloaded after four of six documents."""
    fake.hook = lambda request, answer: (
        Reply(429) if len(fake.transactions) > 4 and request.method == "POST" else answer()
    )
    assert 6 == run(*command(folder, fake, journal))[0]
    fake.hook = lambda _, answer: answer()


@pytest.mark.parametrize("software", [HAPI, "another server"])
@pytest.mark.parametrize("lost", [1, 3])
def test_what_a_restored_server_lost_is_sent_again_and_nothing_else(
    run: Run, tmp_path: Path, journal: Path, software: str, lost: int
) -> None:
    folder = write_numbered(tmp_path / "in", 6)
    with SmallServer.like(software) as fake:
        interrupted(run, fake, folder, journal)
        observations = sorted(name for name in fake.names if name.startswith("Observation/"))
        for number in range(4 - lost, 4):
            del fake.resources[f"Patient/p-n{number}"]
            del fake.resources[observations[number]]
        before = fake.names
        code, _, err = run(*command(folder, fake, journal))
        assert (1, before) == (code, fake.names)
        assert "--resend-missing sends again what is not there any more" in err
        code, out, err = run(*command(folder, fake, journal, "--resend-missing"))
        assert (0, ALL) == (code, by_type(fake.names)), out + err
        assert before <= fake.names
        assert 0 == run("undo", journal)[0]
        assert set() == fake.names


def test_an_id_that_the_restored_server_gave_to_somebody_else_is_not_taken_for_ours(
    run: Run, fake: SmallServer, tmp_path: Path, journal: Path
) -> None:
    folder = write_numbered(tmp_path / "in", 6)
    interrupted(run, fake, folder, journal)
    name = max(name for name in fake.names if name.startswith("Observation/"))
    stranger = {"resourceType": "Observation", "id": name.partition("/")[2], "status": "final", "code": {"text": "new"}}
    fake.resources[name] = {**stranger, "meta": {"versionId": "1", "source": "#somebody"}}
    code, out, _ = run(*command(folder, fake, journal, "--resend-missing"))

    assert (0, ALL | {"Observation": 7}) == (code, by_type(fake.names)), out
    assert 7 == run("undo", journal)[0]  # another request has written it
    assert {name} == fake.names


def test_an_update_that_the_restored_server_has_in_an_older_version_is_sent_again(
    run: Run, fake: SmallServer, tmp_path: Path, journal: Path
) -> None:
    fake.put({**patient("a"), "gender": "male"})
    older = fake.resources["Patient/p-a"]
    write(tmp_path, "in/a.json", patient("a"))
    write(tmp_path, "in/b.json", patient("b"))
    run("upload", tmp_path / "in", "--server", fake.url, "--journal", journal)
    fake.resources["Patient/p-a"] = older
    assert 0 == run("upload", tmp_path / "in", "--server", fake.url, "--journal", journal, "--resend-missing")[0]

    assert ["female", "female"] == [each["gender"] for each in fake.resources.values()]


def test_verify_says_what_is_gone(run: Run, fake: SmallServer, tmp_path: Path, journal: Path) -> None:
    for key in "ab":
        write(tmp_path, f"in/{key}.json", patient(key))
    run("upload", tmp_path / "in", "--server", fake.url, "--journal", journal)
    del fake.resources["Patient/p-b"]
    code, out, _ = run("verify", journal)

    assert 0 != code
    assert "Patient/p-b" in out

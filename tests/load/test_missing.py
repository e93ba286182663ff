"""A server that was restored from an older backup: what it lacks is said, and sent again when that is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from load.machine import World
from load.process import Process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Run = Callable[..., tuple[int, str, str]]

FORMS = ["create", "create nameless", "update", "create by condition", "across"]


@pytest.fixture
def world() -> Iterator[World]:
    with World("HAPI FHIR Server", FORMS, merged=False) as found:
        yield found


def command(world: World, *options: str) -> tuple[Any, ...]:
    files = [world.folder / f"{number}.json" for number in range(len(FORMS))]
    journal = ("--journal", world.journal)
    return "upload", *files, "--server", world.server.url, "--merge", "1", "--quiet", *journal, *options


def restore(world: World, names: set[str]) -> None:
    """Make the server what it was when it had only these."""
    store = world.server.resources._store
    for kind, by_id in store._versions.items():
        for resource_id in [each for each in by_id if f"{kind}/{each}" not in names]:
            del by_id[resource_id]
    world.ours &= names
    world.process = Process()


def test_a_run_goes_on_from_what_a_restored_server_really_has(world: World, run: Run) -> None:
    assert "killed" == world.upload(process=Process(5))
    backup = world.server.names
    assert "killed" == world.upload(process=Process(4))
    assert len(backup) < len(world.server.names)
    restore(world, backup)

    code, out, _ = run("verify", world.journal)
    assert 5 == code
    assert "lost" in out
    code, _, err = run(*command(world))
    assert 1 == code
    assert "any more, which this journal says is stored there" in err
    assert "--resend-missing sends again what is not there any more" in err
    assert backup == world.server.names

    code, _, err = run(*command(world, "--resend-missing"))

    assert 0 == code, err
    assert world.keys.keys() == world.stored().keys()
    assert {1} == {len(names) for names in world.stored().values()}
    assert 0 == run("verify", world.journal)[0]
    code, out, err = run("undo", world.journal)
    assert (0, set()) == (code, world.server.names), err


def test_what_is_there_in_an_older_version_is_sent_again(world: World, run: Run) -> None:
    world.server.put({"resourceType": "Patient", "id": "r-p-2", "gender": "male"})
    before = dict(world.server.resources)["Patient/r-p-2"]
    assert "done" == world.upload()
    world.server.resources._store._versions["Patient"]["r-p-2"] = world.server.resources._store._versions["Patient"][
        "r-p-2"
    ][:1]
    assert before == world.server.resources["Patient/r-p-2"]

    code, _, err = run(*command(world, "--resend-missing"))

    assert 0 == code, err
    assert "2" == world.server.resources["Patient/r-p-2"]["meta"]["versionId"]
    assert {1} == {len(names) for names in world.stored().values()}

"""What was deleted and is created again counts as created, also where the answer was lost: undo removes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from load.machine import World
from smallserver import HAPI

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.mark.parametrize("software", [HAPI, "another server"])
@pytest.mark.parametrize("form", ["update", "update by condition"])
@pytest.mark.parametrize("faults", [[], ["late", "503"], ["after"], ["late"], ["killed after"]])
def test_what_is_created_again_after_an_undo_is_removed_by_the_next_one(
    software: str, form: str, faults: Sequence[str]
) -> None:
    with World(software, [form]) as world:
        assert "done" == world.upload()
        assert ("done", []) == world.undo()
        world.renew()

        world.upload(faults)
        assert "done" == world.upload()

        assert {"created"} == {entry.state for entry in world.said().values()}
        assert ("done", [], {}) == (*world.undo(), world.stored())


@pytest.mark.parametrize("fault", ["after", "late", "killed after"])
def test_what_was_there_and_is_updated_without_an_answer_stays(fault: str) -> None:
    with World(HAPI, ["update"]) as world:
        old = {each["resource"]["id"]: each["resource"] for each in world.documents[0]["entry"]}
        for resource in old.values():
            world.somebody_stores({name: value for name, value in resource.items() if name != "meta"})
        world.upload([fault])
        assert "done" == world.upload()

        assert {"updated"} == {entry.state for entry in world.said().values()}
        assert ("done", []) == world.undo()
        assert {f"{each['resourceType']}/{name}" for name, each in old.items()} == world.server.names

"""Where no request id tells who stored a resource: what had its identifier before was not stored by a lost request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fhir_case.load.journal.reader import read_requests
from load.machine import World
from smallserver import HAPI, Reply, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WITHOUT_REQUEST_IDS = [("another server", ""), (HAPI, "replaces"), (HAPI, "strips")]
IDENTIFIER = {"system": "urn:fhir-case:faults", "value": "r-0-patient"}
STRANGER = {"resourceType": "Patient", "id": "stranger", "identifier": [IDENTIFIER]}


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with World("another server", getattr(request, "param", ["create"]), merged=True) as found:
        yield found


def places(world: World) -> dict[str, list[str]]:
    """Return for each key where we have stored it."""
    return {key.removeprefix("r-0-"): names for key, names in world.stored().items()}


@pytest.mark.parametrize("fault", ["503", "before", "after", "late"])
def test_a_stranger_with_the_same_identifier_does_not_stand_for_ours(world: World, fault: str) -> None:
    world.somebody_stores(STRANGER)

    assert "done" == world.upload([fault])

    assert [1, 1] == [len(names) for names in places(world).values()]
    said = world.said()["r-0-patient"]
    assert "created" == said.state
    assert places(world)["patient"] == [said.stored_as]
    undone, left = world.undo()
    assert "done" == undone
    assert "Patient/stranger" in world.server.names
    # The finding has no identifier: where the answer was lost it is unknown, and keeps the patient to whom it refers.
    assert set(places(world).get("patient", [])) == {each.stored_as for each in left if each.stored_as}


@pytest.mark.parametrize("fault", ["killed before", "killed after"])
def test_the_journal_remembers_the_stranger_for_the_run_that_resumes(world: World, fault: str) -> None:
    world.somebody_stores(STRANGER)
    assert "killed" == world.upload([fault])
    assert ("Patient/stranger",) == next(read_requests(world.journal)).there

    assert "done" == world.upload()

    assert [world.said()["r-0-patient"].stored_as] == places(world)["patient"]
    assert 1 == len(places(world)["patient"])
    world.undo()
    assert "Patient/stranger" in world.server.names


@pytest.mark.parametrize("world", [["create by condition", "create"]], indirect=True)
def test_what_a_condition_found_is_not_ours_though_the_answer_was_lost(world: World) -> None:
    world.somebody_stores(STRANGER)

    assert "done" == world.upload(["after"])

    said = world.said()["r-0-patient"]
    assert ("unchanged", "Patient/stranger") == (said.state, said.stored_as)
    world.undo()
    assert "Patient/stranger" in world.server.names


@pytest.mark.parametrize("world", [["update"]], indirect=True)
@pytest.mark.parametrize("there", [False, True])
def test_an_update_whose_answer_was_lost_is_not_sent_again_where_it_is_seen(world: World, there: bool) -> None:
    world.server.behaviour.quirks.discard("skips-equal-updates")
    if there:
        world.somebody_stores({"resourceType": "Patient", "id": "r-p-0", "gender": "male"})

    assert "done" == world.upload(["after"])

    assert {"Patient/r-p-0": 1, "Observation/r-o-0": 1} == dict(world.written)
    said = world.said()
    assert ("updated" if there else "created", "created") == (said["r-0-patient"].state, said["r-0-finding"].state)
    assert ("2" if there else "1") == said["r-0-patient"].version


@pytest.mark.parametrize("world", [["update"]], indirect=True)
def test_an_update_is_sent_again_where_something_else_is_seen(world: World) -> None:
    for kind, resource_id in (("Patient", "r-p-0"), ("Observation", "r-o-0")):
        world.somebody_stores({"resourceType": kind, "id": resource_id, "status": "final", "code": {"text": "x"}})

    assert "done" == world.upload(["503", "before"])

    assert {"Patient/r-p-0": 1, "Observation/r-o-0": 1} == dict(world.written)


@pytest.mark.parametrize(("software", "gateway"), WITHOUT_REQUEST_IDS)
@pytest.mark.parametrize("forms", [["create"], ["create by condition", "create"], ["create", "create by condition"]])
@pytest.mark.parametrize("fault", ["after", "late", "before", "killed after", "killed before"])
def test_what_was_there_before_is_never_called_ours_nor_deleted(
    software: str, gateway: str, forms: list[str], fault: str
) -> None:
    with World(software, forms, gateway=gateway) as world:
        world.somebody_stores(STRANGER)
        world.upload([fault])
        world.upload()
        said = world.said()

        assert "Patient/stranger" not in {each.stored_as for each in said.values() if each.state == "created"}
        assert all(len(names) <= 1 for names in places(world).values())
        world.undo()
        assert "Patient/stranger" in world.server.names


@pytest.mark.parametrize(("software", "gateway"), WITHOUT_REQUEST_IDS)
@pytest.mark.parametrize("fault", ["after", "500 after", "killed after"])
def test_an_identifier_that_the_search_cannot_tell_leaves_it_unknown(software: str, gateway: str, fault: str) -> None:
    with World(software, ["create"], gateway=gateway) as world:
        respond = world.server.hook

        def vague(request: Request, answer: Callable[[], Reply]) -> Reply | None:
            """Find something else instead, as a search does that is not exact."""
            reply = respond(request, answer)
            if request.method == "GET" and "identifier" in dict(request.query) and reply is not None:
                other: dict[str, Any] = {
                    "resourceType": request.path[0],
                    "id": "other",
                    "identifier": [{"value": "else"}],
                }
                return Reply(200, {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": other}]})
            return reply

        world.server.hook = vague
        world.upload([fault])
        world.upload()

        assert {1} == {len(names) for names in places(world).values()}
        assert {"unknown"} == {each.state for each in world.said().values()}
        _, left = world.undo()
        assert 2 == len(left)

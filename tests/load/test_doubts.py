"""What a request without a response may have created is never passed over by undo, though the server had it then."""

from __future__ import annotations

import pytest

from load.machine import World
from smallserver import HAPI


def changed(world: World, kind: str) -> str:
    name = next(name for name in world.server.names if name.startswith(kind))
    world.somebody_changes(name)
    return name


@pytest.mark.parametrize(("gateway", "fault"), [("replaces", "killed after"), ("strips", "killed late")])
def test_what_an_earlier_run_may_have_created_is_left_with_a_word(gateway: str, fault: str) -> None:
    with World(HAPI, ["create by condition"], gateway=gateway) as world:
        world.upload([fault])
        changed(world, "Observation")  # so that not all of the transaction can be recognised
        assert "done" == world.upload()

        assert {"unchanged"} == {entry.state for entry in world.said().values()}
        found, left = world.undo()
        assert ("done", world.server.names) == (found, {each.stored_as for each in left})
        assert {"a request without a response may have created it, or somebody else has"} == {
            each.reason for each in left
        }


def test_what_is_not_there_any_more_need_not_be_told() -> None:
    with World(HAPI, ["create by condition"], gateway="strips") as world:
        world.upload(["killed after"])
        name = changed(world, "Observation")
        assert "done" == world.upload()
        world.somebody_deletes(name)

        assert world.server.names == {each.stored_as for each in world.undo()[1]}


def test_what_was_there_before_an_earlier_run_is_not_in_doubt() -> None:
    with World(HAPI, ["create by condition"], gateway="strips") as world:
        clinic = world.documents[0]["entry"][0]["resource"]
        world.somebody_stores({"resourceType": "Organization", "id": "old", "identifier": clinic["identifier"]})
        world.upload(["killed after"])
        changed(world, "Observation")
        assert "done" == world.upload()

        assert world.server.names - {"Organization/old"} == {each.stored_as for each in world.undo()[1]}


def test_what_a_late_request_may_have_created_counts_where_a_second_one_without_an_answer_found_it() -> None:
    with World("another server", ["create", "create", "update by condition"]) as world:
        assert "killed" == world.upload(["late", "killed late"])
        assert "done" == world.upload()

        assert {"Patient/1006", "Observation/1005"} <= {each.stored_as for each in world.undo()[1]}


@pytest.mark.parametrize("fault", ["202", "outcome"])
@pytest.mark.parametrize("form", ["create by condition", "across", "update by condition"])
def test_what_an_answer_does_not_confirm_is_known_by_what_was_there_before(form: str, fault: str) -> None:
    with World("another server", [form]) as world:
        assert "done" == world.upload([fault])

        assert {"created"} == {entry.state for entry in world.said().values()}
        assert ("done", [], {}) == (*world.undo(), world.stored())


def test_what_is_not_found_of_a_transaction_that_was_carried_out_is_never_sent_again_by_any_later_run() -> None:
    with World(HAPI, ["create nameless"]) as world:
        world.upload(["killed after"])
        changed(world, "Observation")  # so that neither its request nor its content shows whose it is
        for _ in range(3):
            assert "done" == world.upload()

            assert ["created", "unknown"] == sorted(entry.state for entry in world.said().values())
            assert 2 == len(world.server.names)


def test_what_hides_whether_request_ids_arrive_makes_no_double() -> None:
    with World(HAPI, ["create nameless", "update"], gateway="strips", merged=False) as world:
        world.upload(["refused"])
        for kind in ("Observation/r-o-1", "Patient/r-p-1", "Patient/1001"):
            changed(world, kind)
        world.somebody_deletes("Observation/1002")
        world.upload()

        assert {"Patient/1001", "Patient/r-p-1", "Observation/r-o-1"} == world.server.names

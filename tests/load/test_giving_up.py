"""What a load says of a request that may have been carried out when it does not send it again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from fhir_case.load.journal.reader import read_requests
from fhir_case.server.retry import RetryPolicy
from load.machine import World
from smallserver import HAPI

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smallserver import Reply, Request

REPEATABLE = ["create by condition", "update", "update by condition"]
ALWAYS = 2_000


def states(world: World) -> set[str]:
    return {entry.state for entry in world.said().values()}


def impatient(software: str, form: str) -> World:
    """Return a load that gives up early."""
    world = World(software, [form])
    world.options = replace(world.options, policy=RetryPolicy(request_s=10, settle_s=1))
    return world


def changed_when_stored(world: World) -> None:
    """Let the server keep something else than what it is sent, so that nothing shows who has stored it."""
    answer = world.server.answer

    def changed(request: Request) -> Reply:
        reply = answer(request)
        for resource in world.server.resources.values():
            resource["language"] = "en"
        return reply

    world.server.answer = changed  # type: ignore[method-assign]


@pytest.mark.parametrize("software", [HAPI, "another server"])
@pytest.mark.parametrize("form", REPEATABLE)
@pytest.mark.parametrize(
    "faults",
    [["after"] * ALWAYS, ["after", *["503"] * ALWAYS], ["500 after"] * ALWAYS, ["504 late"] * ALWAYS],
    ids=["reset after the commit", "then 503", "500 after the commit", "504 and late"],
)
def test_what_is_there_is_never_said_to_be_not_stored_and_undo_removes_it(
    software: str, form: str, faults: Sequence[str]
) -> None:
    with impatient(software, form) as world:
        world.upload(faults)

        assert world.keys.keys() == world.stored().keys()
        assert "failed" not in states(world)

        assert "done" == world.upload()
        assert states(world) <= {"created", "unchanged"}
        undone, left = world.undo()
        assert ("done", [], {}) == (undone, left, world.stored())


@pytest.mark.parametrize("form", REPEATABLE)
@pytest.mark.parametrize("faults", [["before"] * ALWAYS, ["503"] * ALWAYS, ["500"] * ALWAYS])
def test_what_is_not_there_when_a_load_gives_up_is_sent_by_the_next_one(form: str, faults: Sequence[str]) -> None:
    with impatient("another server", form) as world:
        world.upload(faults)

        assert {"failed"} == states(world)
        assert {} == world.stored()

        assert "done" == world.upload()
        assert {"created"} == states(world)
        assert world.keys.keys() == world.stored().keys()


@pytest.mark.parametrize("form", ["create by condition", "update by condition"])
def test_where_nothing_tells_it_is_unknown_and_the_next_run_goes_on(form: str) -> None:
    with impatient("another server", form) as world:
        changed_when_stored(world)
        said = world.upload(["after"] * ALWAYS)

        assert said.startswith("ended: ")
        assert {"unknown"} == states(world)
        assert any("not known whether it is stored" in entry.reason for entry in world.said().values())
        assert "open" in {record.state for record in read_requests(world.journal)}
        undone, left = world.undo()
        assert "done" == undone
        assert {"unknown"} == states(world)
        assert len(world.keys) == len(left)

        assert "done" == world.upload()
        assert "unknown" not in states(world)
        assert {1} == {len(names) for names in world.stored().values()}


def test_a_refusal_after_an_answer_that_was_lost_is_not_called_not_stored() -> None:
    with impatient("another server", "create by condition") as world:
        changed_when_stored(world)
        world.upload(["after", "403"])

        assert {"unknown"} == states(world)
        assert "done" == world.upload()
        assert "unknown" not in states(world)


@pytest.mark.parametrize("form", ["create by condition", "update by condition"])
def test_what_an_attempt_without_an_answer_has_created_is_removed_by_undo(form: str) -> None:
    with impatient("another server", form) as world:
        changed_when_stored(world)
        assert "done" == world.upload(["after"])

        assert {"created"} == states(world)
        undone, left = world.undo()
        assert ("done", [], {}) == (undone, left, world.stored())


@pytest.mark.parametrize("fault", ["after", "before", "killed after"])
def test_what_somebody_had_stored_before_is_not_ours_though_the_answer_was_lost(fault: str) -> None:
    with impatient("another server", "create by condition") as world:
        identifier = {"system": "urn:fhir-case:faults", "value": "r-0-patient"}
        world.somebody_stores({"resourceType": "Patient", "id": "stranger", "identifier": [identifier]})
        world.upload([fault])
        assert "done" == world.upload()

        assert "unchanged" == world.said()["r-0-patient"].state
        undone, left = world.undo()
        assert ("done", []) == (undone, left)
        assert {"Patient/stranger"} == world.server.names


def test_another_loader_of_the_same_data_does_not_stand_for_all_of_a_request() -> None:
    with impatient("another server", "create by condition") as world:
        identifier = {"system": "urn:fhir-case:faults", "value": "r-clinic"}
        clinic = next(each["resource"] for each in world.documents[0]["entry"])
        assert [identifier] == clinic["identifier"]
        answer = world.server.hook

        def meanwhile(request: object, found: object) -> object:
            assert answer is not None
            if getattr(request, "is_transaction", False) and "Organization/other" not in world.server.names:
                world.somebody_stores({**clinic, "id": "other"})
            return answer(request, found)  # type: ignore[arg-type]

        world.server.hook = meanwhile  # type: ignore[assignment]
        assert "done" == world.upload(["before"])

        assert {"r-0-patient", "r-0-finding"} == world.stored().keys()
        assert all(entry.stored_as in world.server.names for entry in world.said().values())


@pytest.mark.parametrize("software", [HAPI, "another server"])
def test_what_refers_to_something_unknown_is_not_sent_by_the_next_run_either(software: str) -> None:
    with World(software, ["create nameless", "across"], gateway="replaces") as world:
        for faults in (["after"], []):
            assert "done" == world.upload(faults)

            said = world.said()
            assert ["failed", "failed", "failed", "unknown", "unknown"] == sorted(each.state for each in said.values())
            assert all("refers to" in each.reason for each in said.values() if each.state == "failed")
            assert {"r-0-patient", "r-0-finding"} == world.stored().keys()


def test_what_is_stored_between_two_looks_after_202_is_created_and_undone() -> None:
    with World(HAPI, ["across"]) as world:
        assert "done" == world.upload(["202 late"])

        assert {"created"} == states(world)
        assert ("done", []) == world.undo()
        assert set() == world.server.names


@pytest.mark.parametrize("fault", ["outcome", "202", "refused", "304", "after"])
def test_what_is_created_again_after_an_undo_is_created_whatever_the_answer_says(fault: str) -> None:
    with World(HAPI, ["across"]) as world:
        assert ("done", ("done", [])) == (world.upload(), world.undo())
        world.renew()

        assert "done" == world.upload([fault])

        assert {"created"} == states(world)
        assert ("done", []) == world.undo()
        assert set() == world.server.names


def test_what_somebody_else_stores_under_a_condition_does_not_show_that_the_rest_is_stored() -> None:
    with World("another server", ["across"]) as world:
        world.upload(["202 before"])
        resource = world.documents[0]["entry"][0]["resource"]
        world.somebody_stores({name: resource[name] for name in ("resourceType", "identifier")} | {"id": "strange"})

        assert "done" == world.upload()

        assert {"r-0-patient": "unchanged", "r-0-finding": "created", "r-0-second": "created"} == {
            key: entry.state for key, entry in world.said().items()
        }
        assert {"r-0-finding", "r-0-second"} == world.stored().keys()

"""Where a server does not let us search, resources are read one by one, and an answer about another one is no proof."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from load.sample import bundle, by_type, observation, patient, write
from smallserver import HAPI, Reply, Request, SmallServer
from support import result_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]
    Hook = Callable[[Request, Callable[[], Reply]], Reply]


def no_search(status: int, instead: dict[str, object] | None = None, of: str = "") -> Hook:
    """Refuse searches, and answer a read of one resource with another one."""

    def answer(request: Request, done: Callable[[], Reply]) -> Reply:
        if request.method == "GET" and len(request.path) == 1 and request.path[0] != "metadata":
            return Reply(status)
        if request.method == "GET" and instead and "/".join(request.path) == of:
            return Reply(200, instead)
        return done()

    return answer


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path, "in.ndjson", [patient("a"), patient("b"), observation("x", "Patient/p-a")])


@pytest.mark.parametrize("software", [HAPI, "another server"])
@pytest.mark.parametrize("status", [403, 404, 405, 501])
def test_undo_reads_one_by_one_and_deletes_what_is_ours(
    run: Run, file: Path, journal: Path, software: str, status: int
) -> None:
    with SmallServer.like(software) as fake:
        assert 0 == run("upload", file, "--server", fake.url, "--journal", journal)[0]
        fake.put({**patient("b"), "gender": "male"})
        del fake.resources["Observation/o-x"]
        fake.hook = no_search(status)
        code, out, _ = run("undo", journal, "--format", "json")

        found = result_of(out)
        assert (7, {"Patient/p-b"}) == (code, fake.names)
        assert (1, 1, 1) == (found["deleted"], found["gone"], found["left"])
        assert "it was changed since" in found["left_over"][0]["reason"]


@pytest.mark.parametrize(
    "instead",
    [
        patient("b"),
        {"resourceType": "Group", "id": "p-a"},
        {"resourceType": "OperationOutcome", "issue": []},
        {"resourceType": "Patient"},
    ],
)
def test_undo_leaves_what_is_answered_with_another_resource(
    run: Run, fake: SmallServer, file: Path, journal: Path, instead: dict[str, object]
) -> None:
    assert 0 == run("upload", file, "--server", fake.url, "--journal", journal)[0]
    fake.hook = no_search(405, instead, "Patient/p-a")
    code, out, _ = run("undo", journal, "--format", "json")

    assert (7, {"Patient": 1}) == (code, by_type(fake.names))
    (left,) = result_of(out)["left_over"]
    assert ("Patient/p-a", "the server answers with another resource") == (left["stored_as"], left["reason"])
    fake.hook = lambda _, done: done()
    assert (0, set()) == (run("undo", journal)[0], fake.names)


@pytest.mark.parametrize("status", [400, 403, 404, 405])
def test_a_run_that_resumes_does_not_take_a_refused_search_for_a_restored_server(
    run: Run, fake: SmallServer, file: Path, journal: Path, status: int
) -> None:
    command = ("upload", file, "--server", fake.url, "--journal", journal)
    assert 0 == run(*command)[0]
    sent = len(fake.transactions)
    fake.hook = no_search(status)
    code, _, err = run(*command)

    assert (0, sent) == (code, len(fake.transactions)), err
    fake.resources.clear()
    code, _, err = run(*command)
    assert (1, sent) == (code, len(fake.transactions))
    assert "which this journal says is stored there" in err


def test_verify_does_not_check_where_a_search_shows_less_than_it_finds(
    run: Run, fake: SmallServer, tmp_path: Path
) -> None:
    file = write(tmp_path, "a.json", bundle("a"))
    assert 0 == run("upload", file, "--server", fake.url)[0]

    def less(request: Request, done: Callable[[], Reply]) -> Reply:
        reply = done()
        if request.path == ("Observation",):
            return Reply(200, {**reply.body, "total": 2, "entry": reply.body.get("entry", [])[:1], "link": []})
        return Reply(200, {**reply.body, "total": 1, "entry": []}) if request.path == ("Organization",) else reply

    fake.hook = less
    code, out, _ = run("verify", file, "--server", fake.url, "--format", "json")
    found = {each["resource"].partition("/")[0]: each for each in result_of(out)["comparisons"]}

    assert 5 == code
    states = {each["state"] for each in found.values() if "a search finds" in each["reason"]}
    assert {"not checked"} == states
    assert 2 == sum("without a next page" in each["reason"] for each in found.values())


def test_verify_believes_a_total_that_says_less_or_nothing(run: Run, fake: SmallServer, tmp_path: Path) -> None:
    file = write(tmp_path, "a.json", bundle("a"))
    assert 0 == run("upload", file, "--server", fake.url)[0]
    totals: list[dict[str, object]] = [{"total": 0}, {}, {"total": "many"}]
    for total in totals:

        def other(request: Request, done: Callable[[], Reply], total: dict[str, object] = total) -> Reply:
            reply = done()
            if len(request.path) != 1 or request.path[0] == "metadata":
                return reply
            return Reply(200, {name: each for name, each in reply.body.items() if name != "total"} | total)

        fake.hook = other
        assert 0 == run("verify", file, "--server", fake.url)[0]

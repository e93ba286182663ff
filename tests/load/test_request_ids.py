"""Behind a gateway that replaces or strips X-Request-ID, what only the header could tell is unknown, never doubled."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from requests.structures import CaseInsensitiveDict

from load.machine import World
from load.sample import SYSTEM, by_type, counts_of, write
from smallserver import HAPI, Reply, Request, SmallServer
from support import result_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]

GATEWAYS: dict[str, Callable[[dict[str, str]], dict[str, str]]] = {
    "replaces": lambda headers: headers | {"X-Request-ID": uuid4().hex},
    "strips": lambda headers: {name: each for name, each in headers.items() if name.lower() != "x-request-id"},
}


def posted(count: int, *, identified: bool = False) -> dict[str, Any]:
    """Return a transaction that a server would store as often as it is sent."""
    resources: list[dict[str, Any]] = [
        {"resourceType": "Observation", "status": "final", "code": {"text": f"finding {uuid4()}"}} for _ in range(count)
    ]
    for number, each in enumerate(resources) if identified else ():
        each["identifier"] = [{"system": SYSTEM, "value": f"finding-{number}"}]
    entries = [{"resource": each, "request": {"method": "POST", "url": "Observation"}} for each in resources]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


class Gateway:
    """A gateway that gives requests another id, or none, and loses the answers of some transactions."""

    def __init__(self, fake: SmallServer, how: str, *lost: int) -> None:
        self._fake, self._how, self._lost = fake, how, lost
        fake.hook = self

    def __call__(self, request: Request, _: Callable[[], Reply]) -> Reply:
        change = GATEWAYS.get(self._how, dict)
        headers = CaseInsensitiveDict(change(dict(request.headers)))
        reply = self._fake.answer(replace(request, headers=headers))
        lost = request.is_transaction and len(self._fake.transactions) in self._lost
        return Reply(504) if lost else reply  # the connection echoes the id of the client all the same


def command(folder: Path, fake: SmallServer, journal: Path) -> tuple[object, ...]:
    options = ("--merge", "2", "--concurrency", "1", "--settle-for", "0.2", "--retry-for", "5")
    return ("upload", folder, "--server", fake.url, "--journal", journal, *options)


@pytest.mark.parametrize("how", GATEWAYS)
@pytest.mark.parametrize("lost", [1, 2])
def test_what_only_the_request_id_could_tell_is_unknown_and_never_sent_again(
    run: Run, fake: SmallServer, tmp_path: Path, journal: Path, how: str, lost: int
) -> None:
    for number in range(3):
        write(tmp_path, f"in/{number}.json", posted(2))
    Gateway(fake, how, lost)
    code, out, err = run(*command(tmp_path / "in", fake, journal))
    counts = counts_of(out, "Resources")

    assert (6, 4, 2) == (code, counts["created"], counts["unknown"]), out
    assert {"Observation": 6} == by_type(fake.names)
    assert "it is not known whether it is stored" in out
    assert "X-Request-ID does not arrive as it was sent" in err
    assert 6 == run(*command(tmp_path / "in", fake, journal))[0]
    assert {"Observation": 6} == by_type(fake.names)
    code, out, _ = run("undo", journal, "--format", "json")
    assert (7, 4, 2) == (code, result_of(out)["deleted"], result_of(out)["left"])


@pytest.mark.parametrize("how", GATEWAYS)
@pytest.mark.parametrize("lost", [1, 2])
def test_what_an_identifier_tells_is_found_and_known(
    run: Run, fake: SmallServer, tmp_path: Path, journal: Path, how: str, lost: int
) -> None:
    write(tmp_path, "in/0.json", posted(2))
    write(tmp_path, "in/1.json", posted(2, identified=True))
    if lost == 1:
        (tmp_path / "in/0.json").rename(tmp_path / "in/2.json")
    Gateway(fake, how, lost)
    code, out, _ = run(*command(tmp_path / "in", fake, journal))

    assert (0, {"Observation": 4}) == (code, by_type(fake.names)), out
    assert 4 == counts_of(out, "Resources")["created"]


@pytest.mark.parametrize("how", [*GATEWAYS, "keeps"])
def test_without_a_loss_nothing_changes(run: Run, fake: SmallServer, tmp_path: Path, journal: Path, how: str) -> None:
    for number in range(3):
        write(tmp_path, f"in/{number}.json", posted(2))
    Gateway(fake, how)
    code, out, _ = run(*command(tmp_path / "in", fake, journal))

    assert (0, 3) == (code, len(fake.transactions))
    assert 6 == counts_of(out, "Resources")["created"]
    assert "X-Request-ID" not in out
    reads = [each for each in fake.requests if each.method == "GET" and each.path[:1] == ("Observation",)]
    assert 1 == len(reads)  # once in a run it is looked at


@pytest.mark.parametrize("committed", [True, False])
@pytest.mark.parametrize("lost", [1, 2])
def test_where_the_header_arrives_each_resource_is_stored_once_also_after_a_loss(
    run: Run, fake: SmallServer, tmp_path: Path, journal: Path, lost: int, committed: bool
) -> None:
    for number in range(3):
        write(tmp_path, f"in/{number}.json", posted(2))

    def lose(request: Request, answer: Callable[[], Reply]) -> Reply | None:
        if not request.is_transaction or len(fake.transactions) != lost:
            return answer()
        if committed:
            answer()
        return None

    fake.hook = lose
    code, out, _ = run(*command(tmp_path / "in", fake, journal))

    assert (0, {"Observation": 6}) == (code, by_type(fake.names)), out
    assert 6 == counts_of(out, "Resources")["created"]
    assert (3 if committed else 4) == len(fake.transactions)


@pytest.mark.parametrize("how", GATEWAYS)
@pytest.mark.parametrize("lost", [1, 2])
def test_an_interrupted_run_behind_a_gateway_resumes_and_doubles_nothing(
    run: Run, fake: SmallServer, tmp_path: Path, journal: Path, how: str, lost: int
) -> None:
    for number in range(3):
        write(tmp_path, f"in/{number}.json", posted(2))
    Gateway(fake, how)
    run(*command(tmp_path / "in", fake, journal))
    lines = journal.read_text().splitlines(keepends=True)
    sending = [number for number, line in enumerate(lines) if line.startswith('{"sending"')]
    journal.write_text("".join(lines[: sending[lost - 1] + 1]))  # killed there; the server goes on
    later = [f"Observation/{number}" for number in range(1000 + 2 * lost + 1, 1007)]
    for name in later:
        del fake.resources[name]
    code, out, _ = run(*command(tmp_path / "in", fake, journal))

    assert 6 == code
    assert {"Observation": 6} == by_type(fake.names), out
    assert 2 == counts_of(out, "Resources")["unknown"]


def test_a_server_that_lets_nothing_be_read_is_asked_ever_less_often_whether_the_header_arrives(
    run: Run, fake: SmallServer, tmp_path: Path, journal: Path
) -> None:
    for number in range(16):
        write(tmp_path, f"in/{number:02}.json", posted(2))

    def hook(request: Request, _: Callable[[], Reply]) -> Reply:
        reads = request.method == "GET" and len(request.path) == 2
        return Reply(403) if reads else fake.answer(request)

    fake.hook = hook
    code, _, err = run(*command(tmp_path / "in", fake, journal))

    assert (0, 16) == (code, len(fake.transactions)), err
    assert 5 == sum(each.method == "GET" and len(each.path) == 2 for each in fake.requests)


def test_a_condition_that_finds_nothing_shows_that_the_first_request_was_not_carried_out(
    run: Run, fake: SmallServer, tmp_path: Path, journal: Path
) -> None:
    bundle = posted(2)
    write(tmp_path, "earlier.json", bundle)
    assert 0 == run(*command(tmp_path / "earlier.json", fake, tmp_path / "earlier.jsonl"))[0]
    patient = {"resourceType": "Patient", "identifier": [{"system": SYSTEM, "value": "p1"}]}
    request = {"method": "POST", "url": "Patient", "ifNoneExist": f"identifier={SYSTEM}|p1"}
    bundle["entry"].append({"resource": patient, "request": request})
    write(tmp_path, "in/0.json", bundle)
    refusals = iter([Reply(504)])
    fake.hook = lambda request, answer: (next(refusals, None) if request.is_transaction else None) or answer()
    code, out, _ = run(*command(tmp_path / "in", fake, journal))

    assert (0, {"Observation": 4, "Patient": 1}) == (code, by_type(fake.names)), out
    assert 3 == counts_of(out, "Resources")["created"]


def test_what_is_stored_between_two_looks_is_found_by_its_request(
    run: Run, fake: SmallServer, tmp_path: Path, journal: Path
) -> None:
    content = posted(2)
    content["entry"][1]["resource"]["identifier"] = [{"system": SYSTEM, "value": "late"}]
    fake.put({**content["entry"][0]["resource"], "id": "of-an-earlier-load"})
    late: list[Callable[[], Reply]] = []

    def hook(request: Request, answer: Callable[[], Reply]) -> Reply:
        if request.is_transaction and not late:
            late.append(answer)
            return Reply(504)
        if "identifier" in dict(request.query) and len(late) == 1:
            late[0]()
            late.append(answer)
        return answer()

    write(tmp_path, "in/a.json", content)
    fake.hook = hook
    code, out, _ = run(*command(tmp_path / "in", fake, journal))

    assert (0, 2) == (code, counts_of(out, "Resources")["created"]), out
    assert {"Observation": 3} == by_type(fake.names)


@pytest.mark.parametrize("gateway", ["replaces", "strips"])
def test_an_update_that_is_carried_out_late_counts_as_created_behind_a_gateway_that_hides_our_requests(
    gateway: str,
) -> None:
    with World(HAPI, ["update"], gateway=gateway) as world:
        world.upload(["killed late"])
        assert "done" == world.upload()

        assert {"created"} == {entry.state for entry in world.said().values()}
        assert ("done", []) == world.undo()
        assert set() == world.server.names

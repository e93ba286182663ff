"""A server that fails again and again at one document that must not be sent twice: what was merged with it arrives."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from load.sample import write
from smallserver import HAPI, Reply, SmallServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from smallserver import Request

    Run = Callable[..., tuple[int, str, str]]

QUICK = ("--retry-for", "5", "--settle-for", "0")
INNOCENT = {f"Patient/good{number}" for number in range(4)}


@pytest.fixture(params=[HAPI, "another server"])
def server(request: pytest.FixtureRequest) -> Iterator[SmallServer]:
    with SmallServer.like(request.param) as found:
        yield found


def put(resource: dict[str, Any], **request: str) -> dict[str, Any]:
    url = f"{resource['resourceType']}/{resource['id']}"
    return {"resource": resource, "request": {"method": "PUT", "url": url, **request}}


def transaction(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four patients under ids of ours, and among them a device that has neither id nor identifier."""
    for number in range(4):
        write(tmp_path, f"in/{number}.json", transaction(put({"resourceType": "Patient", "id": f"good{number}"})))
    evil = {"resourceType": "Device", "deviceName": [{"name": "evil", "type": "other"}]}
    write(tmp_path, "in/1b.json", transaction({"resource": evil, "request": {"method": "POST", "url": "Device"}}))
    return tmp_path / "in"


def failing(status: int, *, stored: bool = False) -> Callable[[Request, Callable[[], Reply]], Reply]:
    """Return a hook that answers so to what holds the device, before or after it is stored."""

    def hook(request: Request, answer: Callable[[], Reply]) -> Reply:
        if not request.is_transaction or "evil" not in str(request.entries):
            return answer()
        if stored:
            answer()
        return Reply(status)

    return hook


def types(server: SmallServer) -> dict[str, int]:
    return dict(Counter(name.partition("/")[0] for name in server.names))


@pytest.mark.parametrize("status", [500, 503, 524])
def test_what_is_absent_shows_that_nothing_was_stored_and_the_innocent_ones_arrive(
    run: Run, server: SmallServer, folder: Path, journal: Path, status: int
) -> None:
    server.hook = failing(status)

    code, _, _ = run("upload", folder, "--server", server.url, "--journal", journal, *QUICK)

    assert code in (6, 7)
    assert server.names == INNOCENT
    server.hook = lambda _, answer: answer()
    again, _, _ = run("upload", folder, "--server", server.url, "--journal", journal, *QUICK)
    assert server.names >= INNOCENT
    # Where no request ids tell it, a device that may be stored already is not sent again.
    assert (again, types(server).get("Device", 0)) in ((0, 1), (6, 0))


@pytest.mark.parametrize("status", [500, 503])
def test_a_run_that_ended_before_brings_everything_once_the_server_is_healed(
    run: Run, server: SmallServer, folder: Path, journal: Path, status: int
) -> None:
    server.hook = lambda request, answer: Reply(status) if request.is_transaction else answer()
    run("upload", folder, "--server", server.url, "--journal", journal, "--retry-for", "0", "--settle-for", "0")
    assert set() == server.names
    server.hook = lambda _, answer: answer()

    code, _, _ = run("upload", folder, "--server", server.url, "--journal", journal, *QUICK)

    assert 0 == code
    assert {"Patient": 4, "Device": 1} == types(server)


@pytest.mark.parametrize("stored", [False, True], ids=["not stored", "stored"])
@pytest.mark.parametrize("status", [500, 524])
def test_where_nothing_shows_it_what_may_be_sent_again_is_and_the_rest_stays_unknown(
    run: Run, folder: Path, journal: Path, status: int, *, stored: bool
) -> None:
    with SmallServer.like("another server") as server:
        for name in INNOCENT:  # they are there already, and the same
            server.put({"resourceType": "Patient", "id": name.partition("/")[2]})
        server.hook = failing(status, stored=stored)

        code, out, _ = run("upload", folder, "--server", server.url, "--journal", journal, *QUICK)

        assert 6 == code
        assert re.search(r"unknown +1$", out, re.MULTILINE)
        assert all("evil" in str(each.entries) for each in server.transactions[:1])
        assert "evil" not in str(server.transactions[-1].entries)
        server.hook = lambda _, answer: answer()
        for _ in range(2):
            sent = len(server.transactions)
            run("upload", folder, "--server", server.url, "--journal", journal, *QUICK)
            assert not any("evil" in str(each.entries) for each in server.transactions[sent:])
        assert {"Patient": 4} | ({"Device": 1} if stored else {}) == types(server)


def test_an_update_of_a_version_and_what_refers_to_the_unknown_are_not_sent_again(
    run: Run, tmp_path: Path, journal: Path
) -> None:
    device = {"resourceType": "Device", "deviceName": [{"name": "evil", "type": "other"}]}
    flag = {"resourceType": "Flag", "id": "f", "status": "active"}
    with SmallServer.like("another server") as server:
        for kind, key in (("Patient", "good0"), ("Patient", "good1"), ("Flag", "f")):
            server.put({"resourceType": kind, "id": key})
        write(tmp_path, "in/0.json", transaction(put({"resourceType": "Patient", "id": "good0"}, ifMatch='W/"1"')))
        write(tmp_path, "in/1.json", transaction(put({"resourceType": "Patient", "id": "good1"})))
        whole = transaction({"resource": device, "request": {"method": "POST", "url": "Device"}}, put(flag))
        write(tmp_path, "in/2.json", whole)
        server.hook = failing(500)

        assert 6 == run("upload", tmp_path / "in", "--server", server.url, "--journal", journal, *QUICK)[0]

        sent = [str(each.entries) for each in server.transactions]
        assert 1 == sum("evil" in each for each in sent)
        assert not any("'Flag/f'" in each or "good0" in each for each in sent[1:] if "evil" not in each)
        assert any("good1" in each for each in sent[1:])

"""Several servers are tested side by side; what one of them answers costs none of the others its report."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from threading import Barrier
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from fhir_case.interop.side_by_side import side_by_side
from smallserver import Reply, Request, SmallServer
from support import SHIPPED, SHIPPED_COUNT, run_command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

QUICK = ("--probe", "decimals", "--probe", "etag", "--probe", "search-code", "--patience", "0.2", "--quiet")
HUGE_YEAR = "Fri, 31 Dec 99999999999999999999 23:59:59 GMT"


def test_tests_run_at_the_same_time_and_their_results_have_the_order_of_the_servers() -> None:
    together = Barrier(3, timeout=30)  # which only opens when all three are there

    def test(number: int) -> Callable[[Callable[[], bool]], int]:
        def run(_: Callable[[], bool]) -> int:
            together.wait()
            return number

        return run

    assert [3, 1, 2] == side_by_side([test(3), test(1), test(2)])


def test_an_error_of_one_stops_the_others_before_it_is_raised() -> None:
    started = Barrier(2, timeout=30)
    stopped = []

    def fails(_: Callable[[], bool]) -> None:
        started.wait()
        raise KeyboardInterrupt

    def goes_on(stop: Callable[[], bool]) -> None:
        started.wait()
        while not stop():
            pass
        stopped.append(True)

    with pytest.raises(KeyboardInterrupt):
        side_by_side([fails, goes_on])
    assert [True] == stopped


def test_side_by_side_each_server_has_what_it_has_alone(tmp_path: Path) -> None:
    found = tmp_path / "all.json"
    with SmallServer() as right, SmallServer(("rounds-decimals",)) as wrong, SmallServer(("no-etag",)) as other:
        urls = [right.url, wrong.url, other.url]
        servers = [part for url in urls for part in ("--server", url)]
        assert 0 == run_command("interop", *servers, *QUICK, "--json", str(found)).exit_code
        together = json.loads(found.read_bytes())["servers"]
        alone = []
        for url in urls:
            run_command("interop", "--server", url, *QUICK, "--json", str(found))
            alone += json.loads(found.read_bytes())["servers"]

    def verdicts(servers: list[Any]) -> list[Any]:
        return [(each["base_url"], [one["verdict"] for one in each["probes"]], each["requests"]) for each in servers]

    assert verdicts(alone) == verdicts(together)
    assert [["pass"] * 3, ["fail", "pass", "pass"], ["pass", "fail", "pass"]] == [
        each[1] for each in verdicts(together)
    ]


def nonsense(reply: Reply) -> Callable[[Request, Callable[[], Reply]], Reply]:
    return lambda _request, _answer: reply


def in_metadata(**changes: Any) -> Callable[[Request, Callable[[], Reply]], Reply]:
    def hook(request: Request, answer: Callable[[], Reply]) -> Reply:
        found = answer()
        return replace(found, body={**found.body, **changes}) if request.path == ("metadata",) else found

    return hook


PATIENT: dict[str, Any] = {"type": "Patient", "interaction": [{"code": {"a": 1}}], "searchParam": [{"name": {"a": 1}}]}
ODD = {
    "a huge year": nonsense(Reply(503, None, {"Retry-After": HUGE_YEAR, "Date": HUGE_YEAR})),
    "a huge number": in_metadata(x=orjson.Fragment(b"1e99999999999999999999")),
    "a redirect to no URL": nonsense(Reply(302, None, {"Location": "http://[::1"})),
    "a redirect to no port": nonsense(Reply(302, None, {"Location": "http://127.0.0.1:99999/"})),
    "names that are objects": in_metadata(rest=[{"mode": "server", "resource": [PATIENT]}]),
    "lists that are texts": in_metadata(rest="server", software=[], format={}),
    "types that are lists": in_metadata(rest=[{"resource": [{"type": ["Patient"], "searchInclude": 1}]}]),
    "a list in place of all": nonsense(Reply(200, {"resourceType": ["Bundle"], "entry": 1})),
    "a location that is no URL": lambda request, answer: (
        replace(answer(), headers={"Location": "http://[::1"}) if request.method == "POST" else answer()
    ),
    "entries that are no objects": lambda request, answer: (
        Reply(200, {"resourceType": "Bundle", "entry": [1, {"resource": 1, "search": 2}, {"response": 3}], "link": [1]})
        if request.path[:1] != ("metadata",)
        else answer()
    ),
}


@pytest.mark.parametrize("odd", ODD)
def test_a_server_that_answers_nonsense_costs_no_report(odd: str, tmp_path: Path) -> None:
    names = {
        "--html": "a.html",
        "--json": "a.json",
        "--junit": "a.xml",
        "--markdown": "a.md",
        "--test-report": "t.json",
    }
    files = [part for option, name in names.items() for part in (option, str(tmp_path / name))]
    with SmallServer() as good, SmallServer() as bad:
        bad.hook = ODD[odd]
        done = run_command("interop", SHIPPED, "--server", bad.url, "--server", good.url, *QUICK, *files)

    assert done.exit_code in (0, 6), done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    first, second = json.loads((tmp_path / "a.json").read_bytes())["servers"]
    assert ["pass"] * 3 == [each["verdict"] for each in second["probes"]]
    assert SHIPPED_COUNT == second["bundles"][0]["counts"]["added"]
    assert first["error"] or first["probes"]
    assert (6 if first["error"] else 0) == done.exit_code
    assert all((tmp_path / name).read_bytes() for name in names.values())


def test_a_server_that_dies_is_asked_no_more_and_its_column_says_why(tmp_path: Path) -> None:
    found = tmp_path / "all.json"
    with SmallServer() as good, SmallServer() as dying:
        dying.hook = lambda _, answer: answer() if len(dying.requests) <= 20 else None
        servers = ("--server", dying.url, "--server", good.url)
        done = run_command("interop", *servers, "--patience", "0.2", "--quiet", "--json", str(found))
        asked = len(dying.requests)

    assert 6 == done.exit_code
    first, second = json.loads(found.read_bytes())["servers"]
    assert {"pass"} == {each["verdict"] for each in second["probes"]}
    assert re.search(r"not tested to the end: the server no longer answers", done.stdout)
    assert ("not run", "the server no longer answers") == (
        first["probes"][-1]["verdict"],
        first["probes"][-1]["observed"].partition(":")[0],
    )
    assert asked <= 40  # eight of them at once
    assert any("the server no longer answers" in each for each in first["left"])


def test_the_requests_are_counted_those_of_loading_included(tmp_path: Path) -> None:
    found = tmp_path / "all.json"
    with SmallServer() as server:
        done = run_command("interop", SHIPPED, "--server", server.url, *QUICK, "--json", str(found))
        (one,) = json.loads(found.read_bytes())["servers"]

        assert len(server.requests) == one["requests"]
    assert re.search(rf"^Requests  \[127.*\]  {one['requests']}$", done.stdout, re.MULTILINE)

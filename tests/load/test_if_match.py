"""An update of a version is never sent again where it may have been carried out, and never taken for another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from load.sample import SYSTEM, counts_of, patient, write
from smallserver import HAPI, Reply, Request, SmallServer
from support import result_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]

CONDITIONAL = f"Patient?identifier={SYSTEM}|patient-a"


def update(url: str) -> dict[str, Any]:
    request = {"method": "PUT", "url": url, "ifMatch": 'W/"1"'}
    resource = patient("a", gender="male")
    if "?" in url:
        del resource["id"]
    return {"resourceType": "Bundle", "type": "transaction", "entry": [{"resource": resource, "request": request}]}


@pytest.mark.parametrize("url", [CONDITIONAL, "Patient/p-a"])
@pytest.mark.parametrize("more", [(), ("--as-is",)])
def test_an_update_of_a_version_whose_answer_was_lost_is_sent_once(
    run: Run, tmp_path: Path, journal: Path, url: str, more: tuple[str, ...]
) -> None:
    with SmallServer.like("another server") as fake:
        fake.put(patient("a"))

        def lose(request: Request, answer: Callable[[], Reply]) -> Reply | None:
            reply = answer()
            return None if request.is_transaction else reply

        fake.hook = lose
        file = write(tmp_path, "a.json", update(url))
        command = (
            "upload",
            file,
            "--server",
            fake.url,
            "--journal",
            journal,
            "--settle-for",
            "0.2",
            "--retry-for",
            "2",
            *more,
        )
        code, out, _ = run(*command)
        counts = counts_of(out, "Resources")

        assert 1 == len(fake.transactions)
        assert "2" == fake.versions()["Patient/p-a"]
        assert 1 == counts.get("unknown", 0) + counts["updated"], out
        assert (6 if counts.get("unknown") else 0) == code
        if url == CONDITIONAL:
            assert 1 == counts["unknown"]
        fake.hook = lambda _, answer: answer()
        run(*command)
        assert "2" == fake.versions()["Patient/p-a"]
        run("undo", journal)
        assert {"Patient/p-a"} == fake.names


@pytest.mark.parametrize("software", [HAPI, "another server"])
@pytest.mark.parametrize("url", [CONDITIONAL, "Patient/p-a"])
def test_two_that_say_the_same_are_both_sent_and_the_second_is_refused(
    run: Run, tmp_path: Path, software: str, url: str
) -> None:
    with SmallServer.like(software) as fake:
        fake.put(patient("a"))
        for number in range(2):
            write(tmp_path, f"in/{number}.json", update(url))
        command = ("upload", tmp_path / "in", "--server", fake.url, "--merge", "200", "--concurrency", "1")
        code, out, _ = run(*command, "--format", "json")

        assert 7 == code
        found = result_of(out)
        assert (1, 0) == (found["resources"]["failed"], found["resources"]["unchanged"])
        assert any(status in found["first_failure"]["reason"] for status in ("HTTP 409", "HTTP 412"))
        assert [1, 1] == [len(each.entries) for each in fake.transactions]
        assert "2" == fake.versions()["Patient/p-a"]

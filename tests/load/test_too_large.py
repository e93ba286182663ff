"""A server that takes less at once gets a Bundle in parts, unless that asked to be stored as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from load.sample import bundle, by_type, observation, patient, write
from smallserver import Reply, Request, SmallServer
from support import result_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]

MOST = 3  # entries


@pytest.fixture
def small(fake: SmallServer) -> SmallServer:
    """A server that takes three entries at once, and does not say so beforehand."""

    def refuse_more(request: Request, answer: Callable[[], Reply]) -> Reply:
        return Reply(413) if request.is_transaction and len(request.entries) > MOST else answer()

    fake.hook = refuse_more
    return fake


def upload(run: Run, fake: SmallServer, file: Path, *more: str) -> tuple[int, dict[str, Any], str]:
    code, out, err = run("upload", file, "--server", fake.url, "--format", "json", *more)
    return code, result_of(out), err


def a_bundle(kind: str, *resources: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": [{"resource": each} for each in resources]}


def findings_first(count: int) -> list[dict[str, Any]]:
    """Return findings, each a member of the one before it, and behind them the patient of all."""
    members = [{"hasMember": [{"reference": f"Observation/o-{number + 1}"}]} for number in range(count - 1)] + [{}]
    found = [observation(str(number), "Patient/p-a", **each) for number, each in enumerate(members)]
    return [*found, patient("a")]


@pytest.mark.parametrize("kind", ["collection", "searchset"])
@pytest.mark.parametrize("ids", ["given", "server"])
def test_what_asks_for_nothing_is_sent_in_parts_in_the_order_of_its_references(
    small: SmallServer, run: Run, tmp_path: Path, kind: str, ids: str
) -> None:
    file = write(tmp_path, "many.json", a_bundle(kind, *findings_first(9)))
    code, value, err = upload(run, small, file, "--ids", ids)

    assert (0, {"Observation": 9, "Patient": 1}) == (code, by_type(small.names)), err
    assert f"not all at once, since the server says that it is too much: {file}" in value["warnings"]


def test_a_batch_is_sent_in_parts(small: SmallServer, run: Run, tmp_path: Path) -> None:
    code, _, err = upload(run, small, write(tmp_path, "batch.json", a_batch()))

    assert (0, {"Observation": 5, "Patient": 1}) == (code, by_type(small.names)), err


def test_a_batch_that_is_sent_as_it_came_stays_whole(small: SmallServer, run: Run, tmp_path: Path) -> None:
    code, value, _ = upload(run, small, write(tmp_path, "batch.json", a_batch()), "--as-is")

    assert (7, 6, 1) == (code, value["resources"]["failed"], len(small.transactions))


def a_batch() -> dict[str, Any]:
    found = a_bundle("batch", *findings_first(5))
    for entry in found["entry"]:
        entry["request"] = {"method": "PUT", "url": "{resourceType}/{id}".format(**entry["resource"])}
    return found


def test_a_transaction_stays_whole_and_the_refusal_says_what_to_do(
    small: SmallServer, run: Run, tmp_path: Path
) -> None:
    whole = bundle("a")
    whole["entry"].append({"resource": patient("b"), "request": {"method": "PUT", "url": "Patient/p-b"}})
    file = write(tmp_path, "whole.json", whole)
    code, value, _ = upload(run, small, file)

    assert (7, set()) == (code, small.names)
    assert (
        "start again (--restart) with what it takes at once (--max-bytes, --max-entries)"
        in value["failures"][0]["reason"]
    )
    code, _, err = upload(run, small, file, "--max-entries", str(MOST), "--restart")
    assert (0, 4) == (code, len(small.names)), err


def test_a_cycle_stays_whole(small: SmallServer, run: Run, tmp_path: Path) -> None:
    ring = [
        observation(str(number), "Patient/p-a", hasMember=[{"reference": f"Observation/o-{(number + 1) % 4}"}])
        for number in range(4)
    ]
    code, value, _ = upload(run, small, write(tmp_path, "ring.json", a_bundle("collection", *ring, patient("a"))))

    assert (7, {"Patient/p-a"}) == (code, small.names)
    assert 4 == value["resources"]["failed"]


def test_what_refers_to_a_part_that_was_not_stored_is_not_sent(small: SmallServer, run: Run, tmp_path: Path) -> None:
    wrong = findings_first(9)
    wrong[-1]["gender"] = "wrong"
    hook = small.hook
    small.hook = lambda request, answer: (
        Reply(422) if b"wrong" in request.content and len(request.entries) <= MOST else (hook(request, answer))
    )
    code, value, _ = upload(run, small, write(tmp_path, "wrong.json", a_bundle("collection", *wrong)))

    assert 1 == sum(len(each.entries) <= MOST for each in small.transactions)
    assert (7, set(), 10) == (code, small.names, value["resources"]["failed"])
    reasons = [each["reason"] for each in value["failures"]]
    assert "not sent, since an earlier part of the same document was not stored" in reasons

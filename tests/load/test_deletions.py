"""Deletions in transactions and batches: refused with advice, or sent as they came, told, and never taken back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from load.sample import TEST_DATA, counts_of, observation, patient, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import responses

    from smallserver import Reply, Request, SmallServer

    Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def file(tmp_path: Path, fake: SmallServer) -> Path:
    """A transaction that stores a patient and deletes two others, of whom one is there."""
    fake.put(patient("old"))
    return write(tmp_path, "in.json", changing("Patient/p-old", "Patient/p-never"))


def changing(*deleted: str, kind: str = "transaction") -> dict[str, Any]:
    entries: list[dict[str, Any]] = [{"request": {"method": "DELETE", "url": place}} for place in deleted]
    entries.append({"resource": patient("new"), "request": {"method": "PUT", "url": "Patient/p-new"}})
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def as_is(run: Run, fake: SmallServer, file: Path, journal: Path) -> tuple[int, str, str]:
    return run("upload", file, "--server", fake.url, "--journal", journal, "--as-is", "--settle-for", "0.2")


def test_without_as_is_a_deletion_is_refused_with_its_entry_and_what_to_do(
    fake: SmallServer, run: Run, file: Path
) -> None:
    code, _, err = run("upload", file, "--server", fake.url)

    assert (4, []) == (code, fake.transactions)
    assert f"{file}: Bundle.entry[0].request: the request is DELETE Patient/p-old" in err
    assert "--as-is sends a transaction or batch with its deletions, and these cannot be undone" in err


@pytest.mark.parametrize(
    ("request_", "word"),
    [
        ({"method": "DELETE", "url": "Patient?active=false"}, "name Type/id of each"),
        ({"method": "DELETE", "url": "Patient"}, "name Type/id of each"),
        ({"method": "PATCH", "url": "Patient/a"}, "send what it makes of the resource, as PUT"),
        ({"method": "GET", "url": "Patient/a"}, "it stores nothing: leave the entry out"),
    ],
)
def test_what_cannot_be_sent_even_as_it_came_says_what_to_do(
    fake: SmallServer, run: Run, tmp_path: Path, journal: Path, request_: dict[str, str], word: str
) -> None:
    content = changing()
    content["entry"].append({"request": request_})
    code, _, err = as_is(run, fake, write(tmp_path, "in.json", content), journal)

    assert (4, []) == (code, fake.transactions)
    assert "Bundle.entry[1].request: the request is " in err
    assert word in err


@pytest.mark.parametrize("kind", ["transaction", "batch"])
def test_a_deletion_that_is_sent_as_it_came_is_counted_and_written_down(
    fake: SmallServer, run: Run, tmp_path: Path, file: Path, journal: Path, kind: str
) -> None:
    file = write(tmp_path, "in.json", changing("Patient/p-old", "Patient/p-never", kind=kind))
    code, out, _ = as_is(run, fake, file, journal)

    assert (0, {"Patient/p-new"}) == (code, fake.names)
    assert file.read_bytes() == fake.transactions[0].content
    assert {"created": 1, "updated": 0, "unchanged": 0, "deleted": 2, "failed": 0} == counts_of(out, "Resources")
    states = {line.get("resource"): line.get("state") for line in map(json.loads, journal.read_text().splitlines())}
    assert ("deleted", "created") == (states["Patient/p-old"], states["Patient/p-new"])


def test_what_the_server_says_was_not_there_is_unchanged(
    fake: SmallServer, run: Run, file: Path, journal: Path
) -> None:
    def like_hapi(request: Request, answer: Callable[[], Reply]) -> Reply:
        reply = answer()
        if request.is_transaction:
            coding = {"code": "SUCCESSFUL_DELETE_NOT_FOUND"}
            issue = {"severity": "information", "code": "informational", "details": {"coding": [coding]}}
            reply.body["entry"][1]["response"]["outcome"] = {"resourceType": "OperationOutcome", "issue": [issue]}
        return reply

    fake.hook = like_hapi
    _, out, _ = as_is(run, fake, file, journal)

    assert {"created": 1, "updated": 0, "unchanged": 1, "deleted": 1, "failed": 0} == counts_of(out, "Resources")


@pytest.mark.parametrize("status", ["404 Not Found", "410 Gone"])
def test_a_batch_in_which_it_was_not_there_has_not_failed(
    fake: SmallServer, run: Run, tmp_path: Path, journal: Path, status: str
) -> None:
    def strict(request: Request, answer: Callable[[], Reply]) -> Reply:
        reply = answer()
        if request.is_transaction:
            reply.body["entry"][0]["response"]["status"] = status
        return reply

    fake.hook = strict
    code, out, _ = as_is(run, fake, write(tmp_path, "in.json", changing("Patient/p-x", kind="batch")), journal)

    assert 0 == code
    assert {"created": 1, "updated": 0, "unchanged": 1, "failed": 0} == counts_of(out, "Resources")


def test_an_answer_that_is_lost_loses_no_deletion(
    fake: SmallServer, run: Run, file: Path, journal: Path, pauses: list[float]
) -> None:
    def lose(request: Request, answer: Callable[[], Reply]) -> Reply | None:
        reply = answer()
        return None if request.is_transaction and len(fake.transactions) == 1 else reply

    fake.hook = lose
    code, out, _ = as_is(run, fake, file, journal)

    assert (0, {"Patient/p-new"}) == (code, fake.names)
    assert {"created": 1, "updated": 0, "unchanged": 0, "deleted": 2, "failed": 0} == counts_of(out, "Resources")


def test_undo_says_that_nothing_brings_back_what_was_deleted(
    fake: SmallServer, run: Run, file: Path, journal: Path
) -> None:
    as_is(run, fake, file, journal)
    code, out, _ = run("undo", journal)

    assert (7, set()) == (code, fake.names)
    assert {"deleted": 1, "already gone": 0, "not deleted": 2} == counts_of(out, "Resources")
    assert "Patient/p-old" in out
    assert "the run deleted it, and nothing brings it back" in out


def test_verify_wants_it_to_be_gone(fake: SmallServer, run: Run, file: Path, journal: Path) -> None:
    as_is(run, fake, file, journal)
    assert 0 == run("verify", journal)[0]
    fake.put(patient("old"))
    code, out, _ = run("verify", journal)

    assert 5 == code
    assert f"  {file}: Patient/p-old: altered: it was deleted, and it is there" in out


def test_what_is_deleted_answers_no_reference(fake: SmallServer, run: Run, tmp_path: Path, journal: Path) -> None:
    write(tmp_path, "in/a.json", changing("Patient/p-old"))
    write(tmp_path, "in/b.json", observation("x", "Patient/p-old"))
    code, _, err = as_is(run, fake, tmp_path / "in", journal)

    assert (4, []) == (code, fake.transactions)
    assert "references to what is neither in the files nor on the server: Patient/p-old" in err


def test_a_deletion_holds_no_data_of_a_patient(
    http: responses.RequestsMock, base: str, run: Run, tmp_path: Path
) -> None:
    http.get(f"{base}/metadata", status=404)
    content = changing("Patient/p-old")
    content["entry"][1]["resource"]["meta"] = TEST_DATA
    file = write(tmp_path, "in.json", content)
    code, out, _ = run("upload", file, "--server", base, "--as-is", "--dry-run")

    assert 0 == code
    assert f"  DELETE Patient/p-old  ({file}: the Bundle requests it)" in out


def test_what_is_deleted_answers_no_reference_of_its_own_transaction(
    fake: SmallServer, run: Run, tmp_path: Path, journal: Path
) -> None:
    content = changing("Patient/p-never")
    content["entry"].append(
        {"resource": observation("x", "Patient/p-never"), "request": {"method": "PUT", "url": "Observation/o-x"}}
    )
    code, _, err = as_is(run, fake, write(tmp_path, "in.json", content), journal)

    assert (4, []) == (code, fake.transactions)
    assert "references to what is neither in the files nor on the server: Patient/p-never" in err


@pytest.mark.server
def test_a_real_server_deletes_and_tells_what_was_not_there(
    hapi_r4: str, run: Run, tmp_path: Path, journal: Path
) -> None:
    stored = changing()
    stored["entry"][0] = {
        "resource": {"resourceType": "Patient", "id": "of-deletions"},
        "request": {"method": "PUT", "url": "Patient/of-deletions"},
    }
    assert 0 == run("upload", write(tmp_path, "first.json", stored), "--server", hapi_r4)[0]
    file = write(tmp_path, "in.json", changing("Patient/of-deletions", "Patient/never-there"))
    code, out, err = run("upload", file, "--server", hapi_r4, "--journal", journal, "--as-is")

    assert 0 == code, out + err
    assert {"created": 1, "updated": 0, "unchanged": 1, "deleted": 1, "failed": 0} == counts_of(out, "Resources")
    assert 0 == run("verify", journal)[0]

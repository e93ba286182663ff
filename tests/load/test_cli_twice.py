"""The same upload given again: at the same time, from elsewhere, after failures, with a batch whose answer is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fhir_case.errors import FhirCaseError
from fhir_case.load.journal.record import Header
from fhir_case.load.journal.writer import JournalFile
from load.sample import by_type, counts_of, write
from smallserver import Reply, Request

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smallserver import SmallServer

    Run = Callable[..., tuple[int, str, str]]


def observation(text: str) -> dict[str, Any]:
    """Return what a server would create as often as it is sent."""
    return {"resourceType": "Observation", "status": "final", "code": {"text": text}}


def posted(*resources: dict[str, Any], kind: str = "transaction") -> dict[str, Any]:
    entries = [{"resource": each, "request": {"method": "POST", "url": each["resourceType"]}} for each in resources]
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def refuse_bad(request: Request, answer: Callable[[], Reply]) -> Reply | None:
    return Reply(422) if request.is_transaction and "bad" in str(request.entries) else answer()


def test_after_failures_the_same_command_sends_only_what_had_failed(
    run: Run, fake: SmallServer, tmp_path: Path
) -> None:
    for name in ("good", "bad", "fine"):
        write(tmp_path, f"in/{name}.json", posted(observation(name)))
    fake.hook = refuse_bad
    first, out, _ = run("upload", tmp_path / "in", "--server", fake.url)
    fake.hook = lambda _, answer: answer()
    second, again, err = run("upload", tmp_path / "in", "--server", fake.url)

    assert (7, 0) == (first, second), out + again
    assert {"Observation": 3} == by_type(fake.names)
    assert "2 resources of an earlier run" in err


def test_a_journal_is_written_by_one_process_at_a_time(tmp_path: Path) -> None:
    header = Header("http://127.0.0.1/fhir", "R4", ())
    with (
        JournalFile(tmp_path / "j.jsonl", header),
        pytest.raises(FhirCaseError, match="another process is writing this journal"),
    ):
        JournalFile(tmp_path / "j.jsonl", header)
    JournalFile(tmp_path / "j.jsonl", header).close()
    assert ["j.jsonl"] == [each.name for each in tmp_path.iterdir()]


def test_a_journal_with_relative_names_is_verified_from_any_folder(
    run: Run, fake: SmallServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "data/in.json", {**observation("AFP"), "id": "afp"})
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "data")
    assert 0 == run("upload", "in.json", "--server", fake.url, "--journal", "../j.jsonl")[0]
    monkeypatch.chdir(tmp_path / "elsewhere")

    code, out, err = run("verify", "../j.jsonl")

    assert 0 == code, out + err


def test_of_a_batch_whose_answer_is_lost_each_resource_has_to_be_found(
    run: Run, fake: SmallServer, tmp_path: Path
) -> None:
    batch = posted(observation("stored"), observation("refused"), kind="batch")
    write(tmp_path, "in.json", batch)

    def lose(request: Request, answer: Callable[[], Reply]) -> Reply | None:
        if request.method != "POST":
            return answer()
        source = request.headers["X-Request-ID"][:16]
        stored = {**observation("stored"), "id": "one", "meta": {"versionId": "1", "source": f"#{source}"}}
        fake.resources["Observation/one"] = stored
        return None

    fake.hook = lose
    code, out, _ = run("upload", tmp_path / "in.json", "--server", fake.url, "--as-is", "--settle-for", "0.2")

    assert 6 == code
    expected = {"created": 1, "updated": 0, "unchanged": 0, "failed": 0, "unknown": 1}
    assert expected == counts_of(out, "Resources")
    assert 1 == len(fake.transactions)


@pytest.mark.parametrize("status", [404, 405, 307, 403])
def test_what_every_request_would_meet_ends_the_run_at_once(
    run: Run, fake: SmallServer, tmp_path: Path, status: int
) -> None:
    for number in range(8):
        write(tmp_path, f"in/{number}.json", posted(observation(str(number))))
    fake.hook = lambda request, answer: Reply(status) if request.method == "POST" else answer()

    code, _, err = run("upload", tmp_path / "in", "--server", fake.url, "--merge", "4", "--concurrency", "1")

    assert 7 == code
    assert f"HTTP {status}" in err
    assert 1 == len([each for each in fake.requests if each.method == "POST"])

"""What a request stored after it had counted as not done is removed, also when the run that sent it was killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from fhir_case.load.journal.entry import JournalEntry
from fhir_case.load.journal.record import Header, RequestRecord
from fhir_case.load.journal.writer import JournalFile
from fhir_case.load.send.duplicates import remove_earlier
from fhir_case.server.client import Client
from load.sample import by_type, write_numbered
from support import result_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smallserver import Reply, Request, SmallServer

    Run = Callable[..., tuple[int, str, str]]
    Answer = Callable[[], Reply]

FILES = 3
ALL = {"Observation": FILES, "Organization": 1, "Patient": FILES}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three files; a server would create each finding as often as it is sent."""
    return write_numbered(tmp_path / "in", FILES)


class Killed:
    """
    Run an upload whose first request is answered late, and kill it at a later one.

    Args:
        kill_at: The number of the transaction at which the process is killed.
        late_at: The number of the transaction at which the server carries the first one out.
        done: Whether it carries out the one at which the process is killed, after that.
    """

    def __init__(
        self, fake: SmallServer, folder: Path, journal: Path, *, kill_at: int, late_at: int, done: bool = False
    ) -> None:
        self.kill_at, self.late_at, self.done = kill_at, late_at, done
        self.fake = fake
        self.first: Answer | None = None
        fake.hook = self.hook
        self.command = ["upload", str(folder), "--server", fake.url, "--journal", str(journal), "--merge", "3"]
        self.command += ["--concurrency", "1", "--settle-for", "0.1", "--retry-for", "5"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fhir_case", *self.command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        assert -signal.SIGKILL == self.process.wait(30)
        fake.hook = lambda _, answer: answer()

    def hook(self, request: Request, answer: Answer) -> Reply | None:
        """Do with each request what the test asks for."""
        number = len(self.fake.transactions) if request.is_transaction else 0
        if number == 1:
            self.first = answer
            return None
        killed = number == self.kill_at
        reply = None if killed else answer()
        if number == self.late_at:
            assert self.first is not None
            self.first()
        if killed:
            if self.done:
                answer()
            self.process.kill()
            self.process.wait()
        return reply


def test_what_is_stored_twice_by_a_run_that_was_killed_is_removed_by_the_one_that_resumes(
    fake: SmallServer, run: Run, folder: Path, journal: Path
) -> None:
    killed = Killed(fake, folder, journal, kill_at=3, late_at=2)
    assert {"Observation": 2, "Organization": 1, "Patient": 1} == by_type(fake.names)  # one finding twice
    code, _, err = run(*killed.command)

    assert (0, ALL) == (code, by_type(fake.names)), err
    assert ["deleted"] == [line["state"] for line in lines(journal) if "duplicate" in line]
    assert (0, set()) == (run("undo", journal)[0], fake.names)


def test_what_two_attempts_of_a_run_that_was_killed_have_stored_is_there_once_and_its_own(
    fake: SmallServer, run: Run, folder: Path, journal: Path
) -> None:
    killed = Killed(fake, folder, journal, kill_at=2, late_at=2, done=True)
    assert {"Observation": 2, "Organization": 1, "Patient": 1} == by_type(fake.names)
    code, _, err = run(*killed.command)

    assert (0, ALL) == (code, by_type(fake.names)), err
    assert (0, set()) == (run("undo", journal)[0], fake.names)


def test_what_was_changed_since_is_not_taken_for_a_duplicate(
    fake: SmallServer, run: Run, folder: Path, journal: Path
) -> None:
    killed = Killed(fake, folder, journal, kill_at=3, late_at=2)
    places = {line["stored_as"] for line in lines(journal) if "stored_as" in line}
    [stray] = fake.names - places
    fake.put({**fake.resources[stray], "status": "amended"})
    assert 0 == run(*killed.command)[0]

    assert "amended" == fake.resources[stray]["status"]


@pytest.mark.parametrize("open_request", [True, False])
def test_a_request_that_was_carried_out_before_it_could_be_sent_again_is_what_counts(
    fake: SmallServer, run: Run, folder: Path, journal: Path, open_request: bool
) -> None:
    killed = Killed(fake, folder, journal, kill_at=2, late_at=2)
    if not open_request:  # the process ended before it began the second attempt
        assert "sending" in lines(journal)[-1]
        journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-1]))
    there = fake.names
    assert 3 == len(there)
    code, out, err = run(*killed.command, "--format", "json")

    assert (0, ALL) == (code, by_type(fake.names)), err
    assert there <= fake.names
    assert 3 == result_of(out)["resources_of_an_earlier_run"]
    assert (0, set()) == (run("undo", journal)[0], fake.names)


def test_what_the_journal_names_or_what_was_there_before_is_not_removed(fake: SmallServer, journal: Path) -> None:
    request = "0123456789abcdef"
    for key in ("named", "stray"):
        fake.resources[f"Patient/{key}"] = stored(key, request, version="1")
    fake.resources["Patient/before"] = stored("before", request, version="2")
    with JournalFile(journal, Header(fake.url, "R4", ())) as file, Client(fake.url) as client:
        file.answered("later", [JournalEntry("Patient/a", "POST", 200, "unchanged", "Patient/named", "1")])
        removed = remove_earlier([RequestRecord(request, "not done", types=("Patient",))], journal, client)

    assert [{"duplicate": "Patient/stray", "state": "deleted"}] == removed
    assert {"Patient/named", "Patient/before"} == fake.names


def stored(key: str, request: str, *, version: str) -> dict[str, object]:
    """Return a patient as a request has written it."""
    return {"resourceType": "Patient", "id": key, "meta": {"versionId": version, "source": f"#{request}"}}


def lines(journal: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in journal.read_text().splitlines()]

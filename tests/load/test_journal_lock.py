"""Who writes a journal writes it alone, by whatever path and in whatever environment, until the process ends."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from fhir_case.errors import FhirCaseError
from fhir_case.load.journal.record import Header
from fhir_case.load.journal.writer import JournalFile
from load.sample import by_type, write_numbered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from smallserver import Reply, Request, SmallServer

    Run = Callable[..., tuple[int, str, str]]

HEADER = Header("http://127.0.0.1/fhir", "R4", ())


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Path]:
    """A journal that somebody writes."""
    path = tmp_path / "held" / "j.jsonl"
    with JournalFile(path, HEADER):
        yield path


@pytest.mark.parametrize("how", ["same", "relative", "symbolic link", "hard link", "linked folder"])
def test_every_path_to_a_journal_meets_the_same_lock(held: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.chdir(held.parent)
    other = held.with_name("other.jsonl")
    if how == "symbolic link":
        other.symlink_to(held)
    elif how == "hard link":
        other.hardlink_to(held)
    elif how == "linked folder":
        (held.parent.parent / "link").symlink_to(held.parent)
    path = {
        "same": held,
        "relative": type(held)("j.jsonl"),
        "linked folder": held.parent.parent / "link" / held.name,
    }.get(how, other)

    with pytest.raises(FhirCaseError, match="another process is writing this journal"):
        JournalFile(path, HEADER)


def test_a_process_with_another_temporary_folder_meets_the_same_lock(held: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from fhir_case.load.journal.record import Header; "
        "from fhir_case.load.journal.writer import JournalFile; JournalFile(Path(sys.argv[1]), Header('', 'R4', ()))"
    )
    (tmp_path / "tmp").mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp"), "HOME": str(tmp_path)}
    found = subprocess.run(
        [sys.executable, "-c", program, str(held)], env=environment, capture_output=True, text=True, check=False
    )

    assert 1 == found.returncode
    assert "another process is writing this journal" in found.stderr
    assert [held.name] == [each.name for each in held.parent.iterdir()]


def test_a_restart_beside_a_running_upload_refuses_and_leaves_its_journal_where_it_is(held: Path) -> None:
    before = held.read_bytes()
    with pytest.raises(FhirCaseError, match="another process is writing this journal"):
        JournalFile(held, HEADER, fresh="always")

    assert [held.name] == [each.name for each in held.parent.iterdir()]
    assert before == held.read_bytes()


def test_a_journal_that_was_renamed_while_it_was_opened_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "j.jsonl"
    JournalFile(path, HEADER).close()
    lock = __import__("fcntl").flock
    renamed: list[int] = []

    def rename_first(file: int, how: int) -> None:
        if not renamed:
            path.rename(tmp_path / "old.jsonl")
            renamed.append(file)
        lock(file, how)

    monkeypatch.setattr("fcntl.flock", rename_first)
    with JournalFile(path, HEADER) as journal:
        journal.not_done("r1", "too late")

    assert b"r1" not in (tmp_path / "old.jsonl").read_bytes()
    assert b"r1" in path.read_bytes()


@pytest.mark.parametrize("other", ["upload", "restart", "undo", "elsewhere"])
def test_uploads_and_undo_of_one_journal_exclude_each_other(
    run: Run, fake: SmallServer, tmp_path: Path, journal: Path, other: str
) -> None:
    folder = write_numbered(tmp_path / "in", 4)
    (tmp_path / "tmp").mkdir()
    upload = ("upload", folder, "--server", fake.url, "--journal", journal, "--merge", "3", "--concurrency", "1")
    commands = {
        "upload": upload,
        "restart": (*upload, "--restart"),
        "elsewhere": upload,
        "undo": ("undo", journal),
    }
    seen: list[tuple[int, str, str]] = []

    def beside(request: Request, answer: Callable[[], Reply]) -> Reply:
        reply = answer()
        if request.is_transaction and not seen:
            seen.append((0, "", ""))
            environment = {"TMPDIR": str(tmp_path / "tmp")} if other == "elsewhere" else {}
            seen[0] = _in_a_process(*commands[other], environment=environment)
        return reply

    fake.hook = beside
    code, out, _ = run(*upload)

    assert 0 == code, out
    assert (1, True) == (seen[0][0], "another process is writing this journal" in seen[0][2])
    assert {"Observation": 4, "Organization": 1, "Patient": 4} == by_type(fake.names)
    assert ["journal.jsonl"] == [each.name for each in tmp_path.glob("*.jsonl")]


def _in_a_process(*arguments: object, environment: dict[str, str]) -> tuple[int, str, str]:
    found = subprocess.run(
        [sys.executable, "-m", "fhir_case", *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return found.returncode, found.stdout, found.stderr


def test_what_is_no_file_is_no_journal(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", type(tmp_path)("/dev/zero"), tmp_path):
        with pytest.raises(FhirCaseError, match="the journal cannot be written"):
            JournalFile(path, HEADER)

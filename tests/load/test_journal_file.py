"""The journal of a run can be read again wherever it was cut off, and nothing is written behind a failure."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

import pytest

from fhir_case.errors import FhirCaseError
from fhir_case.load.journal.entry import JournalEntry
from fhir_case.load.journal.reader import read_header, read_records, read_requests
from fhir_case.load.journal.record import Finished, Header, RequestRecord, Undone
from fhir_case.load.journal.writer import JournalFile
from fhir_case.load.plan.bundle import BundleEntry
from fhir_case.load.plan.entry import PlannedEntry, planned_entry
from fhir_case.load.survey.preparation import refuse_other
from fhir_case.server.capabilities import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

HEADER = Header("https://fhir.example/fhir", "R4", (("a.ndjson", 17, "0" * 64),), {"ids": "given", "merge": 200})


def planned(source: str, position: int) -> PlannedEntry:
    resource = {"resourceType": "Patient", "id": f"p{position}"}
    return planned_entry(BundleEntry(f"Patient/p{position}", resource, position=position, source=source), UNKNOWN)


def result(position: int, state: Any = "created", **others: Any) -> JournalEntry:
    name = f"Patient/p{position}"
    return JournalEntry(name, "PUT", 201, state, name, "1", source="a.ndjson:1", position=position, **others)


def write(path: Path, requests: Sequence[tuple[str, int]]) -> None:
    """Write a journal: each request with so many resources."""
    with JournalFile(path, HEADER) as journal:
        for request, count in requests:
            journal.sending(request, [planned("a.ndjson:1", position) for position in range(count)])
            journal.answered(request, [result(position) for position in range(count)])


def told(path: Path) -> list[tuple[str, str, int]]:
    return [(each.request, each.state, len(each.entries)) for each in records(path)]


def records(path: Path) -> list[RequestRecord]:
    return list(read_requests(path))


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "journal.jsonl"
    failed = JournalEntry("Patient/ä", "POST", 0, "failed", reason="no\nroom", source="b.json", position=3)
    with JournalFile(path, HEADER) as journal:
        journal.sending("r1", [planned("a.ndjson:1", 0), planned("b.json", 3), planned("b.json", 5)])
        journal.sending("r2", [planned("a.ndjson:2", 0)])
        journal.answered("r1", [result(0), failed])
        journal.not_done("r2", "HTTP 409")
        journal.answered("", [result(4, "unchanged")])
        journal.finished({"resources": {"created": 1}, "requests": {"200": 2}})
        journal.undone([{"stored_as": "Patient/p0", "resource": "Patient/p0", "state": "deleted"}])

    assert HEADER == read_header(path)
    assert [
        RequestRecord("r1", "answered", (result(0), failed), (("a.ndjson:1", (0,)), ("b.json", (3, 5)))),
        RequestRecord("r2", "not done", (), (("a.ndjson:2", (0,)),)),
        RequestRecord("", "answered", (result(4, "unchanged"),)),
        Finished(),
        Undone("Patient/p0", "deleted"),
    ] == list(read_records(path))


def test_only_its_owner_may_read_a_journal(tmp_path: Path) -> None:
    write(tmp_path / "j", [])

    assert 0o600 == (tmp_path / "j").stat().st_mode & 0o777


def test_a_request_without_its_end_is_open(tmp_path: Path) -> None:
    with JournalFile(tmp_path / "j", HEADER) as journal:
        journal.sending("r1", [planned("a.ndjson:1", 7)])

    assert [RequestRecord("r1", "open", (), (("a.ndjson:1", (7,)),))] == records(tmp_path / "j")


def test_a_journal_is_appended_to(tmp_path: Path) -> None:
    write(tmp_path / "j", [("r1", 2)])
    write(tmp_path / "j", [("r2", 1)])

    assert [("r1", "answered", 2), ("r2", "answered", 1)] == told(tmp_path / "j")
    assert 1 == (tmp_path / "j").read_bytes().count(b'"journal"')


def test_a_journal_that_is_cut_off_anywhere_can_be_gone_on_with(tmp_path: Path) -> None:
    write(tmp_path / "whole", [("r1", 2), ("r2", 3)])
    whole = (tmp_path / "whole").read_bytes()
    path = tmp_path / "cut"
    ends = [len(part) for part in (whole.partition(mark)[0] for mark in (b'{"answered":"r1"', b'{"answered":"r2"'))]
    ends = [whole.index(b"\n", end) + 1 for end in ends]

    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        with JournalFile(path, HEADER) as journal:
            before = {each.request: each.state for each in records(path)}
            for request, state in before.items():
                if state == "open":  # it is looked up, and was done
                    journal.answered(request, [result(position) for position in range(9)])
            journal.sending("r3", [planned("a.ndjson:1", 0)])
            journal.answered("r3", [result(0)])
        answered = [request for request, end in zip(("r1", "r2"), ends, strict=True) if length >= end]
        assert answered == [request for request, state in before.items() if state == "answered"]
        expected = [
            (request, "answered", 9 if before[request] == "open" else int(request[1]) + 1) for request in before
        ]
        assert [*expected, ("r3", "answered", 1)] == told(path), length
        assert HEADER == read_header(path)


@pytest.mark.parametrize("place", [3, 4, 5])
def test_a_line_of_another_request_among_the_resources_of_one_does_not_belong_there(tmp_path: Path, place: int) -> None:
    path = tmp_path / "journal.jsonl"
    write(path, [("r1", 3)])
    lines = path.read_bytes().splitlines(keepends=True)
    foreign = lines[2].replace(b'"r1"', b'"of another run"').replace(b"a.ndjson:1", b"b.ndjson")
    path.write_bytes(b"".join([*lines[:place], foreign, *lines[place:]]))

    assert [("r1", "answered", 3)] == told(path)
    assert {"a.ndjson:1"} == {entry.source for entry in records(path)[0].entries}


def test_a_long_line_that_is_cut_off_is_dropped_whole(tmp_path: Path) -> None:
    write(tmp_path / "j", [("r1", 1)])
    before = (tmp_path / "j").read_bytes()
    (tmp_path / "j").write_bytes(before + b'{"request":"r2","reason":"' + b"x" * 200_000)
    write(tmp_path / "j", [])

    assert before == (tmp_path / "j").read_bytes()


@pytest.mark.parametrize("room", [0, 1, 40, 150])
def test_nothing_is_written_any_more_once_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    path = tmp_path / "j"
    write(path, [("r1", 1)])
    before = path.read_bytes()
    write_really = os.write
    left = [room]

    def full(file: int, data: bytes) -> int:
        if not left[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = write_really(file, data[: left[0]])
        left[0] -= written
        return written

    with JournalFile(path, HEADER) as journal:
        monkeypatch.setattr("os.write", full)
        with pytest.raises(FhirCaseError) as caught:
            journal.answered("r2", [result(0), result(1)])
        monkeypatch.undo()  # there is room again, but another thread must not go on behind half a line
        with pytest.raises(FhirCaseError) as again:
            journal.sending("r3", [planned("a.ndjson:1", 0)])

    assert "No space left" in caught.value.message
    assert str(path) == caught.value.where
    assert "make room" in caught.value.hint
    assert caught.value.message == again.value.message
    assert before == path.read_bytes()


def test_a_header_for_which_there_was_no_room_does_not_stand_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_really = os.write
    room = [10]

    def full(file: int, data: bytes) -> int:
        if not room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write_really(file, data[: room.pop()])

    monkeypatch.setattr("os.write", full)
    with pytest.raises(FhirCaseError):
        JournalFile(tmp_path / "j", HEADER)
    monkeypatch.undo()

    assert b"" == (tmp_path / "j").read_bytes()
    write(tmp_path / "j", [("r1", 1)])
    assert [("r1", "answered", 1)] == told(tmp_path / "j")


def test_a_place_where_nothing_can_be_written_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(FhirCaseError) as caught:
        JournalFile(tmp_path, HEADER)

    assert str(tmp_path) == caught.value.where
    assert "cannot be written" in caught.value.message


def test_a_closed_journal_takes_nothing(tmp_path: Path) -> None:
    journal = JournalFile(tmp_path / "j", HEADER)
    journal.close()
    journal.close()

    with pytest.raises(FhirCaseError, match="closed"):
        journal.not_done("r1", "late")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"hello\n",
        b"[1]\n",
        b'{"journal":2}\n',
        b'{"resourceType":"Patient"}\n',
        b'{"journal":1}\n',
        b'{"journal":1,"server":"s","fhir":"R4","inputs":[7],"options":{}}\n',
        b"\xff\xfe\n",
        b"[" * 100_000 + b"\n",
    ],
)
def test_what_is_no_journal_is_a_clear_error(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "j").write_bytes(text)

    with pytest.raises(FhirCaseError, match="journal") as caught:
        list(read_records(tmp_path / "j"))
    assert str(tmp_path / "j") == caught.value.where


@pytest.mark.parametrize(
    "line",
    [
        b'{"sending":"r1"}',
        b'{"sending":"r1","entries":[7]}',
        b'{"request":"r1"}',
        b'{"answered":"r1"}',
        b"nothing",
        b"7",
    ],
)
def test_a_damaged_line_is_a_clear_error(tmp_path: Path, line: bytes) -> None:
    write(tmp_path / "j", [("r1", 1)])
    with (tmp_path / "j").open("ab") as file:
        file.write(line + b"\n")

    with pytest.raises(FhirCaseError, match="journal"):
        list(read_records(tmp_path / "j"))


def test_a_journal_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(FhirCaseError, match="cannot be read"):
        read_header(tmp_path / "none")


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (Header(HEADER.server, "R4", (("a.ndjson", 18, "1" * 64),), HEADER.options), "the input has changed"),
        (Header(HEADER.server, "R4", (("b.ndjson", 17, "0" * 64),), HEADER.options), "a.ndjson, b.ndjson"),
        (Header("https://other.example", "R4", HEADER.inputs, HEADER.options), "is about https://fhir.example/fhir"),
        (Header(HEADER.server, "R5", HEADER.inputs, HEADER.options), "FHIR R4"),
        (Header(HEADER.server, "R4", HEADER.inputs, {"ids": "server"}), "begun with --ids given"),
    ],
)
def test_the_journal_of_another_load_is_refused(tmp_path: Path, other: Header, words: str) -> None:
    write(tmp_path / "j", [("r1", 1)])

    refuse_other(tmp_path / "j", read_header(tmp_path / "j"), HEADER)
    with pytest.raises(FhirCaseError, match=words) as caught:
        refuse_other(tmp_path / "j", read_header(tmp_path / "j"), other)
    assert "--restart" in caught.value.hint

"""A journal that was edited, mixed up or damaged gives a plain error with the line, and no wrong deletion."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from fhir_case.errors import FhirCaseError
from fhir_case.load.journal.entry import JournalEntry
from fhir_case.load.journal.reader import read_records
from fhir_case.load.undo.created import Created
from fhir_case.load.undo.ours import Ours
from load.sample import bundle, observation, patient, write
from support import result_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smallserver import SmallServer

    Run = Callable[..., tuple[int, str, str]]

ENTRY = {"request": "r", "resource": "Patient/a", "method": "PUT", "status": 201, "state": "created"}

DAMAGED: list[bytes] = [
    b'{"sending":null,"entries":[]}',
    b'{"sending":"r","entries":{"a":1}}',
    b'{"sending":"r","entries":[["a",[-1]]]}',
    b'{"sending":"r","entries":[["a",[1e999]]]}',
    b'{"sending":"r","entries":[["a",[true]]]}',
    b'{"sending":"r","entries":[[null,[1]]]}',
    b'{"answered":"r","resources":-5}',
    b'{"answered":"r","resources":"1"}',
    b'{"answered":"r","resources":1e99999999999999999999}',
    b'{"not_done":7,"reason":"x"}',
    b'{"not_done":"r","reason":"x","types":["Patient?x"]}',
    b'{"placeholder":"Patient/a"}',
    b'{"placeholder":"Patient?x","version":"1"}',
    b'{"undone":"Patient/a"}',
    b'{"awaited":[]}',
    b'{"something":"else"}',
    b"{}",
    b"null",
    b"[]",
    b"\x00\x00\x00",
    b'{"request":"r',
    b"[" * 100_000,
    b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    b'{"journal":1,"server":"s","fhir":"R4","inputs":[],"options":{}}',
    b'{"request":"r","resource":"\\ud800","method":"PUT","status":201,"state":"created"}',
    *(
        json.dumps(ENTRY | change).encode()
        for change in (
            {"state": "lost"},
            {"status": -1},
            {"status": 10**30},
            {"status": "201"},
            {"position": None},
            {"position": -3},
            {"resource": None},
            {"method": "PATCH"},
            {"references": "maybe"},
            {"version": 1},
            {"stored_as": "Patient?name=x"},
            {"stored_as": "../Patient/1"},
            {"stored_as": "Patient/.."},
            {"stored_as": "Patient/1/_history/2"},
            {"stored_as": "https://elsewhere/fhir/Patient/1"},
            {"stored_as": "Patient/1?_cascade=delete"},
            {"stored_as": "Patient/$expunge"},
            {"stored_as": "Patient/1\n"},
        )
    ),
]


def loaded(run: Run, fake: SmallServer, folder: Path, journal: Path) -> list[str]:
    """Load a few resources; return the lines of the journal."""
    write(folder, "in.json", bundle("a", once=False))
    code, out, err = run("upload", folder / "in.json", "--server", fake.url, "--journal", journal)
    assert 0 == code, out + err
    return journal.read_text().splitlines(keepends=True)


@pytest.mark.parametrize("line", DAMAGED)
def test_a_damaged_line_is_named_by_every_command_and_nothing_is_deleted(
    run: Run, fake: SmallServer, tmp_path: Path, journal: Path, line: bytes
) -> None:
    lines = loaded(run, fake, tmp_path, journal)
    journal.write_bytes("".join(lines[:2]).encode() + line + b"\n" + "".join(lines[2:]).encode())
    before = fake.names
    for command in (
        ("undo", journal),
        ("verify", journal),
        ("upload", tmp_path / "in.json", "--server", fake.url, "--journal", journal),
    ):
        code, out, err = run(*command)
        assert (1, before) == (code, fake.names)
        assert f"{journal}: this journal is damaged in line 3: " in err
        assert "Traceback" not in out + err


@pytest.mark.parametrize(
    "change",
    [
        {"journal": 2},
        {"journal": True},
        {"journal": "1"},
        {"server": None},
        {"fhir": 4},
        {"inputs": {}},
        {"inputs": [{"path": 1, "bytes": 2, "sha256": "x"}]},
        {"inputs": [{"path": "a", "bytes": -2, "sha256": "x"}]},
        {"options": []},
        {"folder": 7},
    ],
)
def test_a_header_that_is_not_ours_is_a_plain_error(
    run: Run, fake: SmallServer, tmp_path: Path, journal: Path, change: dict[str, Any]
) -> None:
    lines = loaded(run, fake, tmp_path, journal)
    journal.write_text(json.dumps(json.loads(lines[0]) | change) + "\n" + "".join(lines[1:]))
    before = fake.names
    code, _, err = run("undo", journal)

    assert (True, before) == (code in (1, 2), fake.names)
    assert "journal" in err
    assert "Traceback" not in err


def test_lines_that_are_there_twice_count_once(run: Run, fake: SmallServer, tmp_path: Path, journal: Path) -> None:
    lines = loaded(run, fake, tmp_path, journal)
    before = list(read_records(journal))
    journal.write_text("".join([lines[0], *(line * 2 for line in lines[1:])]))
    twice = [each for each in read_records(journal) if each not in before]

    assert [] == twice
    code, out, _ = run("undo", journal, "--format", "json")
    assert (0, 3, set()) == (code, result_of(out)["deleted"], fake.names)


def test_a_journal_that_is_two_is_refused(run: Run, fake: SmallServer, tmp_path: Path, journal: Path) -> None:
    lines = loaded(run, fake, tmp_path, journal)
    journal.write_text("".join(lines * 2))

    with pytest.raises(FhirCaseError, match="another journal begins here"):
        list(read_records(journal))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"stored_as": "Observation/of-somebody", "version": "1"}, "another request has written it"),
        ({"stored_as": "Observation/of-somebody", "version": ""}, "another request has written it"),
        ({"stored_as": "Observation/changed", "version": ""}, "the journal does not say which version"),
    ],
)
def test_what_no_run_has_written_is_not_deleted_though_the_journal_names_it(
    run: Run, fake: SmallServer, tmp_path: Path, journal: Path, changes: dict[str, str], reason: str
) -> None:
    fake.put(patient("z"))
    fake.put(observation("x", "Patient/p-z") | {"id": "of-somebody"})
    fake.put(observation("x", "Patient/p-z") | {"id": "changed"})
    fake.put(observation("x", "Patient/p-z") | {"id": "changed", "status": "amended"})
    lines = loaded(run, fake, tmp_path, journal)
    numbers = [
        n for n, line in enumerate(lines) if '"Observation' in line or ('"urn:uuid' in line and '"request"' in line)
    ]
    line = json.loads(lines[numbers[-1]]) | changes
    lines[numbers[-1]] = json.dumps({name: value for name, value in line.items() if value != ""}) + "\n"
    journal.write_text("".join(lines))
    code, out, _ = run("undo", journal)

    assert 7 == code
    assert {"Observation/of-somebody", "Observation/changed", "Patient/p-z"} <= fake.names
    assert reason in out


def test_a_line_without_end_is_not_read_for_ever(run: Run) -> None:
    code, _, err = run("verify", "/dev/zero")

    assert 0 != code
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("noted", "stored", "reason"),
    [
        ("", "1", ""),
        ("", "7", "the journal does not say which version the run made"),
        ("", "a1b2c3", "the journal does not say which version the run made"),
        ("a1b2c3", "a1b2c3", ""),
        ("a1b2c3", "d4e5f6", "it was changed since"),
        ("", "", ""),
    ],
)
def test_a_version_that_no_run_is_known_to_have_made_is_left(noted: str, stored: str, reason: str) -> None:
    entry = JournalEntry("Patient/a", "POST", 201, "created", "Patient/a", noted)
    with Created() as created:
        created.add([entry])
        found = Ours(created).why_not(entry, {"resourceType": "Patient", "id": "a", "meta": {"versionId": stored}})

    assert reason in found
    assert bool(reason) == bool(found)

"""Lines that are missing from a journal are noticed, and what they may have said was sent is not sent twice."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING

import pytest

from fhir_case.load.journal.reader import read_records
from fhir_case.load.journal.record import Gap, Header
from fhir_case.load.journal.writer import JournalFile
from fhir_case.load.plan.bundle import BundleEntry
from fhir_case.load.plan.entry import planned_entry
from fhir_case.server.capabilities import UNKNOWN
from load.machine import World
from load.process import Process, killable
from smallserver import HAPI

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MIXED = ["create", "create by condition", "across", "create nameless", "create"]


def lines_of(world: World) -> list[bytes]:
    return world.journal.read_bytes().splitlines(keepends=True)


def interrupted(software: str, forms: list[str], writes: int) -> World:
    """Return a load that was killed after so many writes of its journal; close it."""
    world = World(software, forms, merged=False).__enter__()
    world.upload(process=Process(writes))
    return world


def doubled(world: World) -> Iterable[str]:
    return [key for key, names in world.stored().items() if len(names) > 1]


@pytest.mark.parametrize("software", [HAPI, "another server"])
@pytest.mark.parametrize("writes", [3, 5])
def test_wherever_a_line_is_missing_nothing_is_lost_and_nothing_doubled(software: str, writes: int) -> None:
    count = 0
    while True:
        count += 1
        world = interrupted(software, MIXED, writes)
        try:
            lines = lines_of(world)
            if count >= len(lines) - 1:
                return
            world.journal.write_bytes(b"".join(lines[:count] + lines[count + 1 :]))
            assert Gap() in list(read_records(world.journal))

            assert "done" == world.upload()

            assert [] == doubled(world)
            said = world.said()
            missing = world.keys.keys() - world.stored().keys()
            assert missing <= {key for key, entry in said.items() if entry.state == "unknown"}
            if software == HAPI:
                assert set() == missing
                assert "unknown" not in {entry.state for entry in said.values()}
        finally:
            world.__exit__()


@pytest.mark.parametrize(
    ("software", "fault"), [(HAPI, "killed after"), (HAPI, "killed before"), ("another", "killed after")]
)
def test_the_line_of_a_request_that_was_carried_out_is_missing(software: str, fault: str) -> None:
    with World(software, ["create", "create"], merged=False) as world:
        assert "killed" == world.upload(["", fault])
        *lines, sending = lines_of(world)
        assert sending.startswith(b'{"sending"')
        request, number = sending.split(b'"')[3], int(sending.rpartition(b":")[2].rstrip(b"}\n"))
        later = b'{"not_done":"%b0000000f","reason":"of another thread","line":%d}\n' % (request[:-8], number + 1)
        world.journal.write_bytes(b"".join(lines) + later)

        assert "done" == world.upload()

        assert [] == doubled(world)
        assert world.keys.keys() == world.said().keys() == world.stored().keys()
        states = {entry.state for entry in world.said().values()}
        assert ({"created"} if software == HAPI else {"created", "unknown"}) == states


def test_undo_refuses_a_journal_with_missing_lines_until_they_were_looked_up() -> None:
    with World(HAPI, ["create", "create"], merged=False) as world:
        assert "done" == world.upload()
        lines = lines_of(world)
        world.journal.write_bytes(b"".join(lines[:1] + lines[2:-1]))

        said, _ = world.undo()
        assert "lines of this journal are missing" in said
        assert world.keys.keys() == world.stored().keys()

        assert "done" == world.upload()
        assert ("done", [], {}) == (*world.undo(), world.stored())


def test_a_journal_without_numbers_goes_on() -> None:
    with World(HAPI, ["create", "update"], merged=False) as world:
        world.upload(process=Process(4))
        numbered = lines_of(world)
        plain = [line.rpartition(b',"line":')[0] + b"}\n" if b',"line":' in line else line for line in numbered]
        world.journal.write_bytes(b"".join(plain))

        assert "done" == world.upload()

        assert Gap() not in list(read_records(world.journal))
        assert [] == doubled(world)


def test_what_may_not_be_sent_twice_is_on_the_disk_before_it_is_sent() -> None:
    synced: list[int] = []

    class Disk(Process):
        def fdatasync(self, file: int) -> None:
            synced.append(os.fstat(file).st_size)
            os.fsync(file)

    with World(HAPI, ["create", "update", "create by condition"], merged=False) as world:
        assert "done" == world.upload(process=Disk())

        lines = lines_of(world)
        sizes = [sum(map(len, lines[: number + 1])) for number in range(len(lines))]
        [first] = synced
        assert lines[sizes.index(first)].startswith(b'{"sending"')
        assert b"/0.json" in lines[sizes.index(first)]


def test_what_several_requests_have_written_is_forced_to_the_disk_at_once(tmp_path: Path) -> None:
    begun, written, synced = Event(), Event(), []

    class Disk(Process):
        def fdatasync(self, file: int) -> None:
            synced.append(os.fstat(file).st_size)
            begun.set()
            written.wait(10)

        def write(self, file: int, data: bytes) -> int:
            done = super().write(file, data)
            if data.startswith(b'{"sending":"3"'):
                written.set()
            return done

    original = BundleEntry("one", {"resourceType": "Patient"}, request={"method": "POST", "url": "Patient"})
    once = planned_entry(original, UNKNOWN)
    header = Header("https://fhir.example", "R4", ())
    with killable(Disk()), JournalFile(tmp_path / "j", header) as journal, ThreadPoolExecutor(3) as pool:
        sent = [pool.submit(journal.sending, "1", [once])]
        begun.wait(10)
        sent.append(pool.submit(journal.sending, "2", [once]))
        while b'{"sending":"2"' not in (tmp_path / "j").read_bytes():
            pass
        sent.append(pool.submit(journal.sending, "3", [once]))
        for each in sent:
            each.result(20)

    assert [2, (tmp_path / "j").stat().st_size] == [len(synced), synced[1]]

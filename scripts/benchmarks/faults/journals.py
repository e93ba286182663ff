"""Damage the journal of a load that was cut off, and fill the disk under it."""

from __future__ import annotations

import resource
from contextlib import suppress
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from fhir_case.server.client import Client
from load.process import KilledError, Process, killable

from .counting import Counts, Data, count
from .running import load, name_of_run
from .scenario import MIXED, added, started, upload_command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["DAMAGES", "cut_off", "damaged", "full_disk", "full_temporary_folder"]

_NO_ROOM = """
import resource
from fhir_case.load.journal import writer
from fhir_case.load.survey import index

def lifted(self, *arguments, begin=writer.JournalFile.__init__, **options):
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    begin(self, *arguments, **options)

writer.JournalFile.__init__ = lifted
index._CACHE_KIB = 1
resource.setrlimit(resource.RLIMIT_FSIZE, (1024, resource.RLIM_INFINITY))
"""
_CUTS = (3, 5, 8, 11)
_SIZES = (400, 2_000, 4_000, 6_000, 9_000, 14_000)


def _doubled(lines: list[bytes], chance: Random) -> list[bytes]:
    place = chance.randrange(1, len(lines))
    return [*lines[: place + 1], *lines[place:]]


def _garbled(lines: list[bytes], chance: Random) -> list[bytes]:
    place = chance.randrange(1, len(lines))
    line = bytearray(lines[place])
    for _ in range(3):
        line[chance.randrange(len(line) - 1)] = chance.randrange(128, 256)
    return [*lines[:place], bytes(line), *lines[place + 1 :]]


def _lost(lines: list[bytes], chance: Random) -> list[bytes]:
    place = chance.randrange(1, len(lines))
    return [*lines[:place], *lines[place + 1 :]]


def _foreign(lines: list[bytes], chance: Random) -> list[bytes]:
    place = chance.randrange(1, len(lines))
    line = (
        b'{"request":"of-another-run","resource":"Patient/x","method":"PUT","status":201,"state":"created",'
        b'"stored_as":"Patient/x","version":"1","source":"/elsewhere/1.json","position":0}\n'
    )
    return [*lines[:place], line, *lines[place:]]


DAMAGES: dict[str, Callable[[list[bytes], Random], list[bytes]]] = {
    "torn": lambda lines, _: lines,  # it was, when the process was killed
    "doubled": _doubled,
    "garbled": _garbled,
    "lost": _lost,
    "foreign": _foreign,
}


def damaged(damage: str, url: str, folder: Path, seed: int) -> Counts:
    """Cut loads off, damage a line of each journal, load again, and count."""
    total, refused = Counts(), 0
    for number in _CUTS:
        place = folder / f"{damage}-{number}"
        data, journal = Data(name_of_run(place.name, seed), MIXED, place), place / "journal.jsonl"
        chance = Random(f"{seed} {damage} {number}")  # noqa: S311 - to be repeated, not to be secret
        cut_off(data, url, journal, number, kept=chance.random() if damage == "torn" else 0.0)
        lines = journal.read_bytes().splitlines(keepends=True)
        journal.write_bytes(b"".join(DAMAGES[damage](lines, chance)))
        runs, note = load(data, url, journal)
        with Client(url) as client:
            if note:
                refused += 1
                stored = data.stored(client)
                found = Counts(len(data.keys), doubled=sum(len(each) > 1 for each in stored.values()))
                found.details = [note]
            else:
                found = count(data, journal, client)
        found.hits, found.runs = 1, runs + 1
        added(total, found)
    said = f"{refused} of {len(_CUTS)} journals are refused, with the number of the line"
    total.note = said if refused else f"{len(_CUTS)} journals, and each is resumed"
    return total


def cut_off(data: Data, url: str, journal: Path, writes: int, *, kept: float = 0.0) -> None:
    """
    Load until the journal has been written so often.

    Args:
        kept: The share of what is written last that reaches the disk.
    """
    with suppress(KilledError), killable(Process(writes, kept=kept)):
        load(data, url, journal, runs=1)


def full_disk(url: str, folder: Path, seed: int) -> Counts:
    """Load on a disk that takes so many bytes, then with room, and count."""
    total = Counts()
    for size in _SIZES:
        place = folder / str(size)
        data, journal = Data(name_of_run(place.name, seed), MIXED, place), place / "journal.jsonl"
        limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (size, size))
        said, _ = started(upload_command(data, url, journal), preexec_fn=limit).communicate()
        runs, note = load(data, url, journal)
        with Client(url) as client:
            found = count(data, journal, client)
        found.hits, found.runs = int("journal cannot be written" in said), runs + 1
        total.note = total.note or note or ("a traceback" if "Traceback" in said else "")
        added(total, found)
    total.note = total.note or f"{total.hits} of {len(_SIZES)} loads ended for want of room, and were resumed"
    return total


def full_temporary_folder(url: str, folder: Path, seed: int) -> Counts:
    """Load where the temporary database finds no room, then where it does, and count."""
    data, journal = Data(name_of_run("temporary", seed), MIXED * 12, folder / "data"), folder / "journal.jsonl"
    said, _ = started(upload_command(data, url, journal), code=_NO_ROOM).communicate()
    runs, note = load(data, url, journal)
    with Client(url) as client:
        found = count(data, journal, client)
    found.hits, found.runs = 1, runs + 1
    found.note = note or f"it says: {said.strip().splitlines()[-1].removeprefix('fhir-case: ')}"
    return found

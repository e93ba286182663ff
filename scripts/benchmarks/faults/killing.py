"""Kill a load, or its undo, at twenty moments: four moments of each of five requests."""

from __future__ import annotations

from contextlib import suppress
from time import monotonic, sleep
from typing import TYPE_CHECKING

from faultproxy import TcpProxy
from fhir_case.errors import ServerError
from fhir_case.load.undo.undo import undo
from fhir_case.server.client import Client

from .counting import Counts, Data, count
from .running import load, name_of_run
from .scenario import MIXED, added, started, upload_command

if TYPE_CHECKING:
    from collections import Counter
    from pathlib import Path

__all__ = ["killed_load", "killed_undo"]

_HOLES = ("hole-connect", "hole-request", "hole-commit", "hole-answer")
_MOMENTS = [(number, hole) for number in range(5) for hole in _HOLES]
_LONGEST_S = 60


def killed_load(url: str, folder: Path, seed: int) -> Counts:
    """Kill a load at each moment, load again, and count."""
    total = Counts()
    for number, hole in _MOMENTS:
        place = folder / f"{number}-{hole}"
        data, journal = Data(name_of_run(place.name, seed), MIXED + MIXED[:4], place), place / "journal.jsonl"
        with TcpProxy(url, [*[None] * number, hole], seed=seed, silence_s=_LONGEST_S) as proxy:
            _kill(upload_command(data, proxy.base_url, journal), proxy)
            runs, note = load(data, proxy.base_url, journal)
            proxy.settle()
            hits = len(proxy.hits)
        with Client(url) as client:
            found = count(data, journal, client)
        found.hits, found.runs, total.note = hits, runs + 1, total.note or note
        added(total, found)
    total.note = total.note or f"killed at {total.hits} moments"
    return total


def killed_undo(url: str, folder: Path, seed: int) -> Counts:
    """Kill the undo of a load at each moment, undo again, and count what is left."""
    total, left = Counts(), 0
    for number, hole in _MOMENTS:
        place = folder / f"{number}-{hole}"
        data, journal = Data(name_of_run(place.name, seed), MIXED + MIXED[:4], place), place / "journal.jsonl"
        # The load has requests of its own; what is held are those of the undo.
        with TcpProxy(url, (), seed=seed) as proxy:
            load(data, proxy.base_url, journal)
            proxy.plan([*[None] * number, hole], silence_s=_LONGEST_S)
            _kill(["undo", str(journal), "--timeout", "3"], proxy)
            counts = _undone(journal, proxy.base_url)
            hits = len(proxy.hits)
        with Client(url) as client:
            stored = data.stored(client)
        left += counts["left"]
        added(total, Counts(len(data.keys), doubled=sum(map(len, stored.values())), hits=hits, runs=3))
    total.note = (
        f"killed at {total.hits} moments; doubled is what undo should have removed, and {left} were listed as left"
    )
    return total


def _undone(journal: Path, url: str, *, runs: int = 4) -> Counter[str]:
    """Undo, and give the same command again where it fails, so often at most."""
    with Client(url) as client:
        for _ in range(runs - 1):
            with suppress(ServerError):
                return undo(journal, client)
        return undo(journal, client)


def _kill(arguments: list[str], proxy: TcpProxy) -> None:
    """Start a command, and kill it when its request is held."""
    process = started(arguments)
    until = monotonic() + _LONGEST_S
    while not proxy.hits and process.poll() is None and monotonic() < until:
        sleep(0.02)
    if proxy.hits:
        proxy.settle(0.5 if "connect" in proxy.hits[0].fault or "request" in proxy.hits[0].fault else 20)
    process.kill()
    process.communicate()

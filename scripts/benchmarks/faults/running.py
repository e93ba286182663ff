"""Run one cell: load through a proxy with faults, again until the command comes to its end, and count."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from faultproxy import FaultProxy, TcpProxy
from fhir_case.errors import FhirCaseError
from fhir_case.load.run.load import Load, Options
from fhir_case.load.survey.inputs import FileInputs
from fhir_case.server.client import Client
from fhir_case.server.quirks import Caps
from fhir_case.server.retry import RetryPolicy

from .cells import FORMS
from .counting import Counts, Data, count

if TYPE_CHECKING:
    from .cells import Cell

__all__ = ["POLICY", "TIMEOUT_S", "load", "run_cell"]

POLICY = RetryPolicy(request_s=40, first_pause_s=0.1, longest_pause_s=1, settle_s=2)
_SMALL = replace(POLICY, settle_s=0.3)  # it has done what it does before anybody can ask
TIMEOUT_S = (5.0, 3.0)
_MERGED = Caps(entries=6)  # so that there are transactions enough to be hit


def run_cell(cell: Cell, url: str, *, seed: int, documents: int) -> Counts:
    """
    Load through the fault of a cell, and return what is lost, doubled or unknown.

    Args:
        documents: How many are loaded.
    """
    planned = cell.schedule(seed)
    proxy: FaultProxy | TcpProxy
    if cell.transport == "HTTP":
        proxy = FaultProxy(url, (cell.name,), schedule=planned, silence_s=TIMEOUT_S[1] + 1, burst_s=0.5)
    else:
        proxy = TcpProxy(url, planned, seed=seed, silence_s=TIMEOUT_S[1] + 1, bytes_s=20_000)
    forms = FORMS[cell.form]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        data = Data(name_of_run(cell.key, seed), [forms[n % len(forms)] for n in range(documents)], folder / "data")
        journal = folder / "journal.jsonl"
        with proxy:
            policy = _SMALL if cell.server.startswith("small") else POLICY
            runs, note = load(data, proxy.base_url, journal, policy=policy)
            settled = proxy.settle(60)
            hits = len(proxy.hits) if isinstance(proxy, TcpProxy) else sum(bool(each.fault) for each in proxy.log)
        with Client(url) as client:
            found = count(data, journal, client)
    found.hits, found.runs = hits, runs
    found.note = note or ("" if settled else "the server had not answered all when it was counted")
    return found


def name_of_run(key: str, seed: int) -> str:
    """Return a name that no other cell has, and that is an id of FHIR."""
    import secrets
    from hashlib import sha256

    # Some digits are of chance, since a server may have the data of an earlier table.
    return f"f{sha256(f'{key} {seed}'.encode()).hexdigest()[:10]}{secrets.token_hex(4)}"


def load(data: Data, url: str, journal: Path, *, runs: int = 4, policy: RetryPolicy = POLICY) -> tuple[int, str]:
    """
    Load, and give the same command again while it says so; return how often, and what it said at last.

    Args:
        runs: How often at most.
        policy: How often and how long one run tries.
    """
    said = ""
    for run in range(1, runs + 1):
        options = Options(concurrency=4, merge=_MERGED, policy=policy)
        try:
            with Load(FileInputs(data.files), lambda: Client(url, timeout_s=TIMEOUT_S), options) as loading:
                loading.read()
                loading.open_journal(journal)
                result = loading.run()
        except FhirCaseError as error:
            said = str(error)
        else:
            if result.error is None:
                return run, ""
            said = str(result.error)
    return runs, said

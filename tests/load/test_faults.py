"""Whatever goes wrong before a real HAPI server: each resource is stored exactly once, and the journal knows it."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from faultproxy import FaultProxy
from fhir_case import HapiServer
from fhir_case.errors import ExitCode
from fhir_case.load.journal.reader import read_requests
from fhir_case.load.run.load import Load, Options
from fhir_case.load.survey.inputs import FileInputs
from fhir_case.server.client import Client
from fhir_case.server.quirks import Caps
from fhir_case.server.retry import RetryPolicy

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.server

HARMLESS = ("503", "503-burst", "429-seconds", "429-date", "reset-before", "html-before")
AFTER_COMMIT = ("reset-after", "reset-during", "half", "silence", "wrong-type", "wrong-body", "html", "500")
POLICY = RetryPolicy(request_s=90, settle_s=2)
PATIENT = RetryPolicy(request_s=600, settle_s=2)  # as long as a server takes to start on a busy machine


class Data:
    """Bundles of six resources each: created by condition, by nothing at all, and under ids of ours; in `folder`."""

    def __init__(self, folder: Path, count: int) -> None:
        self.run = f"r{uuid4().hex[:8]}"
        self.folder = folder / "data"
        self.folder.mkdir()
        self.count = count
        for number in range(count):
            (self.folder / f"{number:04}.json").write_text(json.dumps(self.bundle(number)))

    @property
    def expected(self) -> dict[str, int]:
        return {"Organization": 3, "Patient": self.count, "Condition": self.count, "Observation": 3 * self.count}

    def bundle(self, number: int) -> dict[str, Any]:
        patient, organization = f"urn:uuid:{uuid4()}", f"urn:uuid:{uuid4()}"
        entries = [
            self.conditional(organization, "Organization", f"organization-{number % 3}", {"name": "clinic"}),
            self.conditional(
                patient, "Patient", f"patient-{number}", {"managingOrganization": {"reference": organization}}
            ),
            {
                "resource": {
                    "resourceType": "Condition",
                    "id": f"{self.run}-{number}",
                    "identifier": self.identifier(f"condition-{number}"),
                    "subject": {"reference": patient},
                },
                "request": {"method": "PUT", "url": f"Condition/{self.run}-{number}"},
            },
        ]
        entries += [
            {
                "fullUrl": f"urn:uuid:{uuid4()}",
                "resource": {
                    "resourceType": "Observation",
                    "status": "final",
                    "code": {"text": "alpha-fetoprotein"},
                    "subject": {"reference": patient},
                    "valueQuantity": {"value": value},
                },
                "request": {"method": "POST", "url": "Observation"},
            }
            for value in range(3)
        ]
        return {"resourceType": "Bundle", "type": "transaction", "entry": entries}

    def identifier(self, value: str) -> list[dict[str, str]]:
        return [{"system": f"urn:fhir-case:{self.run}", "value": value}]

    def conditional(self, full_url: str, kind: str, value: str, rest: dict[str, Any]) -> dict[str, Any]:
        return {
            "fullUrl": full_url,
            "resource": {"resourceType": kind, "identifier": self.identifier(value), **rest},
            "request": {
                "method": "POST",
                "url": kind,
                "ifNoneExist": f"identifier=urn:fhir-case:{self.run}%7C{value}",
            },
        }

    def stored(self, server: str) -> dict[str, list[str]]:
        """Return what the server has of it, type by type."""
        everything = {"identifier": f"urn:fhir-case:{self.run}|", "_count": "1000"}
        of_patients = {"subject:Patient.identifier": f"urn:fhir-case:{self.run}|", "_count": "1000"}
        with Client(server) as client:
            return {
                kind: [
                    f"{kind}/{resource['id']}"
                    for resource in client.search(kind, of_patients if kind == "Observation" else everything)
                ]
                for kind in self.expected
            }


def journal_places(journal: Path) -> tuple[list[str], list[str]]:
    """Return where the journal says that everything is, and what of it that the run created."""
    entries = [each for record in read_requests(journal) for each in record.entries]
    good = [each for each in entries if each.state not in ("failed", "unknown")]
    return [each.stored_as for each in good], [each.stored_as for each in good if each.state == "created"]


def assert_exactly_once(data: Data, server: str, journal: Path) -> None:
    """Nothing is lost, nothing is doubled, and the journal agrees with the server."""
    stored = data.stored(server)
    assert data.expected == {kind: len(places) for kind, places in stored.items()}
    places, created = journal_places(journal)
    everywhere = sorted(place for kind in stored.values() for place in kind)
    assert everywhere == sorted(set(places))
    assert everywhere == sorted(created)
    assert len(places) == 6 * data.count


def load(
    data: Data,
    proxy: FaultProxy,
    journal: Path,
    *,
    concurrency: int = 4,
    timeout_s: float = 2,
    policy: RetryPolicy = POLICY,
) -> Load:
    """Load through the proxy, four small transactions at once; no answer in time counts as silence."""
    options = Options(concurrency=concurrency, merge=Caps(entries=12), policy=policy)
    with Load(FileInputs([data.folder]), lambda: Client(proxy.base_url, timeout_s=(5, timeout_s)), options) as loading:
        loading.read()
        loading.open_journal(journal)
        result = loading.run()
    assert result.error is None
    assert [] == result.failures
    return loading


@pytest.mark.parametrize("fault", [*HARMLESS, *AFTER_COMMIT])
def test_each_fault_alone_loses_nothing_and_doubles_nothing(hapi_r4: str, tmp_path: Path, fault: str) -> None:
    data, journal = Data(tmp_path, 12), tmp_path / "journal.jsonl"
    faults = [fault, None, fault, None, None, fault]

    with FaultProxy(hapi_r4, (fault,), schedule=faults, silence_s=4, burst_s=1) as proxy:
        load(data, proxy, journal)
        hit = [exchange for exchange in proxy.log if exchange.fault]

    assert len(hit) >= 3
    assert_exactly_once(data, hapi_r4, journal)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_mix_of_faults_also_on_reading_loses_nothing_and_doubles_nothing(
    hapi_r4: str, tmp_path: Path, seed: int
) -> None:
    data, journal = Data(tmp_path, 60), tmp_path / "journal.jsonl"

    with FaultProxy(
        hapi_r4, (*HARMLESS, *AFTER_COMMIT), rate=0.3, seed=seed, methods=("POST", "GET"), silence_s=4, burst_s=1
    ) as proxy:
        load(data, proxy, journal)
        hit = {exchange.fault for exchange in proxy.log if exchange.fault}

    assert len(hit) >= 5
    assert_exactly_once(data, hapi_r4, journal)


def test_what_is_stored_after_all_when_it_had_counted_as_not_done_is_removed_again(
    hapi_r4: str, tmp_path: Path
) -> None:
    data, journal = Data(tmp_path, 60), tmp_path / "journal.jsonl"
    options = Options(concurrency=1, merge=Caps(entries=360), policy=RetryPolicy(request_s=60, settle_s=0))

    with (
        FaultProxy(hapi_r4, ("reset-during",), schedule=["reset-during"]) as proxy,
        Load(FileInputs([data.folder]), lambda: Client(proxy.base_url), options) as loading,
    ):
        loading.read()
        loading.open_journal(journal)
        result = loading.run()
        posts = [exchange for exchange in proxy.log if exchange.method == "POST"]

    assert result.error is None
    assert len(posts) >= 2, "the first request was settled, so that this tests nothing"
    assert_exactly_once(data, hapi_r4, journal)


def test_a_run_that_is_killed_twenty_times_loses_nothing_and_doubles_nothing(hapi_r4: str, tmp_path: Path) -> None:
    data, journal = Data(tmp_path, 720), tmp_path / "journal.jsonl"
    moments = random.Random(20)  # noqa: S311 - no secret depends on it
    attempts = killed = 0

    with FaultProxy(hapi_r4, (*HARMLESS, *AFTER_COMMIT), rate=0.1, seed=7, silence_s=3, burst_s=0.5) as proxy:
        command = [
            sys.executable, "-m", "fhir_case", "upload", str(data.folder), "--server", proxy.base_url, "--journal",
            str(journal), "--merge", "12", "--concurrency", "4", "--timeout", "2", "--settle-for", "1.5", "--quiet",
        ]  # fmt: skip
        while killed < 20 and attempts < 60:
            attempts += 1
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            begun = journal.stat().st_size if journal.exists() else 0
            deadline = time.monotonic() + 30
            while process.poll() is None and time.monotonic() < deadline:
                if journal.exists() and journal.stat().st_size > begun:  # it is at work: any moment counts
                    time.sleep(moments.uniform(0, 0.25))
                    break
                time.sleep(0.005)
            if process.poll() == ExitCode.SERVER:  # a busy machine does not answer within two seconds
                continue
            if process.returncode is not None:
                break
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed += 1
        done = subprocess.run([*command, "--timeout", "60"], capture_output=True, text=True, check=False, timeout=300)

    assert (0, 20) == (done.returncode, killed), done.stderr
    assert_exactly_once(data, hapi_r4, journal)


def test_a_server_that_is_started_anew_in_the_middle_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    data, journal = Data(tmp_path, 120), tmp_path / "journal.jsonl"
    database = tmp_path / "database"
    first = HapiServer(data=database)
    first.start()
    try:
        with FaultProxy(first.base_url) as proxy, ThreadPoolExecutor(1) as pool:
            loading = pool.submit(load, data, proxy, journal, concurrency=2, timeout_s=60, policy=PATIENT)
            while len(proxy.log) < 20 and not loading.done():
                time.sleep(0.01)
            first.stop()
            with HapiServer(data=database) as second:
                proxy.target = second.base_url
                done = loading.result(900)
                assert done.tally.retries.total() > 0
                assert_exactly_once(data, second.base_url, journal)
    finally:
        first.stop()

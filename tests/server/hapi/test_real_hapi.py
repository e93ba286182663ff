"""The real server, twice: owned and killed with its owner, and detached by the command line."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil
import pytest
import requests

from support import fhir_case

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.server

OWNER = """
import time
from fhir_case.server.hapi import HapiServer
server = HapiServer().start()
print(server.base_url, server.pid, flush=True)
time.sleep(600)
"""

TRANSACTION = {
    "resourceType": "Bundle",
    "type": "transaction",
    "entry": [
        {
            "fullUrl": "urn:uuid:0c3e8d5e-6a53-4d2c-9d6a-2f0d6a3b1c11",
            "resource": {"resourceType": "Patient", "gender": "female"},
            "request": {"method": "POST", "url": "Patient"},
        },
        {
            "fullUrl": "urn:uuid:0c3e8d5e-6a53-4d2c-9d6a-2f0d6a3b1c12",
            "resource": {
                "resourceType": "Observation",
                "status": "final",
                "code": {"text": "AFP"},
                "subject": {"reference": "urn:uuid:0c3e8d5e-6a53-4d2c-9d6a-2f0d6a3b1c11"},
            },
            "request": {"method": "POST", "url": "Observation"},
        },
    ],
}


def _until(condition: object, within_s: float) -> bool:
    assert callable(condition)
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


def _refused(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2):
        return False
    return True


def test_a_server_takes_a_transaction_and_ends_when_its_owner_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True) as owner:
        try:
            assert owner.stdout
            base_url, pid = owner.stdout.readline().split()
            assert "4.0.1" == requests.get(f"{base_url}/metadata", timeout=120).json()["fhirVersion"]
            answer = requests.post(base_url, json=TRANSACTION, timeout=120).json()
            patient, observation = (one["response"]["location"].split("/_history")[0] for one in answer["entry"])
            read = requests.get(f"{base_url}/{observation}", timeout=60).json()
            assert patient == read["subject"]["reference"]
        finally:
            os.kill(owner.pid, signal.SIGKILL)
    port = int(base_url.split(":")[2].partition("/")[0])
    assert _until(lambda: _refused(port), 20)
    # one that writes the archive of its classes takes a while to end, once on each machine
    assert _until(lambda: not psutil.pid_exists(int(pid)), 240)


def test_the_command_line_starts_shows_and_stops_a_detached_server(tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path), "COLUMNS": "200"}
    started = fhir_case(
        "server", "start", "--fhir", "R4", "--port", "0", "--strict", "--data", str(tmp_path / "data"), "--detach",
        env=environment, timeout=400,
    )  # fmt: skip
    try:
        assert 0 == started.returncode, started.stderr
        base_url = started.stdout.strip()
        assert base_url.startswith("http://127.0.0.1:")
        invalid = {"resourceType": "Patient", "unheard": "of"}
        assert 422 == requests.post(f"{base_url}/Patient", json=invalid, timeout=120).status_code
        listed = fhir_case("server", "status", env=environment)
        assert f"{base_url}  R4 " in listed.stdout
        assert str(tmp_path / "data") in listed.stdout
        assert "READY" in fhir_case("server", "log", env=environment).stdout
        second = fhir_case("server", "start", "--data", str(tmp_path / "data"), "--port", "0", env=environment)
        assert (8, "") == (second.returncode, second.stdout)
        assert "uses this database" in second.stderr
    finally:
        stopped = fhir_case("server", "stop", "--all", env=environment)
    assert (0, f"Stopped {base_url}\n") == (stopped.returncode, stopped.stdout)
    assert "No embedded server is running.\n" == fhir_case("server", "status", env=environment).stderr
    assert list((tmp_path / "data").glob("fhir-r4*"))

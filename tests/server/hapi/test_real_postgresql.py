"""HAPI FHIR on PostgreSQL, both real: on one of one's own, then on the embedded one with what is there, and killed."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psutil
import pytest
import requests

from faultproxy import FaultProxy
from fhir_case.errors import CheckerError
from fhir_case.server.hapi import HapiServer
from fhir_case.server.postgresql import PostgreSQL
from load.test_faults import PATIENT, Data, assert_exactly_once, load
from server.postgresql.waiting import gone, until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

pytestmark = pytest.mark.server

FEMALE = {"resourceType": "Patient", "id": "kept", "gender": "female", "birthDate": "1958-03-01"}


def failure(db: str, environment: Mapping[str, str], state: Path, **options: str) -> str:
    """Return why a server does not start, which it says before the half minute that a start takes."""
    with pytest.raises(CheckerError) as caught:
        HapiServer(db=db, environment=environment, state=state, **options).start()  # type: ignore[arg-type]
    return str(caught.value)


def answers(send: Callable[[], requests.Response], status: int) -> bool:
    """Whether a server answers with this status, which it does not while its database starts again."""
    try:
        return status == send().status_code
    except requests.RequestException:
        return False


def test_data_outlive_server_database_and_kills_of_either(tmp_path: Path) -> None:
    own = PostgreSQL(tmp_path / "postgresql-r4", logs=tmp_path, environment=os.environ, listener=lambda _: None)
    own.start()
    try:
        store_in_ones_own(own, tmp_path)
    finally:
        own.stop()
    find_in_the_embedded_one(tmp_path)


def store_in_ones_own(own: PostgreSQL, tmp_path: Path) -> None:
    environment = {**os.environ, "FHIR_CASE_DB_USER": own.user, "FHIR_CASE_DB_PASSWORD": own.password}
    with HapiServer(db=own.url, environment=environment, state=tmp_path) as server:
        assert 201 == requests.put(f"{server.base_url}/Patient/kept", json=FEMALE, timeout=120).status_code

    wrong = failure(own.url, {**environment, "FHIR_CASE_DB_PASSWORD": "wrong-password"}, tmp_path)
    assert 'refuses the user or the password: FATAL: password authentication failed for user "fhir"' in wrong
    assert "wrong-password" not in wrong
    absent = own.url.replace("/postgres", "/absent")
    assert 'no such database: FATAL: database "absent" does not exist' in failure(absent, environment, tmp_path)
    nowhere = "jdbc:postgresql://127.0.0.1:1/postgres"
    assert "is not reached: Connection to 127.0.0.1:1 refused" in failure(nowhere, environment, tmp_path)
    other = failure(own.url, environment, tmp_path, fhir="R5")
    assert "this database holds FHIR R4, and the server would speak R5; choose --fhir R4" in other
    for log in tmp_path.glob("*.log"):
        assert own.password not in log.read_text()


def find_in_the_embedded_one(tmp_path: Path) -> None:
    errors = tmp_path / "errors"
    with errors.open("wb") as err:
        command = [sys.executable, "-m", "fhir_case", "server", "start", "--port", "0", "--data", str(tmp_path)]
        environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
        starter = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=err, text=True, env=environment)
    try:
        assert starter.stdout
        base_url = starter.stdout.readline().strip()
        assert base_url, errors.read_text()
        patient = f"{base_url}/Patient/kept"
        assert "1958-03-01" == requests.get(patient, timeout=120).json()["birthDate"]
        keeper = next(
            each for each in psutil.Process(starter.pid).children() if "postgresql.keeper" in str(each.cmdline())
        )
        java = next(each for each in psutil.Process(starter.pid).children() if "java" in each.name())
        (database,) = keeper.children()

        data, journal = Data(tmp_path, 30), tmp_path / "journal.jsonl"
        with FaultProxy(base_url) as proxy, ThreadPoolExecutor(1) as pool:
            loading = pool.submit(load, data, proxy, journal, concurrency=2, timeout_s=60, policy=PATIENT)
            assert until(lambda: len(proxy.log) >= 6 or loading.done())
            database.kill()
            loading.result(600)
        assert_exactly_once(data, base_url, journal)
        changed = {**FEMALE, "gender": "male"}
        assert until(lambda: answers(lambda: requests.put(patient, json=changed, timeout=120), 200))
        assert until(
            lambda: "Warning: PostgreSQL ended by itself (exit code -9) and is started again" in errors.read_text()
        )
        assert "male" == requests.get(patient, timeout=120).json()["gender"]

        java.kill()
        assert gone(keeper.pid)
        assert 8 == starter.wait(120)
        assert "the embedded server ended by itself" in errors.read_text()
        assert not (tmp_path / "postgresql-r4" / "data" / "postmaster.pid").exists()
    finally:
        starter.kill()
        starter.wait()
        if starter.stdout:
            starter.stdout.close()

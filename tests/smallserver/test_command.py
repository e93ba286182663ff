"""The small server by hand."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
import requests

from smallserver import FAULTS, SmallServer
from smallserver.__main__ import main
from smallserver.asking import Fhir, observation
from support import TESTS

COMMAND = [sys.executable, "-m", "smallserver"]


def test_the_command_lists_all_faults(capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == main(["--list"])
    assert list(FAULTS) == [line.split()[0] for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_it_is_stopped(number: signal.Signals) -> None:
    command = [*COMMAND, "--fault", "rounds-decimals", "--without", "patch"]
    with subprocess.Popen(command, cwd=TESTS, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        with Fhir(process.stdout.readline().strip()) as fhir:
            assert "15" == str(fhir.stored(observation("a", value="15.0"))["valueQuantity"]["value"])
            assert 405 == fhir.ask("PATCH", "Observation/a", []).status_code
            process.send_signal(number)
            _, complaints = process.communicate(timeout=10)

    assert (0, "") == (process.returncode, complaints)


@pytest.mark.parametrize("options", [["--fault", "none"], ["--without", "none"], ["--port", "1000000"]])
def test_what_makes_no_sense_is_a_clear_error(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(options)

    assert 2 == end.value.code
    assert "smallserver: error: " in capsys.readouterr().err


def test_a_server_that_stops_cuts_off_clients_that_stay() -> None:
    with SmallServer() as server:
        staying = Fhir(server.url)
        staying.get("Patient")
    with pytest.raises(requests.ConnectionError):
        staying.get("Patient")
    staying.__exit__()


def test_two_servers_know_nothing_of_each_other() -> None:
    with SmallServer() as one, SmallServer() as two, Fhir(one.url) as first, Fhir(two.url) as second:
        first.put(observation("a"))

        assert (["a"], []) == (first.ids("Observation"), second.ids("Observation"))

"""The fault proxy by hand."""

from __future__ import annotations

import http.client
import signal
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from faultproxy import FAULTS
from faultproxy.__main__ import main
from support import TESTS

NOT_REACHED = "http://127.0.0.1:1/fhir"


def test_the_command_lists_all_faults(capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == main(["--list"])
    assert list(FAULTS) == [line.split()[0] for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_it_is_stopped(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "faultproxy", "--target", NOT_REACHED, "--fault", "503", "--rate", "1"]
    with subprocess.Popen(command, cwd=TESTS, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        place = urlsplit(process.stdout.readline().split()[0])
        connection = http.client.HTTPConnection(place.netloc, timeout=10)
        connection.request("POST", place.path, b"{}")
        with connection.getresponse() as response:
            assert 503 == response.status
        line = process.stdout.readline()
        process.send_signal(number)
        _, complaints = process.communicate(timeout=10)
        connection.close()

    assert (0, "") == (process.returncode, complaints)
    assert "503" in line
    assert "not forwarded" in line


def test_a_wrong_target_is_a_clear_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--target", "https://fhir.example/fhir"])

    assert 2 == end.value.code
    assert "https://fhir.example/fhir is not a base URL of the form http://" in capsys.readouterr().err

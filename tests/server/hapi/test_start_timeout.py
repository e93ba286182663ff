"""``--start-timeout`` reaches the embedded server from every command that starts one, and a line says what it does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from fhir_case.cli.progress.server import lines
from fhir_case.errors import CheckerError
from fhir_case.java.events import Event
from support import run_command

if TYPE_CHECKING:
    from pathlib import Path

PATIENT = {"resourceType": "Patient", "id": "a"}
SERVERS = """
[embedded]
start = "hapi"
fhir = "R4"
start_timeout_s = 7
"""


@pytest.fixture
def timeouts(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What servers were told that their start may take; none of them starts."""
    told: list[Any] = []

    class Server:
        def __init__(self, **options: Any) -> None:
            told.append(options.get("timeout_s"))

        def start(self) -> None:
            raise CheckerError("no Java here")

        start_detached = __enter__ = start

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr("fhir_case.server.hapi.HapiServer", Server)
    return told


@pytest.mark.parametrize(
    "words",
    [
        ["server", "start"],
        ["server", "start", "--detach"],
        ["run"],
        ["interop", "--server", "embedded", "--servers", "servers.toml", "--probe", "etag"],
        ["server", "check", "embedded", "--servers", "servers.toml"],
        ["validate", "p.json", "--engine", "hapi"],
    ],
    ids=" ".join,
)
def test_the_time_that_a_start_may_take_is_an_option_of_all_that_start_one(
    words: list[str], timeouts: list[Any], tmp_path: Path
) -> None:
    (tmp_path / "servers.toml").write_text(SERVERS)
    (tmp_path / "p.json").write_text(json.dumps({**PATIENT, "meta": {"profile": ["http://example.org/p"]}}))

    run_command(*words, "--start-timeout", "900", cwd=tmp_path)

    assert [900.0] == timeouts


def test_without_the_option_servers_toml_says_it(timeouts: list[Any], tmp_path: Path) -> None:
    (tmp_path / "servers.toml").write_text(SERVERS)
    run_command("server", "check", "--servers", "servers.toml", cwd=tmp_path)

    assert [7.0] == timeouts


def test_each_step_is_a_line_and_a_long_one_says_how_long_it_has_taken() -> None:
    written: list[str] = []
    listener = lines(written.append)
    for phase in ("the server", "the server: opening the database"):
        listener(Event("start", text=phase))
        for second in range(1, 65):
            listener(Event("start", second, text=phase))
    listener(Event("ready", text="http://127.0.0.1/fhir"))

    assert [
        "Starting the server",
        "Starting the server, 30 s",
        "Starting the server, 60 s",
        "Starting the server: opening the database",
        "Starting the server: opening the database, 30 s",
        "Starting the server: opening the database, 60 s",
    ] == written

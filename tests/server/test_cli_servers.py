"""`fhir-case server list` and `server check`: what they print, and their exit codes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Self

import pytest

from fhir_case.server.named import open_server, read_servers
from smallserver import SmallServer
from support import result_of, run_command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]

TOKEN = "token-that-nobody-may-see"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    """Run `fhir-case server` in an empty folder; return exit code, standard output and standard error."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return partial(run_command, "server")


@pytest.fixture
def two(tmp_path: Path, unused_port: int) -> Path:
    """A file of a server that runs, to be filled in, and one that does not."""
    file = tmp_path / "servers.toml"
    file.write_text(
        f"""
        [clinic]
        url = "http://127.0.0.1:{unused_port}/fhir"
        fhir = "R4"
        auth = {{ kind = "bearer", token = "${{CLINIC_TOKEN}}" }}
        headers = {{ X-Tenant = "${{CLINIC_TENANT}}" }}
        caps = {{ entries = 50 }}
        [own]
        start = ["node", "server.mjs"]
        """
    )
    return file


def test_the_list_says_where_and_how_and_whether_variables_are_set(
    run: Run, two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLINIC_TOKEN", TOKEN)
    code, out, _ = run("list")
    lines = [" ".join(line.split()) for line in out.splitlines()]

    assert 0 == code
    assert "NAME WHERE FHIR SIGN-IN CAPS" == lines[0]
    assert lines[1].startswith("clinic http://127.0.0.1:")
    assert lines[1].endswith("R4 bearer, header X-Tenant: CLINIC_TOKEN set, CLINIC_TENANT not set 50 entries")
    assert "own starts: node server.mjs - none no limit" == lines[2]
    assert TOKEN not in out


def test_the_list_as_json(run: Run, two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLINIC_TOKEN", TOKEN)
    _, out, _ = run("list", "--format", "json")
    clinic, own = result_of(out)["servers"]

    assert {"CLINIC_TOKEN": True, "CLINIC_TENANT": False} == clinic["variables"]
    assert ("bearer", ["X-Tenant"], 50) == (clinic["sign_in"], clinic["headers"], clinic["caps"]["entries"])
    assert ("own", ["node", "server.mjs"], "") == (own["name"], own["start"], own["url"])
    assert TOKEN not in out


def test_without_a_file_it_is_said_where_one_is_looked_for(run: Run, tmp_path: Path) -> None:
    looked = f"servers.toml or {tmp_path}/config/fhir-case/servers.toml"

    assert (0, "", f"There is no server in {looked}.\n") == run("list")
    code, _, err = run("check")
    assert 2 == code
    assert f"There is no server to check in {looked}" in err


def test_a_file_that_is_wrong_ends_it_before_anything_is_asked(run: Run, two: Path) -> None:
    two.write_text('[a]\nulr = "x"')
    for command in ("list", "check"):
        code, out, err = run(command)
        assert (2, "") == (code, out)
        assert "servers.toml: [a]: 'ulr' is not known; did you mean 'url'?" in err


def test_a_check_tells_of_each_server_and_fails_when_one_is_wrong(run: Run, tmp_path: Path, two: Path) -> None:
    with SmallServer.like() as fake:
        (tmp_path / "given.toml").write_text(
            f'[good]\nurl = "{fake.url}"\n[bad]\nurl = "{fake.url}"\nfhir = "R5"\n[never]\nurl = "${{NOWHERE}}"'
        )
        code, out, err = run("check", "good", "bad", "--servers", "given.toml")
        fine, *_ = run("check", "good", "--servers", "given.toml")
    lines = [" ".join(line.split()) for line in out.splitlines()]

    assert (6, 0) == (code, fine)
    assert "NAME RESULT MS FHIR TRANSACTIONS SIGN-IN SOFTWARE" == lines[0]
    assert lines[1].startswith("good ok ")
    assert lines[1].endswith("R4 (4.0.1) yes not needed HAPI FHIR Server")
    assert lines[2].startswith("bad failed ")
    assert ["bad: it speaks FHIR R4 (4.0.1), and servers.toml says R5"] == lines[3:]
    assert "Checking good …\nChecking bad …\n" == err


def test_a_check_as_json(run: Run, two: Path) -> None:
    with SmallServer.like() as fake:
        code, out, _ = run("check", "clinic", fake.url, "--format", "json")
    clinic, anonymous = result_of(out)["servers"]

    assert 6 == code
    assert ("clinic", False) == (clinic["name"], clinic["ok"])
    assert "the environment variables CLINIC_TOKEN, CLINIC_TENANT are not set" in clinic["problems"][0]
    assert (fake.url, fake.url, "R4", True, []) == (
        anonymous["name"], anonymous["base_url"], anonymous["release"], anonymous["ok"], anonymous["problems"]
    )  # fmt: skip


def test_a_name_that_is_not_known_is_refused(run: Run, two: Path) -> None:
    code, _, err = run("check", "clinc")

    assert 2 == code
    assert "there is no server 'clinc'; did you mean 'clinic'?" in err


@pytest.mark.server
def test_the_embedded_server_is_started_checked_and_stopped(run: Run, two: Path, tmp_path: Path) -> None:
    two.write_text('[hapi]\nstart = "hapi"\nfhir = "R4"\nheap = "1g"')
    code, out, err = run("check")

    assert 0 == code, err
    assert "R4 (4.0.1)" in out
    assert "HAPI FHIR Server" in out
    assert (0, "", "No embedded server is running.\n") == run("status")


def test_the_database_of_an_embedded_server_gets_the_values_of_its_variables(
    two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[dict[str, Any]] = []

    class Embedded:
        base_url = "http://127.0.0.1:9/fhir"

        def __init__(self, **options: Any) -> None:
            started.append(options)

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr("fhir_case.server.hapi.HapiServer", Embedded)
    two.write_text(
        '[own]\nstart = "hapi"\ndb = "jdbc:postgresql://${HOST}/fhir"\ndb_user = "anna"\ndb_password = "${SECRET}"\n'
        '[embedded]\nstart = "hapi"\ndb = "postgres"\n'
    )
    servers = read_servers(two)
    assert ("HOST", "SECRET") == servers["own"].variables
    for server in servers.values():
        with open_server(server, {"HOST": "db.example", "SECRET": "geheim"}):
            pass

    assert ["jdbc:postgresql://db.example/fhir", "postgres"] == [options["db"] for options in started]
    assert {
        "HOST": "db.example", "SECRET": "geheim", "FHIR_CASE_DB_USER": "anna", "FHIR_CASE_DB_PASSWORD": "geheim",
    } == started[0]["environment"]  # fmt: skip

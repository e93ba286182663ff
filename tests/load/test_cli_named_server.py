"""A server by its name in `servers.toml`: its sign-in and limits count, and options win over them."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from load.sample import bundle, write
from smallserver import Reply, Request, SmallServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]

TOKEN = "token-that-nobody-may-see"


@pytest.fixture
def named(tmp_path: Path, fake: SmallServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file in which the server has a name, in the folder in which commands are given, and three files to load."""
    monkeypatch.setenv("CLINIC_TOKEN", TOKEN)
    monkeypatch.chdir(tmp_path)
    for key in "abc":
        write(tmp_path, f"in/{key}.json", bundle(key))
    file = tmp_path / "servers.toml"
    file.write_text(
        f"""
        [clinic]
        url = "{fake.url}/"
        auth = {{ kind = "bearer", token = "${{CLINIC_TOKEN}}" }}
        headers = {{ X-Tenant = "tenant ${{CLINIC_TOKEN}}" }}
        caps = {{ entries = 4 }}
        """
    )
    return file


def signed(fake: SmallServer) -> set[tuple[str, str]]:
    found = {(each.headers.get("Authorization", ""), each.headers.get("X-Tenant", "")) for each in fake.requests}
    fake.requests.clear()
    return found


def test_upload_verify_and_undo_sign_in_as_the_file_says(run: Run, fake: SmallServer, named: Path) -> None:
    ours = {(f"Bearer {TOKEN}", f"tenant {TOKEN}")}
    code, out, err = run("upload", "in", "--server", "clinic", "--journal", "journal")
    assert (0, 7, ours) == (code, len(fake.names), signed(fake)), err
    assert f"Upload to {fake.url}\n" in out

    code, more, _ = run("verify", "in", "--server", "clinic")
    assert (0, ours) == (code, signed(fake))
    code, again, _ = run("verify", "journal", "--server", "clinic")
    assert (0, ours) == (code, signed(fake))

    code, undone, _ = run("undo", "journal", "--server", "clinic")
    assert (0, set(), ours) == (code, fake.names, signed(fake))
    assert TOKEN not in out + err + more + again + undone + named.with_name("journal").read_text()


def test_the_limits_of_the_file_count_and_options_win(run: Run, fake: SmallServer, named: Path) -> None:
    run("upload", "in", "--server", "clinic")
    by_file = max(len(each.entries) for each in fake.transactions)
    fake.requests.clear()
    run("upload", "in", "--server", "clinic", "--max-entries", "20", "--restart")

    assert (3, 7) == (by_file, max(len(each.entries) for each in fake.transactions))


def test_the_patience_of_the_file_counts_and_options_win(run: Run, fake: SmallServer, named: Path) -> None:
    def busy(request: Request, answer: Callable[[], Reply]) -> Reply:
        return Reply(503) if request.is_transaction else answer()

    fake.hook = busy
    named.write_text(
        f"{named.read_text()}\n[clinic.retry]\nrequest_s = 0\nfirst_pause_s = 0.01\nlongest_pause_s = 0.01"
    )
    code, _, _ = run("upload", "in", "--server", "clinic", "--concurrency", "1")
    once = len(fake.transactions)
    fake.requests.clear()
    run("upload", "in", "--server", "clinic", "--concurrency", "1", "--restart", "--retry-for", "0.2")

    assert 0 != code
    assert len(fake.transactions) > once


def test_the_sign_in_of_another_server_does_not_go_to_a_server_by_name(
    run: Run, fake: SmallServer, named: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FHIR_CASE_TOKEN", "of-another-server")
    named.write_text(f'[open]\nurl = "{fake.url}"')
    code, *_ = run("upload", "in", "--server", "open")
    assert (0, {("", "")}) == (code, signed(fake))

    run("verify", "in", "--server", "open", "--auth", "bearer")
    assert {("Bearer of-another-server", "")} == signed(fake)
    run("verify", "in", "--server", fake.url)
    assert {("Bearer of-another-server", "")} == signed(fake)


def test_options_win_over_how_the_file_signs_in(
    run: Run, fake: SmallServer, named: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CLINIC_TOKEN")
    named.write_text(named.read_text().replace('"tenant ${CLINIC_TOKEN}"', '"${TENANT}"'))
    monkeypatch.setenv("TENANT", "a")
    monkeypatch.setenv("OTHER", "b")
    code, _, err = run("verify", "in", "--server", "clinic")
    assert 2 == code
    assert "[clinic]: the environment variable CLINIC_TOKEN is not set" in err

    run("upload", "in", "--server", "clinic", "--auth", "none", "--header", "X-Tenant=OTHER")
    assert {("", "b")} == signed(fake)


@pytest.mark.parametrize("command", ["upload", "verify"])
def test_a_server_that_would_be_started_and_ended_is_refused(run: Run, named: Path, command: str) -> None:
    named.write_text('[own]\nstart = "hapi"')
    code, _, err = run(command, "in", "--server", "own")

    assert 2 == code
    assert "'own' is started on demand and stopped afterwards" in err


def test_a_journal_of_another_server_is_refused(run: Run, fake: SmallServer, named: Path) -> None:
    run("upload", "in", "--server", "clinic", "--journal", "journal")
    named.write_text('[clinic]\nurl = "http://127.0.0.1:9/fhir"')
    for command in ("verify", "undo"):
        code, _, err = run(command, "journal", "--server", "clinic")
        assert 2 == code
        assert f"The journal is about {fake.url}." in err


@pytest.mark.parametrize("command", ["upload", "verify"])
def test_a_name_that_is_not_known_is_refused(run: Run, named: Path, command: str) -> None:
    code, _, err = run(command, "in", "--server", "clinc")

    assert 2 == code
    assert "there is no server 'clinc'; did you mean 'clinic'?" in err


def test_a_url_needs_no_file_and_is_not_hindered_by_a_wrong_one(run: Run, fake: SmallServer, named: Path) -> None:
    named.write_text("[")
    code, *_ = run("upload", "in", "--server", fake.url)
    assert 0 == code

    code, _, err = run("upload", "in", "--server", "clinic")
    assert 2 == code
    assert "servers.toml" in err


def test_real_patient_data_goes_where_the_file_allows_it(
    run: Run, fake: SmallServer, named: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (
        "fhir_case.load.run.load",
        "fhir_case.load.survey.preparation",
        "fhir_case.server.guard",
    ):  # as if it were another machine
        monkeypatch.setattr(f"{module}.is_loopback", lambda _: False)
    named.write_text(f'[clinic]\nurl = "{fake.url}"')
    code, _, err = run("upload", "in", "--server", "clinic")
    assert (4, set()) == (code, fake.names)
    assert "it is not labelled as test data" in err

    named.write_text(f"{named.read_text()}\nreal_patient_data = true")
    code, _, err = run("upload", "in", "--server", "clinic")
    assert (0, 7) == (code, len(fake.names)), err


def test_what_reads_servers_toml_is_imported_only_where_there_is_one(fake: SmallServer, tmp_path: Path) -> None:
    write(tmp_path, "a.json", bundle("a"))

    def imported(*command: str) -> set[str]:
        python = [sys.executable, "-X", "importtime", "-m", "fhir_case", *command]
        done = subprocess.run(python, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
        return set(re.findall(r"^import time:.*\| +([\w.]+)$", done.stderr, re.MULTILINE))

    for command in (
        ("upload", "a.json", "--server", fake.url, "--journal", "journal"),
        ("verify", "journal"),
        ("undo", "journal"),
    ):
        found = imported(*command)
        assert "requests" in found
        assert not {"pydantic", "authlib", "jgo", "rich", "fhir_case.case", "fhir_case.java.program"} & found, command
    (tmp_path / "servers.toml").write_text(f'[clinic]\nurl = "{fake.url}"')
    assert "pydantic" in imported("upload", "a.json", "--server", "clinic", "--journal", "second")

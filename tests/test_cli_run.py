"""The command `run` against the real HAPI server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fhir_case.case.shipped import shipped_case_names
from fhir_case.fhir.wire import parse
from support import CASES, SHIPPED, SHIPPED_COUNT, golden, run_command

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.server
@pytest.mark.parametrize("name", shipped_case_names())
def test_run_loads_a_shipped_case_verifies_and_writes_its_files(tmp_path: Path, hapi_r4: str, name: str) -> None:
    namespace = f"run-{name.partition('-')[0]}"
    done = run_command("run", name, "--server", hapi_r4, "--namespace", namespace, "--out", str(tmp_path))
    report = parse((tmp_path / "case-report.json").read_bytes())
    count = len(golden(name)["entry"])

    assert (0, "") == (done.exit_code, done.stderr)
    assert [line.split()[0] for line in done.stdout.splitlines()[1:6]] == [
        "read",
        "build",
        "validate",
        "upload",
        "verify",
    ]
    assert f"{count} of {count} as sent" in done.stdout
    assert f"{hapi_r4}/Patient/{namespace}-patient/$everything" in done.stdout
    assert report["upload"]["counts"]["created"] == count
    assert report["verification"]["ok"] is True
    assert report["options"]["namespace"] == namespace
    assert {"bundle.json", "verification.json"} == report["files"].keys()


@pytest.mark.server
def test_running_twice_changes_and_creates_nothing(tmp_path: Path, hapi_r4: str) -> None:
    arguments = ("run", SHIPPED, "--server", hapi_r4, "--namespace", "twice", "--out", str(tmp_path))
    first = run_command(*arguments)
    second = run_command(*arguments)

    assert f"{SHIPPED_COUNT} created" in first.stdout
    assert f"{SHIPPED_COUNT} unchanged" in second.stdout
    assert parse((tmp_path / "verification.json").read_bytes())["ok"] is True


@pytest.mark.server
def test_a_case_of_another_kind_goes_the_whole_way(tmp_path: Path, hapi_r4: str) -> None:
    done = run_command(
        "run", str(CASES / "colon-cancer-open-codes" / "case.yaml"), "--server", hapi_r4, "--out", str(tmp_path)
    )

    assert done.exit_code == 0, done.stderr
    assert "29 of 29 as sent" in done.stdout


@pytest.mark.server
def test_another_day_of_the_anchor_updates_what_it_moves(tmp_path: Path, hapi_r4: str) -> None:
    arguments = ("run", str(CASES / "minimal" / "case.yaml"), "--server", hapi_r4, "--out", str(tmp_path))
    run_command(*arguments)
    moved = run_command(*arguments, "--index-date", "2021-03-04")

    assert moved.exit_code == 0, moved.stderr
    assert "2 updated" in moved.stdout


def test_a_server_that_is_not_there_is_exit_6_and_says_where(tmp_path: Path) -> None:
    done = run_command("run", SHIPPED, "--server", "http://127.0.0.1:9/fhir", "--out", str(tmp_path))

    assert done.exit_code == 6
    assert "http://127.0.0.1:9/fhir" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_case_that_is_wrong_stops_before_anything_is_done(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("case: [", encoding="utf-8")
    done = run_command("run", str(broken), "--out", str(tmp_path / "out"))

    assert done.exit_code == 3
    assert f"{broken}:1:" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("option", [("--keep",), ("--db", "postgres")], ids=lambda option: option[0])
def test_what_is_for_the_embedded_server_is_not_for_another(option: tuple[str, ...]) -> None:
    done = run_command("run", *option, "--server", "http://127.0.0.1:9/fhir")

    assert done.exit_code == 2
    assert f"{option[0]} is for the embedded server" in done.stderr


def test_what_was_built_is_kept_and_said_where_the_server_cannot_be_reached(tmp_path: Path) -> None:
    done = run_command("run", SHIPPED, "--server", "http://127.0.0.1:1/fhir", "--engine", "none", cwd=tmp_path)
    kept = tmp_path / "out" / SHIPPED / "bundle.json"

    assert 6 == done.exit_code
    assert f"is kept: {kept.relative_to(tmp_path)}; 'fhir-case upload' loads it later" in done.stderr
    assert SHIPPED_COUNT == len(parse(kept.read_bytes())["entry"])

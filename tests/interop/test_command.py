"""``fhir-case interop`` as a user calls it: servers that are right, wrong or absent, files, a baseline, exit codes."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from contextlib import ExitStack, suppress
from threading import Event
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from smallserver import Reply, Request, SmallServer
from support import ROOT, SHIPPED, SHIPPED_COUNT, fhir_case, run_command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

QUICK = ("--probe", "decimals", "--probe", "etag", "--probe", "json-patch", "--patience", "0.2")
NOBODY = "http://127.0.0.1:1/fhir"


@pytest.fixture
def right() -> Iterator[str]:
    with SmallServer() as server:
        yield server.url


@pytest.fixture
def wrong() -> Iterator[str]:
    with SmallServer(faults=("rounds-decimals",), without=("patch",)) as server:
        yield server.url


def test_the_matrix_says_who_does_what_and_where_the_fault_is(right: str, wrong: str) -> None:
    done = run_command("interop", SHIPPED, "--server", right, "--server", wrong, *QUICK)

    assert 0 == done.exit_code, done.stderr
    assert re.search(r"decimals +SHALL +pass +FAIL\n", done.stdout)
    assert re.search(r"json-patch +SHALL +pass +n/a\n", done.stdout)
    assert re.search(rf"added +{SHIPPED_COUNT} +{SHIPPED_COUNT - 1}\n", done.stdout)
    assert "FAIL decimals (SHALL): Observation.component[0].valueQuantity.value: 15.0 is now 15" in done.stdout
    assert "Observation/hemoglobin altered: Observation.valueQuantity.value" in done.stdout
    assert f"{right}: clearing up" in done.stderr


def test_every_report_is_written_and_can_be_read_as_what_it_is(wrong: str, tmp_path: Path) -> None:
    names = {"--html": "page.html", "--json": "all.json", "--junit": "all.xml", "--markdown": "all.md"}
    options = [part for option, name in names.items() for part in (option, str(tmp_path / name))]
    options += ["--test-report", str(tmp_path / "reports.json")]
    done = run_command("interop", "--server", wrong, *QUICK, *options, "--quiet")

    assert (0, "") == (done.exit_code, done.stderr)
    assert "decimals" in (tmp_path / "page.html").read_text("utf-8")
    assert ["fail", "pass", "not applicable"] == [
        each["verdict"] for each in json.loads((tmp_path / "all.json").read_bytes())["servers"][0]["probes"]
    ]
    assert "1" == ET.parse(tmp_path / "all.xml").getroot().get("failures")  # noqa: S314 - our own file
    assert "**FAIL**" in (tmp_path / "all.md").read_text("utf-8")
    checked = run_command("validate", str(tmp_path / "reports.json"))
    assert 0 == checked.exit_code, checked.stdout


def test_a_server_that_is_not_there_is_named_and_the_others_are_tested(right: str) -> None:
    done = run_command("interop", "--server", NOBODY, "--server", right, *QUICK, "--quiet")

    assert 6 == done.exit_code
    assert "nothing listens at 127.0.0.1:1" in done.stdout
    assert re.search(r"decimals +SHALL +not run +pass\n", done.stdout) or re.search(
        r"decimals +SHALL +\S* +pass\n", done.stdout
    )


def test_worse_than_before_is_said_and_is_exit_code_5_better_is_not(tmp_path: Path) -> None:
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    servers = tmp_path / "servers.toml"

    def run(*faults: str, **files: Path) -> tuple[int, str]:
        with SmallServer(faults=faults) as server:
            servers.write_text(f'[ours]\nurl = "{server.url}"\n')
            options = [part for name, path in files.items() for part in (f"--{name}", str(path))]
            done = run_command("interop", SHIPPED, "--server", "ours", *QUICK, "--quiet", *options, cwd=tmp_path)
        return done.exit_code, done.stdout

    assert 0 == run("no-etag", json=before)[0]
    code, out = run("rounds-decimals", baseline=before, json=after)
    assert 5 == code
    assert re.search(r"worse.*probe decimals.*pass.*fail", out), out
    assert re.search(r"worse.*Observation/hemoglobin.*added.*altered", out), out
    assert re.search(r"better.*probe etag.*fail.*pass", out), out
    code, out = run(baseline=after)
    assert 0 == code, out


@pytest.mark.parametrize(("fail_on", "code"), [("nothing", 0), ("shall", 5), ("any", 5)])
def test_what_is_failed_counts_for_the_exit_code_only_when_asked(wrong: str, fail_on: str, code: int) -> None:
    done = run_command("interop", "--server", wrong, "--probe", "decimals", "--fail-on", fail_on, "--quiet")

    assert code == done.exit_code


def test_a_should_is_not_a_shall() -> None:
    with SmallServer(faults=("no-etag",)) as server:
        options = ("interop", "--server", server.url, "--probe", "etag", "--quiet", "--fail-on")
        assert (0, 5) == tuple(run_command(*options, level).exit_code for level in ("shall", "any"))


def test_anyones_bundle_is_loaded_compared_and_removed(right: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    assert 0 == run_command("build", SHIPPED, "-o", str(file), "--namespace", "mine").exit_code
    done = run_command("interop", str(file), "--server", right, "--no-probes", "--quiet")

    assert 0 == done.exit_code, done.stderr
    assert re.search(rf"added +{SHIPPED_COUNT}\n", done.stdout)
    assert SHIPPED_COUNT == len(json.loads(file.read_bytes())["entry"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing-of-that-name"], "cannot be read"),
        (["--probe", "decimal"], "Did you mean 'decimals'?"),
        (["--no-probes"], "Nothing to do"),
        (["--html", "absent/page.html"], "the folder does not exist"),
        (["--server", "no-such-name"], "no-such-name"),
    ],
)
def test_a_wrong_call_is_said_at_once(arguments: list[str], words: str, tmp_path: Path) -> None:
    done = run_command("interop", "--server", NOBODY, *arguments, cwd=tmp_path)

    assert done.exit_code in (1, 2)
    assert words in done.stderr


@pytest.mark.parametrize("number", [1, 2])
def test_ctrl_c_ends_the_test_and_clears_up_on_each_server(number: int) -> None:
    with ExitStack() as stack:
        servers = [stack.enter_context(SmallServer()) for _ in range(number)]
        options = [part for each in servers for part in ("--server", each.url)]
        command = [sys.executable, "-m", "fhir_case", "interop", SHIPPED, *options]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert process.stderr
        assert any("all or nothing" in line for line in process.stderr)  # reads up to there
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)

        assert (130, [set()] * number) == (process.returncode, [each.names for each in servers])
    assert number == err.count("clearing up")


def test_ctrl_c_removes_what_a_request_in_flight_stores_after_it() -> None:
    with SmallServer() as server:
        command = [sys.executable, "-m", "fhir_case", "interop", "--server", server.url]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

        def late(request: Request, answer: Callable[[], Reply]) -> Reply | None:
            if request.method != "POST" or request.path != ("Patient",) or stored:
                return answer()
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):  # who does not wait for the answer ends
                process.wait(1)
            reply = answer()
            stored.append(reply.status)
            done.set()
            return reply

        stored: list[int] = []
        done = Event()
        server.hook = late
        _, err = process.communicate(timeout=60)

        assert done.wait(60)
        assert (130, [201], set()) == (process.returncode, stored, server.names), err
    assert "interrupted" in err


def test_a_file_that_is_not_a_bundle_is_refused(tmp_path: Path) -> None:
    for content in ("{", '{"resourceType": "Patient"}', "[]"):
        (tmp_path / "file.json").write_text(content)
        done = run_command("interop", "file.json", "--server", NOBODY, cwd=tmp_path)
        assert 1 == done.exit_code
        assert "give a case or a Bundle" in done.stderr


def test_the_questions_can_be_listed_with_their_places_in_the_specification() -> None:
    done = run_command("interop", "--list-probes")

    assert 0 == done.exit_code
    assert re.search(r"^transaction-atomic +SHALL +Transactions: all or nothing$", done.stdout, re.MULTILINE)
    assert "https://hl7.org/fhir/R4/http.html#trules" in done.stdout


@pytest.mark.server
def test_hapi_takes_the_case_and_does_what_it_claims(hapi_r4: str, tmp_path: Path) -> None:
    found = tmp_path / "found.json"
    done = run_command("interop", SHIPPED, "--server", hapi_r4, "--json", str(found), "--quiet")

    assert 0 == done.exit_code, done.stderr
    (server,) = json.loads(found.read_bytes())["servers"]
    assert (SHIPPED_COUNT, []) == (server["bundles"][0]["counts"]["added"], server["left"])
    # HAPI FHIR 8.8.0: 409 where the specification has 412, and unknown elements are dropped unless it is strict.
    assert {"if-match-status", "unknown-element"} == {e["name"] for e in server["probes"] if e["verdict"] == "fail"}
    # What it does, and does not claim.
    assert {"update-as-create", "batch-independent"} == {
        each["name"] for each in server["probes"] if each["verdict"] == "not applicable"
    }
    assert {"pass", "fail", "not applicable"} == {each["verdict"] for each in server["probes"]}


@pytest.mark.server
def test_an_independent_server_is_tested_by_its_name_and_ended_afterwards(tmp_path: Path) -> None:
    found, servers = tmp_path / "found.json", ROOT / "scripts" / "servers.toml"
    named = ("--server", "medplum", "--servers", str(servers))
    done = fhir_case("interop", SHIPPED, *named, "--json", str(found), "--quiet", timeout=600)

    assert 0 == done.returncode, done.stdout + done.stderr
    (server,) = json.loads(found.read_bytes())["servers"]
    assert (SHIPPED_COUNT - 1, 1) == tuple(server["bundles"][0]["counts"][state] for state in ("added", "altered"))
    assert {"decimals", "transaction-atomic"} <= {e["name"] for e in server["probes"] if e["verdict"] == "fail"}
    assert "nothing listens" in fhir_case("interop", "--server", server["base_url"], *QUICK, "--quiet").stdout

"""The commands upload and verify: what is printed where, and the exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fhir_case.fhir.systems import ACT_REASON
from fhir_case.fhir.wire import dump
from load.sample import counts_of
from support import result_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import responses

    from smallserver import SmallServer

COMMANDS = pytest.mark.parametrize("command", ["upload", "verify"])


@pytest.fixture
def file(tmp_path: Path, bundle: dict[str, Any]) -> str:
    bundle["entry"] = bundle["entry"][:1]
    bundle["entry"][0]["resource"]["meta"] = {"security": [{"system": ACT_REASON, "code": "HTEST"}]}
    path = tmp_path / "bundle.json"
    path.write_bytes(dump(bundle))
    return str(path)


def announce(http: responses.RequestsMock, base: str, *, status: str = "201 Created", code: int = 200) -> None:
    http.get(f"{base}/metadata", json={"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"})
    http.get(f"{base}/Patient", json={"resourceType": "Bundle", "type": "searchset"})
    http.post(base, json={"resourceType": "Bundle", "entry": [{"response": {"status": status}}]}, status=code)


def test_an_upload_prints_its_report_alone_on_standard_output(
    http: responses.RequestsMock, base: str, file: str, run: Callable[..., tuple[int, str, str]]
) -> None:
    announce(http, base)
    code, out, err = run("upload", file, "--server", f"{base}/")

    assert 0 == code
    assert out.startswith(f"Upload to {base}\n")
    assert {"created": 1, "updated": 0, "unchanged": 0, "failed": 0} == counts_of(out, "Resources")
    assert f"Reading the CapabilityStatement of {base} …\nReading {file}\nSending 1 resource to {base}\n" == err


def test_an_upload_can_be_read_by_a_program(
    http: responses.RequestsMock, base: str, file: str, run: Callable[..., tuple[int, str, str]]
) -> None:
    announce(http, base)
    _, out, _ = run("upload", file, "--server", base, "--format", "json")

    assert 1 == result_of(out)["resources"]["created"]


def test_a_dry_run_says_what_would_be_sent_and_sends_nothing(
    http: responses.RequestsMock, base: str, file: str, run: Callable[..., tuple[int, str, str]]
) -> None:
    http.get(f"{base}/metadata", status=404)
    code, out, _ = run("upload", file, "--server", base, "--dry-run")
    _, as_json, _ = run("upload", file, "--server", base, "--dry-run", "--format", "json")

    assert 0 == code
    expected = f"""\
Transaction 00001.json, level 1, entries: 1
  PUT  Patient/demo-patient  ({file}: the Bundle requests it)
"""
    assert expected == out
    assert "Patient/demo-patient" == result_of(as_json)["requests"][0]["entries"][0]["url"]


def test_an_entry_that_is_not_confirmed_gives_6_and_the_report(
    http: responses.RequestsMock, base: str, file: str, run: Callable[..., tuple[int, str, str]]
) -> None:
    announce(http, base, status="")
    code, out, _ = run("upload", file, "--server", base)

    assert 6 == code
    assert f"  {file}: Patient/demo-patient: the answer has no status; it is not known whether it is stored" in out


def test_a_refusal_gives_7_and_the_report_names_the_document(
    http: responses.RequestsMock, base: str, file: str, run: Callable[..., tuple[int, str, str]]
) -> None:
    announce(http, base, code=422)
    code, out, _ = run("upload", file, "--server", base)

    assert 7 == code
    assert f"  {file}: Patient/demo-patient: nothing was stored: HTTP 422" in out


@COMMANDS
def test_a_server_of_another_release_gives_7(
    http: responses.RequestsMock, base: str, file: str, run: Callable[..., tuple[int, str, str]], command: str
) -> None:
    http.get(f"{base}/metadata", json={"resourceType": "CapabilityStatement", "fhirVersion": "5.0.0"})
    code, _, err = run(command, file, "--server", base)

    assert 7 == code
    assert "the server speaks FHIR 5.0.0, and what is loaded counts as R4" in err


@COMMANDS
def test_a_server_that_is_not_there_gives_6(
    base: str, file: str, run: Callable[..., tuple[int, str, str]], pauses: list[float], command: str
) -> None:
    code, out, err = run(command, file, "--server", "http://127.0.0.1:9/fhir")

    assert (6, "") == (code, out)
    assert "nothing listens at 127.0.0.1:9; start the server, or check host and port" in err


def test_verify_gives_0_when_all_is_there_and_5_when_something_is_not(
    http: responses.RequestsMock,
    base: str,
    file: str,
    bundle: dict[str, Any],
    run: Callable[..., tuple[int, str, str]],
) -> None:
    patient = bundle["entry"][0]["resource"]
    http.get(f"{base}/metadata", status=404)
    http.get(f"{base}/Patient", json={"resourceType": "Bundle", "entry": [{"resource": patient}]})
    http.get(f"{base}/Patient", json={"resourceType": "Bundle", "entry": [{"resource": {**patient, "gender": "male"}}]})
    good = run("verify", file, "--server", base)
    bad = run("verify", file, "--server", base, "--format", "json")

    assert (0, f"Reading the CapabilityStatement of {base} …\nReading back from {base} …\n") == (good[0], good[2])
    assert 5 == bad[0]
    assert "Patient.gender" == result_of(bad[1])["comparisons"][0]["differences"][0]["path"]


@COMMANDS
@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "is empty"),
        (b"{", "is not complete JSON"),
        (b"[]", "not an object"),
        (b'{"name":"Ann"}', "not a FHIR resource"),
        (b'{"resourceType":"Bundle","type":"message"}', "it is meant for $process-message"),
    ],
)
def test_a_file_without_anything_to_load_gives_4(
    http: responses.RequestsMock, tmp_path: Path, run: Callable[..., tuple[int, str, str]], base: str, command: str,
    content: bytes, word: str,
) -> None:  # fmt: skip
    http.get(f"{base}/metadata", json={"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"})
    path = tmp_path / "x.json"
    path.write_bytes(content)
    code, _, err = run(command, str(path), "--server", base)

    assert 4 == code
    assert f"\nfhir-case: {path}: " in err
    assert word in err
    assert "Traceback" not in err


@COMMANDS
@pytest.mark.parametrize("name", ["missing.json", "*.json"])
def test_a_name_behind_which_is_nothing_gives_2(
    tmp_path: Path, run: Callable[..., tuple[int, str, str]], base: str, command: str, name: str
) -> None:
    assert 2 == run(command, str(tmp_path / name), "--server", base)[0]


@COMMANDS
def test_a_folder_without_any_document_is_an_error(
    fake: SmallServer, tmp_path: Path, run: Callable[..., tuple[int, str, str]], command: str
) -> None:
    code, out, err = run(command, str(tmp_path), "--server", fake.url)

    assert (4, "") == (code, out)
    assert "there is nothing to load" in err


@COMMANDS
def test_a_password_in_the_url_gives_2_and_is_not_repeated(
    file: str, run: Callable[..., tuple[int, str, str]], command: str
) -> None:
    code, out, err = run(command, file, "--server", "https://ann:hunter2@fhir.example/fhir")

    assert 2 == code
    assert "holds a user name or password" in err
    assert "hunter2" not in out + err


def test_a_bundle_can_come_from_standard_input(
    fake: SmallServer, bundle: dict[str, Any], run: Callable[..., tuple[int, str, str]]
) -> None:
    code, out, _ = run("upload", "-", "--server", fake.url, "--dry-run", stdin=dump(bundle))

    assert 0 == code
    assert "Transaction 00001.json, level 1, entries: 3" in out


def test_a_document_that_is_too_large_gives_4(
    monkeypatch: pytest.MonkeyPatch, fake: SmallServer, file: str, run: Callable[..., tuple[int, str, str]]
) -> None:
    monkeypatch.setattr("fhir_case.documents.reading.MAXIMUM_BYTES", 10)
    code, _, err = run("upload", file, "--server", fake.url)

    assert 4 == code
    assert "the most that is read at once" in err
    assert [] == fake.transactions


def test_the_timeout_is_kept(file: str, run: Callable[..., tuple[int, str, str]]) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/fhir"
        code, _, err = run("upload", file, "--server", url, "--timeout", "0.2")

    assert 6 == code
    assert "no answer" in err
    assert "within 0.2 s" in err

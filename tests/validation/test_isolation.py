"""A document that a validator of profiles cannot check costs only itself, and is named. No Java here."""

from __future__ import annotations

import io
import json
import tarfile
from threading import Barrier, Lock
from typing import TYPE_CHECKING, Any

import pytest

from fhir_case.errors import CheckerError
from fhir_case.validation.engine.hl7 import Hl7Engine
from support import result_of, run_command

if TYPE_CHECKING:
    from pathlib import Path

OUTCOME = b'{"resourceType": "OperationOutcome", "issue": []}'
CORE = {"hl7.fhir.r4.core": "4.0.1", "hl7.fhir.xver-extensions": "0.1.0"}
MAX_DEATHS = 3


class Engine:
    """A Java that only pretends: it fails at documents whose id says so, or ends."""

    pid = 1

    def __init__(self, log: Path) -> None:
        self.log = log
        self.runs = True
        self._lock = Lock()

    def post(self, body: bytes, _parts: int) -> bytes | None:
        if b"crash" in body:
            raise CheckerError("it could not check this: java.lang.NullPointerException", where="engine.log")
        with self._lock:
            self.runs = self.runs and b"deadly" not in body
        return OUTCOME if self.runs else None

    def stop(self) -> None:
        self.runs = False


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Engine]:
    """The engines that were started, one after the other."""
    found: list[Engine] = []
    log = tmp_path / "engine.log"
    log.write_text("java.lang.OutOfMemoryError\n")

    def start(*_: Any) -> Any:
        found.append(Engine(log))
        return found[-1]

    monkeypatch.setattr(Hl7Engine, "_started", start)
    return found


@pytest.fixture
def packages(tmp_path: Path) -> list[str]:
    """The options that name the least packages."""
    options: list[str] = []
    for name, version in CORE.items():
        file = tmp_path / f"{name}-{version}.tgz"
        with tarfile.open(file, "w:gz") as target:
            data = json.dumps({"name": name, "version": version}).encode()
            member = tarfile.TarInfo("package/package.json")
            member.size = len(data)
            target.addfile(member, io.BytesIO(data))
        options += ["--package", str(file)]
    return options


def documents(folder: Path, *ids: str) -> Path:
    files = folder / "in"
    files.mkdir()
    for number, each in enumerate(ids):
        patient = {"resourceType": "Patient", "id": each, "active": "no" if each == "bad" else True}
        (files / f"{number}-{each}.json").write_text(json.dumps(patient))
    return files


def run_json(*arguments: object) -> tuple[int, dict[str, Any]]:
    ended = run_command("validate", *arguments, "--format", "json")
    return ended.exit_code, result_of(ended.stdout)


def test_a_document_at_which_the_engine_fails_is_named_and_the_others_are_judged(
    tmp_path: Path, started: list[Engine], packages: list[str]
) -> None:
    files = documents(tmp_path, "a", "crash", "bad", "crash2", "b")

    text = run_command("validate", files, *packages)
    _, found = run_json(files, *packages)

    assert 5 == text.exit_code
    (line,) = [each for each in text.stdout.splitlines() if each.startswith("  profiles: ")]
    assert "NullPointerException" in line
    assert line.endswith("1-crash.json, " + str(files / "3-crash2.json"))
    assert "5 resources in 5 documents checked: 1 error" in text.stdout
    check = next(each for each in found["checks"] if each["name"] == "profiles")
    assert [[str(files / "1-crash.json"), str(files / "3-crash2.json")]] == [
        each["names"] for each in check["documents"]
    ]
    assert 2 == len(started)  # one for each command


def test_a_document_that_the_engine_cannot_check_is_no_finding_and_no_failure(
    tmp_path: Path, started: list[Engine], packages: list[str]
) -> None:
    assert 0 == run_json(documents(tmp_path, "a", "crash"), *packages)[0]
    assert started


def test_an_engine_that_checks_no_document_at_all_is_a_failure(
    tmp_path: Path, started: list[Engine], packages: list[str]
) -> None:
    assert 8 == run_json(documents(tmp_path, "crash", "crash2"), *packages)[0]
    assert started


def test_a_document_that_ends_java_is_named_and_those_beside_it_are_judged_by_another(
    tmp_path: Path, started: list[Engine], packages: list[str]
) -> None:
    files = documents(tmp_path, *(f"p{number}" for number in range(20)), "deadly", *"abcdefgh")

    _, found = run_json(files, *packages)

    check = next(each for each in found["checks"] if each["name"] == "profiles")
    (group,) = check["documents"]
    assert [str(files / "20-deadly.json")] == group["names"]
    assert "ends with this document; its last words: java.lang.OutOfMemoryError" in group["reason"]
    assert 3 <= len(started)


def test_java_that_ends_again_and_again_is_not_started_for_each_document(
    tmp_path: Path, started: list[Engine], packages: list[str]
) -> None:
    files = documents(tmp_path, *(f"deadly{number}" for number in range(20)))

    code, _ = run_json(files, *packages)

    assert 8 == code
    assert 2 * MAX_DEATHS == len(started)


def test_what_is_under_way_when_another_document_ends_java_is_checked_again(
    tmp_path: Path, started: list[Engine], packages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    together = Barrier(2, timeout=30)

    def post(engine: Engine, body: bytes, _parts: int) -> bytes | None:
        if engine is started[0] and b"first" not in body:
            together.wait()
            engine.runs = False
            return None
        return OUTCOME if b"deadly" not in body else None

    monkeypatch.setattr(Engine, "post", post)
    monkeypatch.setattr("fhir_case.validation.workers.profiles.usable_cores", lambda: 2)

    _, found = run_json(documents(tmp_path, "first", "deadly", "beside"), *packages)

    check = next(each for each in found["checks"] if each["name"] == "profiles")
    assert [["1-deadly.json"]] == [[name.rpartition("/")[2] for name in each["names"]] for each in check["documents"]]

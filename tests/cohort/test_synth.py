"""`fhir-case synth`: every patient valid, the same bytes whatever makes them, and nothing lost by an interruption."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from cohort.conftest import CASE
from fhir_case.cohort.defects import KINDS
from fhir_case.documents.manifest import EXTENSION
from fhir_case.fhir.wire import dump, parse
from fhir_case.validation import validate
from small_case import HEAD
from support import run_command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FIRST = "Observation.000.ndjson.gz"


def _files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def _resources(folder: Path) -> Iterator[tuple[str, int, dict[str, Any]]]:
    for file in sorted(folder.glob("*.ndjson.gz")):
        for line, text in enumerate(gzip.decompress(file.read_bytes()).splitlines(), 1):
            yield file.name, line, parse(text)


def _synth(case: Path, out: Path, *options: object) -> dict[str, Any]:
    code, _, err = run_command("synth", case, "-n", 12, "--out", out, "--shard-size", 5, "-j", 1, *options)
    assert (0, "") == (code, err)
    manifest: dict[str, Any] = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    return manifest


def test_the_layout_is_that_of_bulk_data_and_its_manifest_says_what_is_in_it(case: Path, tmp_path: Path) -> None:
    manifest = _synth(case, tmp_path / "out")
    ours = manifest["extension"][EXTENSION]
    found = list(_resources(tmp_path / "out"))

    assert {"Patient.000.ndjson.gz", "Patient.001.ndjson.gz", "Patient.002.ndjson.gz"} <= set(_files(tmp_path / "out"))
    assert ["transactionTime", "request", "requiresAccessToken", "output", "error", "extension"] == list(manifest)
    assert "2026-01-01T00:00:00Z" == manifest["transactionTime"]
    assert {"type": "Patient", "url": "Patient.002.ndjson.gz", "count": 2} in manifest["output"]
    assert 12 == ours["counts"]["Patient"]
    assert len(found) == sum(one["count"] for one in manifest["output"]) == sum(ours["counts"].values())
    assert (1, 12, "small.yaml") == (ours["seed"], ours["patients"], ours["case"])
    assert {"fhir-case"} == set(ours["versions"])
    for name, content in _files(tmp_path / "out").items():
        if name != "manifest.json":
            assert ours["sha256"][name] == hashlib.sha256(content).hexdigest()
            assert content[4:8] == bytes(4)  # no time


def test_all_patients_are_labelled_as_test_data_and_have_ids_of_their_own(case: Path, tmp_path: Path) -> None:
    _synth(case, tmp_path / "out")
    found = [resource for _, _, resource in _resources(tmp_path / "out")]

    assert {"HTEST"} == {resource["meta"]["security"][0]["code"] for resource in found}
    assert len(found) == len({f"{one['resourceType']}/{one['id']}" for one in found})
    assert {f"small-{number}-patient" for number in range(1, 13)} == {
        one["id"] for one in found if one["resourceType"] == "Patient"
    }


def test_every_patient_passes_all_checks(case: Path, tmp_path: Path) -> None:
    _synth(case, tmp_path / "out", "--layout", "transactions")
    bundles = [bundle for _, _, bundle in _resources(tmp_path / "out")]

    assert 12 == len(bundles)
    assert all(validate(bundle, closed=True).ok for bundle in bundles)
    assert 5 < len({str(bundle) for bundle in bundles})


def test_the_bytes_are_the_same_whatever_the_number_of_processes(case: Path, tmp_path: Path) -> None:
    _synth(case, tmp_path / "one", "--seed", 7)
    code, _, _ = run_command(
        "synth", case, "-n", 12, "--seed", 7, "--out", tmp_path / "two", "--shard-size", 5, "-j", 2, "-q"
    )

    assert 0 == code
    assert _files(tmp_path / "one") == _files(tmp_path / "two")


def test_another_seed_gives_other_patients(case: Path, tmp_path: Path) -> None:
    _synth(case, tmp_path / "one", "--seed", 7)
    _synth(case, tmp_path / "two", "--seed", 8)

    assert _files(tmp_path / "one")[_FIRST] != _files(tmp_path / "two")[_FIRST]


def test_a_patient_is_the_same_in_a_larger_cohort(case: Path, tmp_path: Path) -> None:
    _synth(case, tmp_path / "one", "--shard-size", 12)
    run_command("synth", case, "-n", 24, "--out", tmp_path / "two", "--shard-size", 12, "-j", 1)

    assert _files(tmp_path / "one")[_FIRST] == _files(tmp_path / "two")[_FIRST]


def test_the_same_call_again_changes_nothing_and_another_is_refused(case: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    _synth(case, out)
    before = _files(out)
    again = run_command("synth", case, "-n", 12, "--out", out, "--shard-size", 5, "-j", 1)
    other = run_command("synth", case, "-n", 12, "--seed", 2, "--out", out, "--shard-size", 5, "-j", 1)

    assert (0, "12 patients were made before\n") == (again.exit_code, again.stderr)
    assert 1 == other.exit_code
    assert "the folder has other data" in other.stderr
    assert before == _files(out)


def test_a_folder_with_something_else_is_refused(case: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.doc").write_text("work of years")
    code, _, err = run_command("synth", case, "-n", 2, "--out", out)

    assert 1 == code
    assert "the folder is not empty, and there is something else in it" in err
    assert ["thesis.doc"] == list(_files(out))


def test_a_run_that_was_killed_goes_on_with_the_shards_that_are_missing(case: Path, tmp_path: Path) -> None:
    out, whole = tmp_path / "out", tmp_path / "whole"
    arguments = ["synth", str(case), "-n", "40", "--shard-size", "2", "-j", "1", "--out"]
    process = subprocess.Popen([sys.executable, "-m", "fhir_case", *arguments, str(out)])
    while len(list(out.glob(".shard.*.json"))) < 2 and process.poll() is None:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    made = {file.name: file.stat().st_mtime_ns for file in out.glob("Patient.*")}
    again = run_command(*arguments, out)
    run_command(*arguments, whole)

    assert 2 <= len(made) < 20
    assert 0 == again.exit_code
    assert "patients were made before" in again.stderr
    assert _files(whole) == _files(out)
    kept = [name for name, time_ns in made.items() if (out / name).stat().st_mtime_ns == time_ns]
    assert len(kept) >= 2


def test_planted_defects_are_listed_with_file_and_line_and_found(case: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    manifest = _synth(case, out, "--defects", "0.9", "--layout", "transactions")
    lines = {(name, line): bundle for name, line, bundle in _resources(out)}
    with (out / "defects.csv").open(encoding="utf-8") as file:
        listed = list(csv.DictReader(file))

    assert 6 < len(listed) <= 12
    assert manifest["extension"][EXTENSION]["defects"] == len(listed)
    for one in listed:
        found = validate(lines.pop((one["file"], int(one["line"]))), closed=True, skip=("structure",))
        assert one["resource"] in {issue.resource for issue in found.issues if issue.severity == "error"}
        assert one["found_by"] in {issue.check for issue in found.issues if issue.severity == "error"}
    assert all(validate(bundle, closed=True).ok for bundle in lines.values())


def test_every_kind_of_defect_is_found_by_the_check_that_is_named(case: Path, tmp_path: Path) -> None:
    _synth(case, tmp_path / "out", "--layout", "transactions")
    (_, _, bundle), *_ = _resources(tmp_path / "out")
    for name, kind in KINDS.items():
        changed = parse(dump(bundle))
        resource = next(
            one["resource"]
            for one in changed["entry"]
            if one["resource"]["resourceType"] == "Observation" and kind.having in (*one["resource"], "")
        )
        kind.change(resource)
        wrong = {issue.check for issue in validate(changed, closed=True).issues if issue.severity == "error"}
        assert kind.found_by in wrong, (name, wrong)


def test_a_patient_who_would_not_be_valid_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    file = tmp_path / "case.yaml"
    text = CASE.replace("vary: {value: 2-5 g/dL}", "vary: {value: 5-2 g/dL}")
    file.write_text(text, encoding="utf-8")
    code, _, err = run_command("synth", file, "-n", 2, "--out", tmp_path / "out")

    assert 3 == code
    assert "the range begins above its end" in err
    assert not (tmp_path / "out").exists()


def test_a_case_without_a_declaration_makes_patients_that_are_alike_and_says_so(tmp_path: Path) -> None:
    file = tmp_path / "case.yaml"
    file.write_text(HEAD, encoding="utf-8")
    code, out, err = run_command("synth", file, "-n", 3, "--out", tmp_path / "out", "-j", 1)

    assert 0 == code
    assert "nothing is declared to vary: all patients are alike" in err
    assert "3 patients" in out


@pytest.mark.parametrize("rate", ["2", "-0.1", "many", "101%", "nan", "sNaN", "inf", "nan%", "-inf%"])
def test_a_rate_of_defects_is_a_probability(rate: str, case: Path, tmp_path: Path) -> None:
    code, _, err = run_command("synth", case, "-n", 3, "--out", tmp_path / "out", f"--defects={rate}")

    assert 2 == code
    assert "a number from 0 to 1 is expected" in err


def test_the_shipped_case_makes_a_cohort_of_valid_patients(tmp_path: Path) -> None:
    code, out, err = run_command(
        "synth", "hcc-tare-sorafenib", "-n", 3, "--out", tmp_path / "out", "-j", 1, "--layout", "transactions"
    )

    assert (0, "") == (code, err)
    assert "3 patients" in out
    bundles = [bundle for _, _, bundle in _resources(tmp_path / "out")]
    assert [[]] * 3 == [
        [issue for issue in validate(bundle, closed=True, skip=("structure",)).issues if issue.severity == "error"]
        for bundle in bundles
    ]

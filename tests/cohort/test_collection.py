"""`fhir-case build --layout`: many cases in the layout of a cohort, which is checked and loaded as one."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from cohort.conftest import CASE
from fhir_case.documents.manifest import EXTENSION
from fhir_case.fhir.wire import parse
from support import CASES, result_of, run_command

if TYPE_CHECKING:
    from pathlib import Path

    from smallserver import SmallServer


def _case(folder: Path, name: str, text: str = CASE) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / f"{name}.yaml"
    file.write_text(text.replace("case: small", f"case: {name}"), encoding="utf-8")
    return file


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    """A folder with three cases."""
    folder = tmp_path / "cases"
    for name in ("a", "b", "c"):
        _case(folder, name)
    return folder


def _manifest(folder: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return manifest


def _files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


@pytest.mark.parametrize("given", [["cases"], ["cases/*.yaml"], ["cases/a.yaml", "cases/b.yaml", "cases/c.yaml"]])
def test_many_cases_become_the_layout_of_a_cohort(cases: Path, tmp_path: Path, given: list[str]) -> None:
    code, out, err = run_command("build", *given, "--out", "out", "--layout", "bulk", "--shard-size", 2, cwd=tmp_path)
    manifest = _manifest(tmp_path / "out")
    ours = manifest["extension"][EXTENSION]

    assert (0, "") == (code, err)
    assert out.startswith("out: 3 patients, ")
    assert ["transactionTime", "request", "requiresAccessToken", "output", "error", "extension"] == list(manifest)
    assert "2026-01-01T00:00:00Z" == manifest["transactionTime"]
    assert [2, 1] == [one["count"] for one in manifest["output"] if one["type"] == "Patient"]
    assert (3, 3) == (ours["cases"], ours["counts"]["Patient"])
    assert {"a.yaml": hashlib.sha256((cases / "a.yaml").read_bytes()).hexdigest()}.items() <= {
        one["name"]: one["sha256"] for one in ours["inputs"]
    }.items()
    for name, checksum in ours["sha256"].items():
        assert checksum == hashlib.sha256((tmp_path / "out" / name).read_bytes()).hexdigest()


def test_the_resources_are_those_of_the_bundle_of_each_case(cases: Path, tmp_path: Path) -> None:
    run_command("build", cases, "--out", tmp_path / "out", "--layout", "transactions")
    lines = gzip.decompress((tmp_path / "out" / "Bundle.000.ndjson.gz").read_bytes()).splitlines()
    alone = [run_command("build", cases / f"{name}.yaml").stdout for name in ("a", "b", "c")]

    assert [parse(text.encode()) for text in alone] == [parse(line) for line in lines]


def test_the_same_cases_are_the_same_bytes(cases: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        run_command("build", cases, "--out", tmp_path / name, "--layout", "bulk")

    assert _files(tmp_path / "one") == _files(tmp_path / "two")


def test_what_was_built_is_loaded_checked_and_read_back(cases: Path, tmp_path: Path, server: SmallServer) -> None:
    out = tmp_path / "out"
    code, told, _ = run_command("build", cases, "--out", out, "--layout", "bulk", "--format", "json")
    counts = result_of(told)["counts"]

    assert (0, 3, 0) == (code, result_of(told)["patients"], result_of(told)["wrong"])
    assert 0 == run_command("validate", out, "--jobs", 1).exit_code
    assert 0 == run_command("upload", out, "--server", server.url).exit_code
    assert counts == dict(Counter(name.partition("/")[0] for name in server.names))
    assert 0 == run_command("verify", out, "--server", server.url, "--sample", 3).exit_code


def test_the_namespace_stands_before_the_id_of_each_case(cases: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_command("build", cases, "--out", out, "--layout", "bulk", "--namespace", "x")
    lines = gzip.decompress((out / "Patient.000.ndjson.gz").read_bytes()).splitlines()

    assert ["x-a-patient", "x-b-patient", "x-c-patient"] == [parse(line)["id"] for line in lines]


def test_phenopackets_and_shipped_cases_are_cases_too(tmp_path: Path) -> None:
    packet = CASES.parent / "readers" / "phenopackets" / "everything.yaml"
    out = tmp_path / "out"
    code, _, err = run_command("build", packet, "hcc-tare-sorafenib", "--out", out, "--layout", "bulk")

    assert 0 == code, err
    assert 2 == _manifest(out)["extension"][EXTENSION]["counts"]["Patient"]
    assert {packet.name, "hcc-tare-sorafenib.yaml"} == {
        one["name"] for one in _manifest(out)["extension"][EXTENSION]["inputs"]
    }


RECIPE = """\
recipe: register
title: Patient {id} of a register
report: {citation: A made-up register, transcribed: 2026-11-29}
timeline:
  anchor: diagnosis
  index_date: {column: diagnosed, date: "%d.%m.%Y"}
files:
  patients: {path: patients.csv, patient: id, rows: patient}
entries:
  - section: patient
    file: patients
    fields: {sex: {column: sex, map: {f: female, m: male}}}
  - section: conditions
    file: patients
    key: diagnosis
    fields:
      {kind: primary-cancer, diagnosis: hepatocellular-carcinoma, verification: confirmed, status: unknown, at: anchor}
"""


def test_each_patient_of_a_recipe_is_a_case(cases: Path, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    rows = "".join(f"P{number},f,17.05.2020\n" for number in range(5))
    (tmp_path / "patients.csv").write_text(f"id,sex,diagnosed\n{rows}", encoding="utf-8")
    out = tmp_path / "out"
    code, _, err = run_command(
        "build", tmp_path / "recipe.yaml", cases / "a.yaml", "--out", out, "--layout", "bulk", "--shard-size", 4
    )
    ours = _manifest(out)["extension"][EXTENSION]

    assert 0 == code, err
    assert (6, 6) == (ours["cases"], ours["counts"]["Patient"])
    assert [4, 2] == [one["count"] for one in _manifest(out)["output"] if one["type"] == "Patient"]
    assert {"recipe.yaml", "patients.csv", "a.yaml"} == {one["name"] for one in ours["inputs"]}


def test_a_case_that_is_wrong_is_told_and_left_out_and_the_manifest_says_so(cases: Path, tmp_path: Path) -> None:
    _case(cases, "d", CASE.replace("sex: female", "sex: many"))
    code, out, err = run_command("build", cases, "--out", tmp_path / "out", "--layout", "bulk")
    ours = _manifest(tmp_path / "out")["extension"][EXTENSION]

    assert 3 == code
    assert f"{cases / 'd.yaml'}:5:16: patient.sex" in err
    assert "1 case is wrong, and not in it" in err
    assert (3, 1) == (ours["cases"], ours["leftOut"])
    assert "3 patients" in out


def test_two_cases_of_one_id_are_told_apart_from_others(cases: Path, tmp_path: Path) -> None:
    (cases / "d.yaml").write_text((cases / "a.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    code, _, err = run_command("build", cases, "--out", tmp_path / "out", "--layout", "bulk")

    assert 3 == code
    assert f"{cases / 'd.yaml'}: the id of the case, 'a', is that of a case in {cases / 'a.yaml'} too" in err
    assert 3 == _manifest(tmp_path / "out")["extension"][EXTENSION]["cases"]


def test_a_file_in_a_folder_that_is_no_case_is_named(cases: Path, tmp_path: Path) -> None:
    (cases / "letter.txt").write_text("Dear colleague", encoding="utf-8")
    (cases / "a.vary.yaml").write_text("albumin: {value: 2-5 g/dL}", encoding="utf-8")
    code, _, err = run_command("build", cases, "--out", tmp_path / "out", "--layout", "bulk")

    assert (0, f"Passed over (no case): {cases / 'letter.txt'}\n") == (code, err)


@pytest.mark.parametrize(("content", "words"), [(None, "there is no case"), ("case: [", "none of the cases is right")])
def test_where_there_is_no_case_nothing_is_left_behind(tmp_path: Path, content: str | None, words: str) -> None:
    (tmp_path / "cases").mkdir()
    if content:
        (tmp_path / "cases" / "a.yaml").write_text(content, encoding="utf-8")
    code, _, err = run_command("build", tmp_path / "cases", "--out", tmp_path / "out", "--layout", "bulk")

    assert 3 == code
    assert words in err
    assert [] == list((tmp_path / "out").iterdir())


def test_a_folder_with_something_in_it_is_refused(cases: Path, tmp_path: Path) -> None:
    run_command("build", cases, "--out", tmp_path / "out", "--layout", "bulk")
    code, _, err = run_command("build", cases, "--out", tmp_path / "out", "--layout", "bulk")

    assert 1 == code
    assert "the folder is not empty, and there is something else in it" in err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--layout", "bulk"], "--layout needs the folder to write"),
        (["--layout", "bulk", "--out", "x", "--type", "document"], "not of the type document"),
        (["--shard-size", "2"], "--shard-size: name --layout bulk"),
        ([], "Several cases: name --layout bulk"),
    ],
)
def test_a_call_that_is_not_complete_says_what_is_missing(cases: Path, options: list[str], words: str) -> None:
    files = [cases / "a.yaml"] if "--shard-size" in options else [cases / "a.yaml", cases / "b.yaml"]
    code, _, err = run_command("build", *files, *options)

    assert 2 == code
    assert words in " ".join(err.split())

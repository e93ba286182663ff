"""What the command upload takes: every form of input, and what is refused before anything is sent."""

from __future__ import annotations

import bz2
import gzip
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from fhir_case import build_bundle, load_case
from load.sample import bundle, by_type, counts_of, observation, patient, write
from support import CASES, result_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smallserver import SmallServer

    Run = Callable[..., tuple[int, str, str]]

BOTH = {"Observation": 2, "Organization": 1, "Patient": 2}


def packed(path: Path, pack: Callable[[bytes], bytes], suffix: str) -> Path:
    target = path.with_name(path.name + suffix)
    target.write_bytes(pack(path.read_bytes()))
    path.unlink()
    return target


def a_directory(folder: Path) -> Path:
    write(folder, "in/a.json", bundle("a"))
    write(folder, "in/deeper/b.json", bundle("b"))
    write(folder, "in/notes.txt", "not FHIR, and not read")
    return folder / "in"


def a_pattern(folder: Path) -> Path:
    return a_directory(folder) / "**" / "*.json"


def ndjson(folder: Path) -> Path:
    return write(folder, "both.ndjson", [bundle("a"), bundle("b")])


def ndjson_gz(folder: Path) -> Path:
    return packed(ndjson(folder), gzip.compress, ".gz")


def ndjson_bz2(folder: Path) -> Path:
    return packed(ndjson(folder), bz2.compress, ".bz2")


def a_zip(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "both.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.json", json.dumps(bundle("a")))
        archive.writestr("deeper/b.ndjson", json.dumps(bundle("b")) + "\n")
    return folder / "both.zip"


@pytest.mark.parametrize("given", [a_directory, a_pattern, ndjson, ndjson_gz, ndjson_bz2, a_zip])
def test_every_form_of_input_is_loaded_each_resource_once(
    fake: SmallServer, run: Run, tmp_path: Path, given: Callable[[Path], Path]
) -> None:
    code, out, err = run("upload", given(tmp_path), "--server", fake.url, "--format", "json")

    assert (0, BOTH) == (code, by_type(fake.names)), err
    assert 5 == result_of(out)["resources"]["created"]


def test_what_comes_on_standard_input_is_loaded(fake: SmallServer, run: Run) -> None:
    text = "\n".join(json.dumps(bundle(key)) for key in "ab")

    assert 0 == run("upload", "-", "--server", fake.url, stdin=text)[0]
    assert BOTH == by_type(fake.names)


def test_a_single_resource_is_stored_under_its_id(fake: SmallServer, run: Run, tmp_path: Path) -> None:
    assert 0 == run("upload", write(tmp_path, "p.json", patient("one")), "--server", fake.url)[0]
    assert {"Patient/p-one"} == fake.names


def test_a_case_file_is_built_and_loaded(fake: SmallServer, run: Run) -> None:
    file = CASES / "minimal" / "case.yaml"
    expected = {
        f"{each['resource']['resourceType']}/{each['resource']['id']}"
        for each in build_bundle(load_case(file))["entry"]
    }

    assert 0 == run("upload", file, "--server", fake.url)[0]
    assert expected == fake.names


def test_a_case_file_is_built_and_loaded_in_the_release_that_is_asked_for(fake: SmallServer, run: Run) -> None:
    fake.behaviour.fhir_version = "5.0.0"
    file = CASES / "minimal" / "case.yaml"
    expected = build_bundle(load_case(file), fhir="R5")

    assert 0 == run("upload", file, "--server", fake.url, "--fhir", "R5")[0]
    assert {f"{each['resource']['resourceType']}/{each['resource']['id']}" for each in expected["entry"]} == fake.names
    device = next(each for name, each in fake.resources.items() if name.startswith("Device/"))
    assert ("name", False) == ("name" if "name" in device else "", "deviceName" in device)


def broken_bundle() -> dict[str, Any]:
    found = bundle("b")
    del found["entry"][1]["resource"]["resourceType"]
    return found


@pytest.mark.parametrize(
    ("lines", "place", "word"),
    [
        ([bundle("a"), "just text"], ":2: ", "not an object"),
        ([bundle("a"), {"name": "Ann"}], ":2: ", "not a FHIR resource"),
        ([bundle("a"), broken_bundle()], ":2: Bundle.entry[1]: ", "no resource with a resourceType"),
        ([bundle("a"), patient("b", id="not/an id")], ":2: ", "is not a FHIR id"),
    ],
)
def test_what_is_not_fhir_is_named_by_file_and_entry_before_anything_is_sent(
    fake: SmallServer, run: Run, tmp_path: Path, lines: list[Any], place: str, word: str
) -> None:
    file = write(tmp_path, "x.ndjson", lines)
    code, out, err = run("upload", file, "--server", fake.url)

    assert (4, "") == (code, out)
    assert f"fhir-case: {file}{place}" in err
    assert word in err
    assert "--keep-going loads the rest" in err
    assert [] == fake.transactions


def test_with_keep_going_the_rest_is_loaded_and_what_was_left_is_listed(
    fake: SmallServer, run: Run, tmp_path: Path
) -> None:
    file = write(tmp_path, "x.ndjson", [bundle("a"), broken_bundle(), {"name": "Ann"}, bundle("b")])
    code, out, err = run("upload", file, "--server", fake.url, "--keep-going")

    assert 4 == code
    assert BOTH == by_type(fake.names)
    left_out = [line for line in err.splitlines() if line.startswith("Skipped")]
    assert [True, True] == [
        line.startswith(f"Skipped: {file}:{number}: ") for number, line in enumerate(left_out, start=2)
    ]
    assert {"created": 5, "updated": 0, "unchanged": 1, "failed": 0} == counts_of(out, "Resources")


def test_an_unresolved_reference_is_refused_before_anything_is_sent(
    fake: SmallServer, run: Run, tmp_path: Path
) -> None:
    file = write(tmp_path, "o.json", observation("x", "Patient/nobody"))
    code, _, err = run("upload", file, "--server", fake.url)

    assert 4 == code
    assert "references to what is neither in the files nor on the server: Patient/nobody" in err
    assert "--allow-dangling" in err
    assert [] == fake.transactions


def test_an_unresolved_reference_is_sent_when_that_is_allowed(fake: SmallServer, run: Run, tmp_path: Path) -> None:
    file = write(tmp_path, "o.json", observation("x", "Patient/nobody"))
    code, out, err = run("upload", file, "--server", fake.url, "--allow-dangling")

    assert 7 == code  # the server is asked, and it refuses
    assert "Patient/nobody not found" in out
    assert "Warning: references to what is neither in the files nor on the server: Patient/nobody" in err
    assert 1 == len(fake.transactions)


def test_a_reference_to_what_the_server_has_is_fine(fake: SmallServer, run: Run, tmp_path: Path) -> None:
    fake.put(patient("there"))
    file = write(tmp_path, "o.json", observation("x", "Patient/p-there"))

    assert 0 == run("upload", file, "--server", fake.url)[0]
    assert {"Patient/p-there", "Observation/o-x"} == fake.names


def test_a_dry_run_lists_what_would_be_left_out(fake: SmallServer, run: Run, tmp_path: Path) -> None:
    file = write(tmp_path, "x.ndjson", [bundle("a"), *({"name": "Ann"} for _ in range(120))])
    code, out, err = run("upload", file, "--server", fake.url, "--keep-going", "--dry-run")

    assert 4 == code
    assert "Transaction 00001.json, level 1, entries: 3" in out
    assert f"Skipped: {file}:2: this is not a FHIR resource" in err
    assert err.endswith("Skipped: 20 more\n")

"""One bad file never ends a load that shall keep going, and is named by the others."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fhir_case.load.journal.reader import read_header

if TYPE_CHECKING:
    from collections.abc import Callable

    from smallserver import SmallServer

    Run = Callable[..., tuple[int, str, str]]


def archive(name: str, content: bytes, damage: Callable[[bytes], bytes] = lambda data: data) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, content)
    return damage(stream.getvalue())


def patient(**elements: object) -> bytes:
    return json.dumps({"resourceType": "Patient", "id": "bad", **elements}).encode()


def bundled(**entry: object) -> bytes:
    made = {"resource": {"resourceType": "Patient"}, **entry}
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [made]}).encode()


HALF = "\ud83d"
NOISE = bytes(os.urandom(4000))
BAD = {
    "half a surrogate in an identifier.json": patient(identifier=[{"system": "u", "value": HALF}]),
    "half a surrogate in a system.json": patient(identifier=[{"system": HALF, "value": "1"}]),
    "half a surrogate in an id.json": patient(id=HALF),
    "half a surrogate in a name.json": patient(name=[{"family": HALF}]),
    "half a surrogate as a key.json": patient(**{HALF: 1}),
    "half a surrogate in a reference.json": patient(generalPractitioner=[{"reference": f"Practitioner/{HALF}"}]),
    "half a surrogate as a type.json": patient(resourceType=HALF),
    "half a surrogate in fullUrl.json": bundled(fullUrl=f"urn:uuid:{HALF}"),
    "half a surrogate as the type of a Bundle.json": json.dumps({"resourceType": "Bundle", "type": HALF}).encode(),
    "half a surrogate in capitals.json": patient(language="x").replace(b'"x"', b'"\\uDC00"'),
    "fullUrl is no text.json": bundled(fullUrl={"no": "text"}),
    "a number of many digits.json": patient().replace(b'"bad"', b'"bad", "multipleBirthInteger": ' + b"7" * 5000),
    "a number that is too large.json": patient().replace(b'"bad"', b'"bad", "multipleBirthInteger": 1e9999999'),
    "a number that is larger still.json": patient().replace(b'"bad"', b'"bad", "x": -1e-99999999999999999999'),
    "an integer beyond 64 bits.json": patient(multipleBirthInteger=10**30),
    "not a number.json": patient().replace(b'"bad"', b'"bad", "multipleBirthInteger": NaN'),
    "nested too deep.json": patient().replace(b'"bad"', b'"bad", "x": ' + b"[" * 100_000 + b"]" * 100_000),
    "nested deep.json": patient().replace(b'"bad"', b'"bad", "x": ' + b"[" * 400 + b"]" * 400),
    "objects nested deep.json": patient().replace(b'"bad"', b'"bad", "x": ' + b'{"a":' * 500 + b"1" + b"}" * 500),
    "UTF-16.json": patient().decode().encode("utf-16"),
    "UTF-32.json": patient().decode().encode("utf-32-le"),
    "Latin-1.json": '{"resourceType": "Patient", "name": [{"family": "Müller"}]}'.encode("latin-1"),
    "a zero.json": b"\x00" + patient(),
    "zeros.json": b"\x00" * 100,
    "a zero in a text.json": patient(language="x").replace(b'"x"', b'"\x00"'),
    "empty.json": b"",
    "blanks.json": b" \n" * 10,
    "no object.json": b"[1, 2]",
    "cut.json": patient()[:-3],
    "noise.json": NOISE,
    "cut.json.gz": gzip.compress(patient())[:-6],
    "noise behind the begin.json.gz": gzip.compress(b"")[:10] + NOISE,
    "a wrong sum.json.gz": gzip.compress(patient())[:-8] + b"12345678",
    "cut.json.bz2": bz2.compress(patient())[:-6],
    "noise.zip": b"PK\x03\x04" + NOISE,
    "cut.zip": archive("a.json", patient())[:-30],
    "a broken member.zip": archive("a.json", NOISE + patient(), lambda data: data[:60] + b"\x00" * 40 + data[100:]),
    "a cut member.zip": archive("a.json.gz", gzip.compress(patient())[:-6]),
    "half a surrogate in a member.zip": archive("a.ndjson", patient(id="fine") + b"\n" + patient(language=HALF)),
}
REASONED = ["a number that is too large.json", "Latin-1.json", "cut.zip"]


@pytest.mark.parametrize("name", BAD)
def test_one_bad_file_is_named_and_the_rest_is_loaded(fake: SmallServer, run: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / "fine.json").write_bytes(patient(id="good"))
    (tmp_path / name).write_bytes(BAD[name])
    refused = run("upload", tmp_path, "--server", fake.url)

    assert 4 == refused[0]
    assert str(tmp_path / name) in refused[2]
    assert "Traceback" not in refused[2]
    assert [] == fake.transactions

    code, _, err = run("upload", tmp_path, "--server", fake.url, "--keep-going")
    assert 4 == code
    assert f"Skipped: {tmp_path / name}" in err
    assert "Patient/good" in fake.resources
    assert "Patient/bad" not in fake.resources


@pytest.mark.parametrize("options", [("--as-is",), ("--ids", "server"), ("--dry-run",)])
def test_all_bad_files_together_are_named_in_every_way_of_loading(
    fake: SmallServer, run: Run, tmp_path: Path, options: tuple[str, ...]
) -> None:
    for name, content in BAD.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "fine.json").write_bytes(patient(id="good"))
    code, _, err = run("upload", tmp_path, "--server", fake.url, "--keep-going", *options)

    assert 4 == code
    for name in BAD:
        assert f"Skipped: {tmp_path / name}" in err


@pytest.mark.parametrize("name", [b"\xff.json", b"K\xf6ln/a.json", "Köln/日本.json".encode(), b"\xff/\xfe.ndjson"])
def test_a_name_that_is_not_utf_8_is_loaded_resumed_verified_and_undone(
    fake: SmallServer, run: Run, tmp_path: Path, journal: Path, name: bytes
) -> None:
    file = Path(os.fsdecode(os.path.join(os.fsencode(tmp_path / "in"), name)))  # noqa: PTH118 - of bytes
    file.parent.mkdir(parents=True)
    file.write_bytes(patient(id="odd"))
    (tmp_path / "in" / "fine.json").write_bytes(patient(id="good"))
    command = ("upload", tmp_path / "in", "--server", fake.url, "--journal", journal)

    assert 0 == run(*command)[0]
    assert {"Patient/good", "Patient/odd"} == set(fake.resources)
    assert str(file) in [path for path, *_ in read_header(journal).inputs]
    assert 0 == run(*command)[0]
    assert 0 == run("verify", journal)[0]
    assert 0 == run("validate", tmp_path / "in", "--skip", "strict")[0]
    assert 0 == run("undo", journal)[0]
    assert {} == fake.resources


def test_what_is_wrong_in_a_file_with_such_a_name_is_told(fake: SmallServer, run: Run, tmp_path: Path) -> None:
    file = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.json"))
    file.write_bytes(b"{")
    code, _, err = run("upload", tmp_path, "--server", fake.url)

    assert 4 == code
    assert r"/\xff.json: this is not complete JSON" in err


def test_a_load_from_a_folder_whose_name_is_not_utf_8_can_be_verified(
    fake: SmallServer, run: Run, tmp_path: Path, journal: Path
) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    folder.mkdir()
    (folder / "a.json").write_bytes(patient(id="good"))

    assert 0 == run("upload", "a.json", "--server", fake.url, "--journal", journal, cwd=folder)[0]
    assert 0 == run("verify", journal)[0]

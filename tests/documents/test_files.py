"""Files, packed or not, archives and directories give their documents; what is broken says so."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import os
import struct
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fhir_case.documents import Document, digest, find_documents, reading
from fhir_case.errors import FhirCaseError

if TYPE_CHECKING:
    from collections.abc import Callable

_PATIENT = b'{"resourceType":"Patient","id":"a"}'
_LINES = _PATIENT + b"\n" + _PATIENT + b"\n"
_HALF = len(_PATIENT) // 2


def _messages(document: Document) -> str:
    return " ".join(issue.message for issue in document.issues)


def _archive(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def _names(path: Path, root: Path) -> list[str]:
    return [Path(one.name).relative_to(root).as_posix() for one in find_documents(path)]


@pytest.mark.parametrize("bomb", [b" ", b"a", b"[", _PATIENT + b"\n" + b"a" * 100])
@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_a_packed_bomb_is_read_to_the_limit_only(
    bomb: bytes, pack: Callable[[bytes], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAXIMUM_BYTES", 1 << 20)
    path = tmp_path / "bomb.json.packed"
    path.write_bytes(pack(bomb + bomb[-1:] * (5 << 20)))

    found = list(find_documents(path))

    assert "longer than 1 MiB" in _messages(found[-1])


@pytest.mark.parametrize("name", ["x.json", "x.ndjson", "x.json.gz"])
def test_a_bomb_in_an_archive_is_read_to_the_limit_only(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAXIMUM_BYTES", 1 << 20)
    bomb = b"[" * (5 << 20)
    path = _archive(tmp_path / "a.zip", {name: gzip.compress(bomb) if name.endswith(".gz") else bomb})

    (found,) = find_documents(path)

    assert "longer than 1 MiB" in found.unread


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_a_broken_packed_file_is_a_finding(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "x.json.gz"
    path.write_bytes(pack(_PATIENT * 1000)[:40])

    (found,) = find_documents(path)

    assert "could not be read" in found.unread


@pytest.mark.parametrize("name", ["x.ndjson.gz", "x.ndjson.bz2", "x.ndjson", "x.json"])
@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_a_packed_file_is_known_by_its_begin_and_may_have_several_parts(
    name: str, pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    parts = (_PATIENT[:_HALF], _PATIENT[_HALF:] + b"\n" + _PATIENT, b"\n")
    (tmp_path / name).write_bytes(b"".join(pack(part) for part in parts))

    assert [f"{name}:1", f"{name}:2"] == _names(tmp_path / name, tmp_path)


def test_a_directory_gives_its_json_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(_PATIENT)
    (tmp_path / "b.ndjson.gz").write_bytes(gzip.compress(_LINES))
    (tmp_path / "notes.txt").write_text("no")
    (tmp_path / ".hidden.json").write_text("no")
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "c.json.bz2").write_bytes(bz2.compress(_PATIENT))
    _archive(tmp_path / "deeper" / "d.zip", {"e.json": _PATIENT})
    _archive(tmp_path / "pictures.zip", {"x.png": b"no"})

    assert ["a.json", "b.ndjson.gz:1", "b.ndjson.gz:2", "deeper/c.json.bz2", "deeper/d.zip/e.json"] == _names(
        tmp_path, tmp_path
    )


def test_an_archive_gives_its_json_in_the_order_of_names_and_nothing_else(tmp_path: Path) -> None:
    members = {
        "z.json": _PATIENT,
        "in/b.ndjson": _LINES,
        "in/c.ndjson.gz": gzip.compress(_LINES),
        "in/d.json.bz2": bz2.compress(_PATIENT),
        "in/": b"",
        "in/notes.txt": b"no",
        "in/.hidden.json": b"no",
        ".git/x.json": b"no",
        "__MACOSX/in/z.json": b"no",
        "in/inner.zip": b"no",
        "a.jsonl": _PATIENT,
    }
    path = _archive(tmp_path / "x.zip", members)

    expected = ["a.jsonl:1", "in/b.ndjson:1", "in/b.ndjson:2", "in/c.ndjson.gz:1", "in/c.ndjson.gz:2"]
    assert [f"x.zip/{name}" for name in (*expected, "in/d.json.bz2", "z.json")] == _names(path, tmp_path)
    assert all(one.content == {"resourceType": "Patient", "id": "a"} for one in find_documents(path))


def test_an_archive_is_known_by_its_begin(tmp_path: Path) -> None:
    assert ["x.json/a.json"] == _names(_archive(tmp_path / "x.json", {"a.json": _PATIENT}), tmp_path)


def test_an_archive_without_json_says_so(tmp_path: Path) -> None:
    (found,) = find_documents(_archive(tmp_path / "x.zip", {"a.txt": b"no"}))

    assert "no .json or .ndjson file" in found.unread


def test_no_archive_behind_the_name_of_one_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(_PATIENT)

    (found,) = find_documents(tmp_path / "x.zip")

    assert "not a zip file" in found.unread


def _damaged(whole: bytes) -> bytes:
    """Change the content of the stored member a.json."""
    return whole.replace(_PATIENT, _PATIENT.replace(b"Patient", b"Patiens"), 1)


def _encrypted(whole: bytes) -> bytes:
    """Set the flag of encryption of the first member where the directory of the archive has it."""
    at = whole.index(b"PK\x01\x02") + 8
    return whole[:at] + b"\x01" + whole[at + 1 :]


def _unknown_method(whole: bytes) -> bytes:
    at = whole.index(b"PK\x01\x02") + 10
    return whole[:at] + struct.pack("<H", 97) + whole[at + 2 :]


def _no_header(whole: bytes) -> bytes:
    return b"PKxx" + whole[4:]


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (_damaged, "Bad CRC-32"),
        (_encrypted, "compress it without a password"),
        (_unknown_method, "method 97"),
        (_no_header, "Bad magic number"),
    ],
)
def test_a_member_that_cannot_be_read_is_a_finding_and_the_next_is_read(
    change: Callable[[bytes], bytes], part: str, tmp_path: Path
) -> None:
    path = _archive(tmp_path / "x.zip", {"a.json": _PATIENT, "b.json": _PATIENT}, zipfile.ZIP_STORED)
    path.write_bytes(change(path.read_bytes()))

    bad, good = find_documents(path)

    assert (f"{path}/a.json", f"{path}/b.json") == (bad.name, good.name)
    assert part in bad.unread
    assert good.content is not None


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_method_that_unpacks_without_bound_is_refused(method: int, tmp_path: Path) -> None:
    (found,) = find_documents(_archive(tmp_path / "x.zip", {"a.json": _PATIENT}, method))

    assert f"method {method} of zip" in found.unread


def test_an_archive_cut_short_is_a_finding(tmp_path: Path) -> None:
    path = _archive(tmp_path / "x.zip", {"a.json": _PATIENT})
    path.write_bytes(path.read_bytes()[:-30])

    (found,) = find_documents(path)

    assert "could not be read" in found.unread


def test_bytes_are_kept_and_checked_text_is_read_faster_in_every_kind_of_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(_PATIENT))
    (tmp_path / "b.ndjson.bz2").write_bytes(bz2.compress(_LINES))
    _archive(tmp_path / "c.zip", {"a.json": _PATIENT})
    monkeypatch.setattr(reading, "_parse", None)  # the slower way is not gone

    found = list(find_documents(tmp_path, keep_raw=True, checked=True))

    assert [_PATIENT, _PATIENT + b"\n", _PATIENT + b"\n", _PATIENT] == [one.raw for one in found]


def test_every_file_behind_the_paths_has_its_size_and_sum(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    packed = gzip.compress(_LINES)
    (data / "a.json").write_bytes(_PATIENT)
    (data / "b.ndjson.gz").write_bytes(packed)
    (data / "notes.txt").write_text("no")
    (tmp_path / "case.yaml").write_text("")

    expected = [(data / "a.json", _PATIENT), (data / "b.ndjson.gz", packed), (tmp_path / "case.yaml", b"")]
    assert [(file, len(text), hashlib.sha256(text).hexdigest()) for file, text in expected] == list(
        digest([data, tmp_path / "case.yaml"])
    )


def test_a_file_that_is_gone_has_no_sum_but_an_error(tmp_path: Path) -> None:
    with pytest.raises(FhirCaseError, match=r"gone\.json: this cannot be read"):
        list(digest([tmp_path / "gone.json"]))


def test_what_can_be_read_only_once_is_not_read_for_its_sum() -> None:
    assert [] == list(digest([Path(os.devnull)]))


def test_a_member_without_a_name_is_no_traceback(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("X", "{}")
        archive.writestr("a.json", '{"resourceType": "Patient"}')
    (tmp_path / "a.zip").write_bytes(packed.getvalue().replace(b"X", b"\x00"))

    assert [f"{tmp_path}/a.zip/a.json"] == [found.source for found in find_documents(tmp_path / "a.zip")]

"""In a folder or archive the content decides what is read, and what is passed over is named with the reason."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import tarfile
import zipfile
from pathlib import Path
from unittest.mock import patch

import pytest

from fhir_case.documents import expand, find_documents, folders
from smallserver import SmallServer
from support import run_command

PATIENT = b'{"resourceType":"Patient","id":"a"}'
XML = b'<?xml version="1.0"?><Patient xmlns="http://hl7.org/fhir"><id value="x"/></Patient>'


def tar() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        member = tarfile.TarInfo("a.json")
        member.size = len(PATIENT)
        archive.addfile(member, io.BytesIO(PATIENT))
    return stream.getvalue()


def zipped(name: str = "a.json", content: bytes = PATIENT) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, content)
    return stream.getvalue()


READ = {
    "Patient.NDJSON": PATIENT + b"\n" + PATIENT,
    "PATIENT.Json": PATIENT,
    "export.JSON.GZ": gzip.compress(PATIENT),
    "export.ndjson.BZ2": bz2.compress(PATIENT),
    "no-ending": PATIENT,
    "wrong.txt": b"\xef\xbb\xbf \n" + PATIENT,
    "wrong.xml": PATIENT,
    "packed.bin": gzip.compress(PATIENT),
    "packed": bz2.compress(PATIENT),
    "late.dat": b'{"id": "a", "note": "' + b"x" * 30_000 + b'", "resourceType": "Patient"}',
    "archive.ZIP": zipped(),
    "archive.dat": zipped(),
    "export.tar.gz.json": PATIENT,
}
PASSED_OVER = {
    "patient.xml": (XML, "XML of FHIR"),
    "no-ending-xml": (XML, "XML of FHIR"),
    "page.html": (b"<!doctype html><p>", "XML or HTML"),
    "export.tar.gz": (tar(), "a tar archive"),
    "export.tgz": (tar(), "a tar archive"),
    "export.tar": (gzip.decompress(tar()), "a tar archive"),
    "table.csv": (b"id,name\n1,x\n", "neither JSON"),
    "settings.conf": (b'{"some": "thing"}', "JSON without a resourceType"),
    "letter.docx": (zipped("word/document.xml", b"<x/>"), "an archive without documents"),
    "nothing": (b"", "empty"),
    "broken.bin": (b"\x1f\x8b\x08" + b"\xff" * 40, "compressed, and not readable"),
    "case.YAML": (b"case: x", "YAML"),
    ".hidden.json": (PATIENT, "hidden"),
}


@pytest.mark.parametrize("name", READ)
def test_the_content_of_a_file_in_a_folder_decides(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(READ[name])
    passed: list[tuple[str, str]] = []
    found = list(find_documents(tmp_path, passed_over=lambda *each: passed.append(each)))

    assert {"a"} == {each.content["id"] for each in found if each.content}
    assert not [each for each in found if each.unread]
    assert [] == passed


@pytest.mark.parametrize("name", PASSED_OVER)
def test_a_file_that_is_passed_over_is_named_with_the_reason(tmp_path: Path, name: str) -> None:
    content, reason = PASSED_OVER[name]
    (tmp_path / name).write_bytes(content)
    passed: list[tuple[str, str]] = []

    assert [] == list(find_documents(tmp_path, passed_over=lambda *each: passed.append(each)))
    ((where, why),) = passed
    assert str(tmp_path / name) == where
    assert reason in why


@pytest.mark.parametrize("name", [name for name in READ if not name.startswith("archive")])
def test_the_content_of_a_member_of_an_archive_decides_too(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(zipped(name, READ[name]))

    assert {"a"} == {each.content["id"] for each in find_documents(path) if each.content}


@pytest.mark.parametrize("name", [name for name in PASSED_OVER if name not in ("case.YAML", "letter.docx")])
def test_a_member_that_is_passed_over_is_named_with_the_reason(tmp_path: Path, name: str) -> None:
    content, reason = PASSED_OVER[name]
    path = tmp_path / "x.zip"
    path.write_bytes(zipped(name, content))
    passed: list[tuple[str, str]] = []
    (found,) = find_documents(path, passed_over=lambda *each: passed.append(each))

    assert "there is no .json or .ndjson file" in found.unread
    ((where, why),) = passed
    assert f"{path}/{name}" == where
    assert reason in why


def test_pipes_and_links_to_nothing_are_passed_over_and_do_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "link.json").symlink_to("gone")
    (tmp_path / "a.json").write_bytes(PATIENT)
    passed: list[tuple[str, str]] = []

    assert 1 == len(list(find_documents(tmp_path, passed_over=lambda *each: passed.append(each))))
    assert ["link.json", "pipe.json"] == [Path(name).name for name, _ in passed]


def test_what_is_passed_over_is_listed_by_upload_and_validate(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (tmp_path / "Patient.NDJSON").write_bytes(PATIENT)
    for name in ("patient.xml", "export.tar.gz", "table.csv"):
        (tmp_path / name).write_bytes(PASSED_OVER[name][0])
    with SmallServer.like() as server:
        journal = tmp_path_factory.mktemp("state") / "journal.jsonl"
        code, _, err = run_command("upload", tmp_path, "--server", server.url, "--journal", journal)
        assert {"Patient/a"} == set(server.resources)

    assert 0 == code
    for name in ("patient.xml", "export.tar.gz", "table.csv"):
        assert f"{tmp_path / name}" in err.replace("\n", "")
    _, _, err = run_command("validate", tmp_path)
    for name in ("patient.xml", "export.tar.gz", "table.csv"):
        assert f"{tmp_path / name}" in err


def _loop(folder: Path) -> None:
    """A folder with two links to itself, one to its parent, and one to a folder beside it."""
    inner = folder / "in"
    inner.mkdir()
    for name in ("x", "y"):
        (folder / name).symlink_to(".")
        (inner / name).symlink_to("..")
    (folder / "a.json").write_bytes(PATIENT)
    (inner / "b.json").write_bytes(PATIENT)
    (folder.parent / "beside").mkdir()
    (folder.parent / "beside" / "c.json").write_bytes(PATIENT)
    (folder / "z").symlink_to("../beside")


@pytest.mark.parametrize("pattern", ["**/*.json", "**/**/*.json", "**", "*/**/*.json"])
def test_links_in_a_circle_are_followed_once(tmp_path: Path, pattern: str) -> None:
    folder = tmp_path / "loop"
    folder.mkdir()
    _loop(folder)
    with patch.object(folders, "scandir", wraps=os.scandir) as read:
        found = [each for path in expand([str(folder / pattern)]) for each in find_documents(path)]

    names = {Path(each.name).name for each in found}
    assert {"b.json", "c.json"} <= names <= {"a.json", "b.json", "c.json"}
    assert read.call_count <= 12  # three folders, at most from each begin of the pattern, and once more to read them


def test_a_folder_is_read_once_whatever_links_there_are(tmp_path: Path) -> None:
    folder = tmp_path / "loop"
    folder.mkdir()
    _loop(folder)

    assert ["a.json", "b.json", "c.json"] == [Path(each.name).name for each in find_documents(folder)]


def test_the_work_for_a_folder_and_an_archive_grows_with_their_files_only(tmp_path: Path) -> None:
    def calls(count: int) -> tuple[int, int]:
        folder = tmp_path / f"{count}"
        folder.mkdir()
        for number in range(count):
            (folder / f"{number}.json").write_bytes(PATIENT)
        path = tmp_path / f"{count}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for number in range(count):
                archive.writestr(f"{number}.json", PATIENT)
        with patch.object(folders, "scandir", wraps=os.scandir) as read:
            assert count == len(list(find_documents(folder)))
        with patch.object(zipfile.ZipFile, "open", autospec=True, side_effect=zipfile.ZipFile.open) as opened:
            assert count == len(list(find_documents(path)))
        return read.call_count, opened.call_count

    assert (1, 30) == calls(30)
    assert (1, 300) == calls(300)

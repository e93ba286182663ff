"""The manifest of an export that a stranger wrote: what it names is read in full and inside its folder, or refused."""

from __future__ import annotations

import gzip
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from fhir_case.documents import find_documents
from fhir_case.documents.manifest_reading import read_manifest
from fhir_case.errors import BundleError

if TYPE_CHECKING:
    from pathlib import Path

_PATIENTS = '{"resourceType": "Patient", "id": "a"}\n{"resourceType": "Patient", "id": "b"}\n'
_SECRET = "https://user:SECRETPW@host.example"


def _export(folder: Path, *output: dict[str, Any], **more: Any) -> Path:
    (folder / "P.ndjson").write_text(_PATIENTS, encoding="utf-8")
    manifest = {"transactionTime": "2026-01-01T00:00:00Z", "output": output, **more}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def _named(url: Any, **more: Any) -> dict[str, Any]:
    return {"type": "Patient", "url": url, **more}


def _read(folder: Path) -> tuple[list[str], list[str]]:
    """Return the ids that are read, and what could not be read."""
    found = list(find_documents(folder))
    return [one.content.get("id", "") for one in found if one.content], [one.unread for one in found if one.unread]


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _link_out(path: Path) -> None:
    (path.parent.parent / "outside.ndjson").write_text(_PATIENTS, encoding="utf-8")
    path.symlink_to("../outside.ndjson")


def _folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_pipe, "no regular file"),
        (_device, "no regular file"),
        (_folder, "no regular file"),
        (_link_out, "a link that leads out of the folder"),
    ],
)
def test_what_is_no_file_in_the_folder_of_the_manifest_is_never_opened(tmp_path: Path, make: Any, words: str) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    make(folder / "Q.ndjson")
    read, unread = _read(_export(folder, _named("P.ndjson"), _named("Q.ndjson")))

    assert (["a", "b"], 1) == (read, len(unread))
    assert words in unread[0]


def test_a_link_inside_of_the_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "Q.ndjson").symlink_to("P.ndjson")

    assert (["a", "b"], []) == _read(_export(tmp_path, _named("Q.ndjson", count=2)))


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (_named("P\0.ndjson"), "no file can have the name"),
        (_named("P%00.ndjson"), "no file can have the name"),
        (_named("P" * 5000), "no file can have the name in 'PPPP"),
        (_named("../" + "P" * 5000), "is not in the folder"),
        (_named(f"{_SECRET}/x/..?token=SECRETTOKEN"), "an address at host.example is not in the folder"),
        (_named(f"{_SECRET}/P%00?token=SECRETTOKEN"), "an address at host.example"),
        (_named("//user:SECRETPW@host.example/P.ndjson"), "an address at host.example is not in the folder"),
        (_named("../P.ndjson?token=SECRETTOKEN"), "'../P.ndjson' is not in the folder"),
        (_named(None), "this is not the manifest of an export"),
        (_named("P.ndjson", count="2"), "'count' of P.ndjson is not a number of resources"),
        (_named("P.ndjson", count=[2]), "'count' of P.ndjson is not a number of resources"),
        (_named("P.ndjson", count=True), "'count' of P.ndjson is not a number of resources"),
        (_named("P.ndjson", count=-1), "'count' of P.ndjson is not a number of resources"),
    ],
)
def test_an_entry_that_cannot_be_is_refused_in_few_words_and_without_secrets(
    tmp_path: Path, entry: dict[str, Any], words: str
) -> None:
    with pytest.raises(BundleError) as raised:
        _read(_export(tmp_path, entry))

    assert words in raised.value.message
    assert "SECRET" not in raised.value.message
    assert 200 > len(raised.value.message)


def test_an_export_of_which_further_pages_exist_is_refused(tmp_path: Path) -> None:
    link = [{"relation": "next", "url": f"{_SECRET}/2?token=SECRETTOKEN"}]
    with pytest.raises(BundleError, match="a further page") as raised:
        _read(_export(tmp_path, _named("P.ndjson"), link=link))

    assert "get all pages" in raised.value.hint
    assert "SECRET" not in f"{raised.value.message}{raised.value.hint}"


def test_the_last_page_is_read(tmp_path: Path) -> None:
    assert (["a", "b"], []) == _read(_export(tmp_path, _named("P.ndjson"), link=[{"relation": "self", "url": "x"}]))


def test_an_extension_may_be_nested_deep(tmp_path: Path) -> None:
    folder = _export(tmp_path, _named("P.ndjson"), extension="DEEP")
    text = (folder / "manifest.json").read_text(encoding="utf-8")
    (folder / "manifest.json").write_text(text.replace('"DEEP"', "[" * 1000 + "]" * 1000), encoding="utf-8")

    assert (["a", "b"], []) == _read(folder)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (_PATIENTS, "line 1 is of type Patient, and the manifest says Observation"),
        (
            '\n{"resourceType":"Observation"}\n{"id": "a", "resourceType": "Patient"}\n',
            "line 3 is of type Patient, and the manifest says Observation",
        ),
    ],
)
def test_a_file_with_another_type_than_the_manifest_says_is_told(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "Q.ndjson").write_text(text, encoding="utf-8")
    _, unread = _read(_export(tmp_path, {"type": "Observation", "url": "Q.ndjson"}))

    assert [words] == unread


@pytest.mark.parametrize("name", ["deleted", "error"])
def test_a_file_that_is_named_as_output_and_not_to_be_read_is_told(tmp_path: Path, name: str) -> None:
    _, unread = _read(_export(tmp_path, _named("P.ndjson"), **{name: [{"type": "Bundle", "url": "P.ndjson"}]}))

    assert ["the manifest names it as output, and also for deletions or errors"] == unread


@pytest.mark.parametrize(
    ("content", "times", "words"),
    [
        (b" ", 65 * 2**20, "it unpacks to more than 500 times its size"),
        (b"\n", 2**20, "there are more than 99,998 blank lines one after another"),
    ],
)
def test_what_unpacks_beyond_all_measure_is_refused(tmp_path: Path, content: bytes, times: int, words: str) -> None:
    folder = _export(tmp_path, _named("Q.ndjson.gz", count=1))
    (folder / "Q.ndjson.gz").write_bytes(gzip.compress(content * times))
    (problem,) = read_manifest(folder / "manifest.json").problems()

    assert words in problem.message


def test_a_line_that_is_too_long_is_refused_without_keeping_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fhir_case.documents.manifest.MAXIMUM_BYTES", 2**20)
    folder = _export(tmp_path, _named("Q.ndjson", count=1))
    (folder / "Q.ndjson").write_bytes(b"{" + b" " * 3 * 2**20 + b"}")

    assert ["line 1 is longer than 1 MiB, the most that is read at once"] == [
        problem.message for problem in read_manifest(folder / "manifest.json").problems()
    ]

"""What is no JSON, or is hostile, is a finding or a clear answer, and nothing hangs."""

from __future__ import annotations

import gzip
import time
from io import BytesIO
from pathlib import Path

import pytest

from fhir_case.validation import documents, validate
from fhir_case.validation.documents import Document, find_documents, read_document, read_documents

_PATIENT = b'{"resourceType":"Patient","id":"a"}'


def _messages(document: Document) -> str:
    return " ".join(issue.message for issue in document.issues)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (b"", "empty"),
        (b"hello", "not JSON"),
        (_PATIENT[:-1], "not complete JSON"),
        (b'{"resourceType":"Patient","name":[', "not complete JSON"),
        (_PATIENT.decode().encode("utf-16"), "UTF-16"),
        (_PATIENT.decode().encode("utf-16-le"), "UTF-16"),
        (b'{"id":"\xe9"}', "not UTF-8"),
        (b'{"value":NaN}', "NaN is no number"),
        (b'{"value":-Infinity}', "-Infinity is no number"),
        (b'{"value":' + b"9" * 1_000_000 + b"}", "more than 1000 digits"),
        (b'{"value":0.' + b"9" * 1_000_000 + b"}", "more than 1000 digits"),
        (b'{"value":1e999999999}', "more than 1000 digits"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deep"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested too deep"),
        (b'<Patient xmlns="http://hl7.org/fhir"/>', "XML"),
        (b"\xef\xbb\xbf<Patient/>", "XML"),
        (b"[1]", "no object"),
        (b"null", "no object"),
    ],
    ids=lambda value: repr(value[:24]),
)
def test_what_is_no_json_object_is_said_in_plain_words(text: bytes, part: str) -> None:
    document = read_document(text, "x.json")

    assert document.content is None
    assert part in _messages(document)


def test_a_byte_order_mark_is_a_warning_and_the_rest_is_read() -> None:
    document = read_document(b"\xef\xbb\xbf" + _PATIENT, "x.json")

    assert {"resourceType": "Patient", "id": "a"} == document.content
    assert ["warning"] == [issue.severity for issue in document.issues]


def test_a_name_that_stands_twice_is_an_error() -> None:
    assert "'id' stands twice" in _messages(read_document(b'{"id":"a","id":"b"}', "x.json"))


def test_ndjson_is_read_by_line_and_a_bad_line_does_not_end_it() -> None:
    stream = BytesIO(_PATIENT + b"\n\n{bad\n" + _PATIENT + b"\n")

    found = list(read_documents(stream, "x.ndjson"))

    assert [("x.ndjson:1", True), ("x.ndjson:3", False), ("x.ndjson:4", True)] == [
        (one.name, one.content is not None) for one in found
    ]


def test_a_pretty_printed_document_is_one_document() -> None:
    assert ["x.json"] == [one.name for one in read_documents(BytesIO(b'{\n "resourceType": "Patient"\n}\n'), "x.json")]


def test_only_the_first_document_of_a_long_stream_is_in_memory_at_a_time() -> None:
    stream = BytesIO((_PATIENT + b"\n") * 1000)

    next(read_documents(stream, "-"))

    assert stream.tell() < 3 * len(_PATIENT)


@pytest.mark.parametrize("bomb", [b" ", b"a", b"[", _PATIENT + b"\n" + b"a" * 100])
def test_a_zip_bomb_is_read_to_the_limit_only(bomb: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAXIMUM_BYTES", 1 << 20)
    path = tmp_path / "bomb.json.gz"
    path.write_bytes(gzip.compress(bomb + bomb[-1:] * (5 << 20)))

    found = list(find_documents(path))

    assert "longer than 1 MiB" in _messages(found[-1])


def test_a_broken_gzip_is_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "x.json.gz"
    path.write_bytes(gzip.compress(_PATIENT * 1000)[:40])

    (found,) = find_documents(path)

    assert "could not be read" in _messages(found)


def test_a_directory_gives_its_json_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(_PATIENT)
    (tmp_path / "b.ndjson.gz").write_bytes(gzip.compress(_PATIENT + b"\n" + _PATIENT))
    (tmp_path / "notes.txt").write_text("no")
    (tmp_path / ".hidden.json").write_text("no")

    assert ["a.json", "b.ndjson.gz:1", "b.ndjson.gz:2"] == [Path(one.name).name for one in find_documents(tmp_path)]


@pytest.mark.parametrize(
    "document",
    [
        {"resourceType": "Patient", "id": "\ud800"},
        {"resourceType": ["Patient"]},
        {"resourceType": "Bundle", "type": "transaction", "entry": [1, None, {"resource": 5}, {"request": []}, [[]]]},
        {"resourceType": "Bundle", "type": {}, "entry": {"a": 1}, "id": [], "meta": [1]},
        {
            "resourceType": "Observation",
            "status": 5,
            "code": "x",
            "component": [5, None],
            "meta": {"profile": {"a": 1}},
        },
        {
            "resourceType": "MedicationStatement",
            "dosage": [{"timing": [], "doseAndRate": [None]}],
            "effectivePeriod": [],
        },
        {"resourceType": "AdverseEvent", "date": "2018", "suspectEntity": [1, {"instance": 5}]},
        {"resourceType": "Composition", "section": [1, {"section": 5, "text": {"div": "<div"}}]},
        {"resourceType": "Patient", "contained": {"resourceType": "Patient"}, "text": 5, "extension": [[[]]]},
        {"resourceType": "Observation", "identifier": [{"system": 5, "code": []}], "subject": {"reference": {"a": 1}}},
    ],
)
def test_json_of_any_shape_gives_errors_and_never_an_exception(document: dict[str, object]) -> None:
    assert not validate(document).ok


def test_a_document_nested_a_hundred_thousand_deep_in_memory_is_an_error() -> None:
    document: dict[str, object] = {"resourceType": "Patient"}
    inner = document
    for _ in range(100_000):
        deeper: dict[str, object] = {}
        inner["extension"] = deeper
        inner = deeper

    assert "nested more than 200 deep" in " ".join(issue.message for issue in validate(document).issues)


def test_many_findings_in_one_resource_do_not_take_quadratic_time() -> None:
    def seconds(count: int) -> float:
        concepts = [{"system": "http://loinc.org", "concept": [{"code": "1-1"}], "version": "1"} for _ in range(count)]
        codings = [{"system": "http://loinc.org", "code": "1975-3"} for _ in range(count)]
        resource = {"resourceType": "Basic", "id": "a", "code": {"coding": codings}, "x": concepts}
        begin = time.process_time()
        result = validate(resource, skip=("structure", "strict"))
        assert count == sum(issue.check == "loinc-digit" for issue in result.issues)
        return time.process_time() - begin

    seconds(10)
    assert seconds(8000) < 24 * seconds(1000)  # eight times as many; each with a search of the whole takes 64 times

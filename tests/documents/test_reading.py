"""What is not valid JSON, or is hostile, is a finding, and nothing hangs."""

from __future__ import annotations

from decimal import Decimal
from io import BytesIO
from unittest.mock import Mock

import pytest

from fhir_case.documents import Document, read_document, read_documents, reading

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
        (b'{"value":NaN}', "NaN is not a number"),
        (b'{"value":-Infinity}', "-Infinity is not a number"),
        (b'{"value":' + b"9" * 1_000_000 + b"}", "more than 1000 digits"),
        (b'{"value":0.' + b"9" * 1_000_000 + b"}", "more than 1000 digits"),
        (b'{"value":1e999999999}', "more than 1000 digits"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deep"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested too deep"),
        (b'<Patient xmlns="http://hl7.org/fhir"/>', "XML"),
        (b"\xef\xbb\xbf<Patient/>", "XML"),
        (b"[1]", "not an object"),
        (b"null", "not an object"),
    ],
    ids=lambda value: repr(value[:24]),
)
def test_what_is_not_a_json_object_is_a_finding(text: bytes, part: str) -> None:
    document = read_document(text, "x.json")

    assert document.content is None
    assert part in _messages(document)


def test_a_byte_order_mark_is_a_warning_and_the_rest_is_read() -> None:
    document = read_document(b"\xef\xbb\xbf" + _PATIENT, "x.json")

    assert {"resourceType": "Patient", "id": "a"} == document.content
    assert ["warning"] == [issue.severity for issue in document.issues]


def test_a_name_that_stands_twice_is_an_error() -> None:
    assert "'id' is in one object twice" in _messages(read_document(b'{"id":"a","id":"b"}', "x.json"))


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


def test_the_first_line_of_ndjson_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parse = Mock(wraps=reading._parse)
    monkeypatch.setattr(reading, "_parse", parse)

    list(read_documents(BytesIO((_PATIENT + b"\n") * 3), "-"))

    assert 3 == parse.call_count


def test_what_follows_a_line_that_is_too_long_is_not_taken_for_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAXIMUM_BYTES", 100)

    (found,) = read_documents(BytesIO(b"a" * 1000 + b"\n" + _PATIENT), "x.ndjson", lines=True)

    assert "longer than" in found.unread


def test_a_document_that_is_too_long_is_read_to_the_limit_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAXIMUM_BYTES", 100)
    stream = BytesIO(b'{\n"a":"' + b"a" * 1000)

    (found,) = read_documents(stream, "x.json")

    assert "longer than" in found.unread
    assert 101 == stream.tell()


def test_a_long_blank_begin_is_no_empty_document() -> None:
    assert {"resourceType": "Patient", "id": "a"} == read_document(b" " * 500 + _PATIENT, "x.json").content


def test_the_bytes_of_each_document_are_kept_when_asked_for() -> None:
    lines = [b'{"id": "a", "x": 1.50}\r\n', b"{bad\n", b'{"id":"\xc3\xbc"}']
    text = b"\xef\xbb\xbf" + b"".join(lines)

    assert lines == [one.raw for one in read_documents(BytesIO(text), "-", keep_raw=True)]
    assert [b"", b"", b""] == [one.raw for one in read_documents(BytesIO(text), "-")]


def test_a_document_of_many_lines_keeps_its_bytes_whole() -> None:
    text = b'{\n  "id": "a"\n}\n'

    assert [text] == [one.raw for one in read_documents(BytesIO(text), "x.json", keep_raw=True)]


def test_what_was_checked_before_is_read_to_the_same_content() -> None:
    text = b'\xef\xbb\xbf{"a":[{"b":1.50,"c":"\xc3\xbc","d":null}]}'

    again = read_document(text, "x.json", checked=True)

    assert read_document(text, "x.json").content == again.content
    assert {"a": [{"b": Decimal("1.50"), "c": "ü", "d": None}]} == again.content


@pytest.mark.parametrize("text", [b'{"a":1e99999999999999999999}', b'{"a":NaN}', b"{", b"[" * 100_000, b"\xff{", b"1"])
def test_what_changed_after_it_was_checked_is_a_finding_all_the_same(text: bytes) -> None:
    document = read_document(text, "x.json", checked=True)

    assert document.content is None
    assert document.issues


@pytest.mark.parametrize("flood", [b"{},", b"[],", b"1,", b'"",', b"[[[1],2],3],"])
def test_a_flood_of_values_is_refused_before_it_is_read(flood: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAXIMUM_OBJECTS", 1_000)
    monkeypatch.setattr(reading, "MAXIMUM_COMMAS", 1_500)
    text = b'{"resourceType":"Bundle","entry":[' + flood * 2_000 + b"1]}"
    with monkeypatch.context() as patched:
        patched.setattr(reading, "_content", None)
        found = reading.read_document(text, "a.json")

    assert "more values than are read at once" in found.unread
    assert found.content is None
    few = b'{"resourceType":"Bundle","entry":[' + flood * 100 + b"1]}"
    assert not reading.read_document(few, "a.json").unread

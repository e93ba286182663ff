"""Files that mean harm, or that are no text at all, are refused with a clear error, and without endless work."""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_case.case import Case
from fhir_case.case.problems import MAX_PROBLEMS
from fhir_case.errors import CaseError
from fhir_case.mapping import load_case, read_case

BROKEN = Path(__file__).parent / "broken"
BASE = (BROKEN / "base.yaml").read_text(encoding="utf-8")


def _refusal(text: bytes | str) -> str:
    with pytest.raises(CaseError) as caught:
        read_case(text)
    assert len(caught.value.problems) <= 101
    return str(caught.value.problems[0])


def _refusal_of_file(path: Path) -> str:
    with pytest.raises(CaseError) as caught:
        load_case(path)
    return str(caught.value).removeprefix(f"{path}")


def test_a_file_of_100_megabytes_is_refused_by_its_size(tmp_path: Path) -> None:
    path = tmp_path / "big.yaml"
    with path.open("wb") as file:
        file.truncate(100_000_000)

    assert _refusal_of_file(path) == ": the file has 100.0 MB; a case has at most 1 MB; give one case a file"


def test_a_device_that_never_ends_is_refused_by_its_size() -> None:
    assert _refusal_of_file(Path("/dev/zero")) == (
        ": the file has more than 1 MB; a case has at most 1 MB; give one case a file"
    )


def test_a_text_of_two_megabytes_is_refused() -> None:
    assert _refusal("#" * 2_000_000) == (
        "case.yaml: the file has 2.0 MB; a case has at most 1 MB; give one case a file"
    )


@pytest.mark.parametrize("bracket", ["[", "{", "{a: ", '{"a":', "- ", "? ", "[\n", "a: [", "!!str [", "&a [", "[*a,"])
def test_a_hundred_thousand_brackets_are_refused(bracket: str) -> None:
    assert _refusal(bracket * 100_000).startswith("case.yaml:")


def test_deep_nesting_says_so() -> None:
    assert _refusal("[" * 100_000) == (
        "case.yaml:1:51: values are nested more than 50 levels deep; a case has ten levels at most; look for brackets"
    )


def test_nesting_by_aliases_counts_as_nesting() -> None:
    text = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 2000))

    assert _refusal(text).startswith("case.yaml:50:12: values are nested more than 50 levels deep")


def test_a_billion_laughs_are_refused() -> None:
    text = 'a0: &a0 ["lol"]\n' + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 40))

    assert "the file holds more than 20000 values, aliases (*name) written out" in _refusal(text)


def test_a_file_of_nothing_but_values_is_refused() -> None:
    assert "the file holds more than 20000 values" in _refusal("a: [" + "1," * 200_000 + "]")


def test_nine_thousand_unknown_keys_are_told() -> None:
    assert "unknown key" in _refusal(BASE + "".join(f"key{n}: 1\n" for n in range(9_000)))


def test_thousands_of_references_to_nothing_are_compared_with_few_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def counting(word: str, words: list[str], **options: Any) -> list[str]:
        compared.append(len(words))
        return get_close_matches(word, words, **options)

    monkeypatch.setattr("difflib.get_close_matches", counting)
    wrong = ", ".join(f"stgae-{n}" for n in range(8_000))
    entries = "stages:\n" + "".join(f"  - {{key: stage-{n}}}\n" for n in range(3_000))

    refusal = _refusal(BASE.replace("    status: active", f"    stages: [{wrong}]\n    status: active") + entries)

    assert refusal.startswith(
        "case.yaml:17:14: conditions.cancer.stages[0]: no entry of stages has the key 'stgae-0'; "
    )
    assert refusal.endswith("did you mean 'stage-0'?")
    assert MAX_PROBLEMS * 50 >= sum(compared) > 0


def test_a_tag_without_end_is_refused() -> None:
    assert _refusal("a: " + "!" * 900_000) == (
        "case.yaml:1:1: more than 2000 characters without a blank after a '!'; put text in quotes"
    )


@pytest.mark.parametrize("character", ["&", "*", "x", "-", "%", "'", '"', "\\", "|", "0", "<", "#", "\n", " "])
def test_a_word_without_end_is_refused(character: str) -> None:
    assert _refusal("a: " + character * 200_000).startswith("case.yaml:")


def test_a_number_without_end_is_refused() -> None:
    assert "is a number of too many digits" in _refusal(BASE.replace("dose: 5 mg", "dose: " + "9" * 9_000))


@pytest.mark.parametrize(
    ("encoding", "message"),
    [
        ("utf-16", "case.yaml:1:1: the file is written in UTF-16; save the file as UTF-8"),
        ("utf-32", "case.yaml:1:1: the file is written in UTF-32; save the file as UTF-8"),
        ("utf-16-le", "case.yaml:1:1: the file has NUL bytes, as UTF-16 has; save the file as UTF-8"),
        ("utf-16-be", "case.yaml:1:1: the file has NUL bytes, as UTF-16 has; save the file as UTF-8"),
    ],
)
def test_a_file_in_another_encoding_is_named(encoding: str, message: str) -> None:
    assert message == _refusal(BASE.encode(encoding))


def test_a_latin_1_byte_is_told_with_line_column_and_offset() -> None:
    text = BASE.replace("citation: none", "citation: Müller").encode("latin-1")

    assert _refusal(text) == "case.yaml:4:14: not UTF-8: the byte 0xFC at offset 76; save the file as UTF-8"


def test_a_nul_character_is_told_with_its_place() -> None:
    assert _refusal(BASE.replace("sex: male", "sex: m\0le")) == (
        "case.yaml:10:9: holds a NUL character; save the file as UTF-8"
    )


def test_a_bell_is_told_with_its_place() -> None:
    assert _refusal(BASE.replace("sex: male", "sex: m\ale")) == (
        "case.yaml:10:9: the control character U+0007; leave it out"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "case.yaml: the file is empty; 'fhir-case new FILE' writes a starter file"),
        ("\n \n", "case.yaml: the file is empty; 'fhir-case new FILE' writes a starter file"),
        ("# only\n# words\n", "case.yaml: the file holds only comments; 'fhir-case new FILE' writes a starter file"),
    ],
)
def test_what_holds_nothing_is_no_case(text: str, message: str) -> None:
    assert message == _refusal(text)


@pytest.mark.parametrize(
    ("text", "place", "given"),
    [("---\n", "2:1", "nothing"), ("hello", "1:1", "'hello'"), ("- case: x", "1:1", "a list")],
)
def test_what_is_no_mapping_is_no_case(text: str, place: str, given: str) -> None:
    assert _refusal(text) == (
        f"case.yaml:{place}: a case file is a mapping of sections (case, title, report, …), not {given}; "
        "'fhir-case new FILE' writes a starter file"
    )


def test_a_folder_is_no_case(tmp_path: Path) -> None:
    assert _refusal_of_file(tmp_path) == ": this is a folder, not a case file; name a file in it"


def test_a_missing_file_gives_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "my-case.yaml").touch()

    assert _refusal_of_file(tmp_path / "my-cse.yaml") == ": there is no such file; did you mean 'my-case.yaml'?"
    assert _refusal_of_file(tmp_path / "my-case.json") == ": there is no such file; did you mean 'my-case.yaml'?"
    assert _refusal_of_file(tmp_path / "other.yaml") == ": there is no such file; check the path"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    assert _refusal_of_file(tmp_path / "no" / "x.yaml") == (
        f": there is no such file; there is no folder '{tmp_path / 'no'}' either"
    )


def test_a_file_that_may_not_be_read_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret.yaml"
    path.write_text(BASE, encoding="utf-8")

    def refuse(*_arguments: object) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # root may read everything, so the refusal is made up

    assert _refusal_of_file(path) == ": the file may not be read; check its permissions"


@pytest.mark.parametrize("source", ["a\0b", "x" * 5000, "x" * 5000 + ".yaml", "", "case: x\ntitle: y\n", "~nobody"])
def test_what_is_no_name_and_no_path_is_refused(source: str) -> None:
    with pytest.raises(CaseError):
        load_case(source)


def test_a_pipe_is_read_as_a_file_is() -> None:
    reading, writing = os.pipe()
    try:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(BASE.encode())
        assert load_case(f"/dev/fd/{reading}").case == "base"
    finally:
        os.close(reading)


WORDS = [
    *("", "[]", "{}", "[null]", "{a: b}", "*x", "&x y", "!t z", ">", "'", '"', ":", "-", "? a", "<<", "---", "..."),
    *("anchor", "drug", "+3 mo", "after drug", "2018-02-30", "２０１８-01-01", "٣ mg", "1e99", "-0", "0x1F", "1_000"),
    *("{value: '1e-99'}", "{quantity: 3}", "%YAML 1.1", "\ud800", "\x85", "\u2028"),
]
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(WORDS),
)


def _is_case_or_case_error(text: str) -> None:
    try:
        case = read_case(text)
    except CaseError as error:
        for problem in error.problems:
            assert problem.where.startswith("case.yaml")
            assert problem.message
            assert "\n" not in str(problem)
            assert "Input should" not in str(problem)
    else:
        assert isinstance(case, Case)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_file_with_a_line_of_junk_is_a_case_or_a_case_error(data: st.DataObject) -> None:
    lines = BASE.splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        index = data.draw(st.integers(0, len(lines) - 1))
        key, colon, value = lines[index].partition(": ")
        junk = str(data.draw(JUNK))
        whole = lines[index]
        wrong = ["", junk, key + colon + junk, junk + colon + value, value, whole + junk, whole[1:], f" {whole}"]
        lines[index] = data.draw(st.sampled_from([*wrong, f"{whole}\n{whole}", whole[: len(whole) // 2]]))
    _is_case_or_case_error("\n".join(lines))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_file_with_values_of_junk_is_a_case_or_a_case_error(data: st.DataObject) -> None:
    tokens = re.split(r"([\s:\[\]{},]+)", BASE)
    for _ in range(data.draw(st.integers(1, 4))):
        tokens[data.draw(st.integers(0, len(tokens) - 1))] = str(data.draw(JUNK))
    _is_case_or_case_error("".join(tokens))


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.sampled_from(" \n\t:-?[]{},#&*!|>'\"%@`ab1.~<\\é\x85"), max_size=60))
def test_any_text_is_a_case_or_a_case_error(text: str) -> None:
    _is_case_or_case_error(text)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_a_case_error(content: bytes) -> None:
    with pytest.raises(CaseError):
        read_case(content)

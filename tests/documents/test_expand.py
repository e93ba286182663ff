"""What was typed becomes paths: names, patterns, or a clear error."""

from __future__ import annotations

from pathlib import Path

import pytest

from fhir_case.documents import expand
from fhir_case.errors import FhirCaseError
from support import run_command


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("b.json", "a.json", "a[1].json", "a1.json", "in/deep/c.json", "in/d.ndjson", ".hidden.json"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text('{"resourceType":"Patient"}')


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("b.json", ["b.json"]),
        ("in", ["in"]),
        ("a[1].json", ["a[1].json"]),
        ("[ab].json", ["a.json", "b.json"]),
        ("?.json", ["a.json", "b.json"]),
        ("*.json", ["a.json", "a1.json", "a[1].json", "b.json"]),
        ("**/*.json", ["a.json", "a1.json", "a[1].json", "b.json", "in/deep/c.json"]),
        ("in/**", ["in"]),
        ("in/*", ["in/d.ndjson", "in/deep"]),
    ],
)
def test_a_name_is_itself_and_a_pattern_what_it_matches(pattern: str, expected: list[str]) -> None:
    assert expected == [one.as_posix() for one in expand([pattern])]


def test_a_whole_path_can_be_a_pattern(tmp_path: Path) -> None:
    assert [tmp_path / "in" / "deep" / "c.json"] == expand([str(tmp_path / "*" / "*" / "c.json")])


def test_the_order_of_what_was_typed_stays() -> None:
    assert [Path("b.json"), Path("a.json"), Path("a1.json")] == expand(["b.json", "a.json", "a1*"])


@pytest.mark.parametrize(
    ("pattern", "part"),
    [
        ("gone.json", "gone.json: this does not exist"),
        ("gone*.json", "gone*.json: nothing matches this pattern"),
        ("a" * 5000, "does not exist"),
        ("a" * 5000 + "*", "nothing matches"),
        ("", "does not exist"),
        ("a\0b", "does not exist"),
    ],
    ids=lambda value: value[:12],
)
def test_nothing_behind_a_name_is_a_clear_error(pattern: str, part: str) -> None:
    with pytest.raises(FhirCaseError) as raised:
        expand(["a.json", pattern])

    assert part in str(raised.value)


def test_a_pattern_in_quotes_is_checked_file_by_file() -> None:
    result = run_command("validate", "in/**/*.json", "?.json")

    assert 0 == result.exit_code
    assert "3 resources in 3 documents checked" in result.output


def test_a_pattern_that_matches_nothing_is_a_wrong_command_line() -> None:
    result = run_command("validate", "gone*")

    assert 2 == result.exit_code
    assert "gone*: nothing matches this pattern" in result.output

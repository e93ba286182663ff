"""A TOML file of the user is read, or refused in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fhir_case.errors import FhirCaseError
from fhir_case.toml import read_toml

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a = " + b"9" * 5_000, "a number of thousands of digits"),
        (b"a = " + b"[" * 50_000, "nested too deep"),
        (b"\xff", "not UTF-8"),
        (b"a = b", "not TOML"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(content: bytes, said: str, tmp_path: Path) -> None:
    file = tmp_path / "servers.toml"
    file.write_bytes(content)

    with pytest.raises(FhirCaseError, match=said):
        read_toml(file)


@pytest.mark.parametrize(
    "deep",
    [
        ".".join(["a"] * 20_000) + " = 1",
        "[" + " . ".join(["a"] * 51) + "]",
        "x = {" + ".".join(["a"] * 51) + " = 1}",
        ".".join(['"a.b"', "'c'", "d"] * 17) + " = 1",
        r'"\"" . ' + ".".join(["a"] * 50) + " = 1",
    ],
)
def test_a_key_of_more_than_fifty_parts_is_refused_with_its_line_before_it_is_read(
    deep: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "codes.toml"
    file.write_text(f'# first\ntext = """a\n{"x." * 60}"""\n{deep}\n')
    monkeypatch.setattr("tomllib.loads", lambda _: pytest.fail("it was read"))

    with pytest.raises(FhirCaseError) as caught:
        read_toml(file)

    assert (f"{file}:4", "a key has more than 50 parts") == (caught.value.where, caught.value.message)


def test_dots_in_strings_comments_and_values_are_no_parts_of_a_key(tmp_path: Path) -> None:
    dots = "a." * 100
    lines = (
        f"# {dots}",
        ".".join("k" * 50) + f" = '{dots}'",
        rf'"{dots}" = [1.5, "\"{dots}\""] # {dots}',
        f"m = '''{dots}' ''",
        f"{dots}'''",
        rf'n = """\""\" {dots} ""',
        f'{dots}"""""',
    )
    file = tmp_path / "codes.toml"
    file.write_text("\n".join(lines))

    content = read_toml(file)

    assert ["k", dots, "m", "n"] == list(content)
    assert f"{dots}' ''\n{dots}" == content["m"]


@pytest.mark.parametrize("text", [r"\"" * 100_000, "'" * 100_001, '"""' + r"\"" * 100_000, '"""' + r'\"""' * 99_999])
def test_quotes_without_end_are_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "codes.toml"
    file.write_text(f'a = "{text}')

    with pytest.raises(FhirCaseError, match="not TOML"):
        read_toml(file)

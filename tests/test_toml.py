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

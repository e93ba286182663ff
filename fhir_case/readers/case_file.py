"""The case file of this project as a format among others: one case in YAML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.readers.protocol import Reader, Reading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["CASE_FILE"]

_SUFFIXES = (".yaml", ".yml")


def _is_case_file(_head: bytes, path: Path) -> bool:
    # Whatever is wrong with a file of this name is said of it as a case file.
    return path.suffix in _SUFFIXES


def _read(path: Path) -> Iterator[Reading]:
    from fhir_case.case.text import decode, read_bytes
    from fhir_case.case.tree import read_tree

    yield Reading(read_tree(decode(read_bytes(path), str(path)), str(path)))


CASE_FILE = Reader("case-file", _is_case_file, _read, "A case file of this project, in YAML")

"""The length of NDJSON does not matter for the memory that reading takes, however it is packed."""

from __future__ import annotations

import bz2
import gzip
import random
import tracemalloc
import zipfile
from typing import TYPE_CHECKING

import pytest

from fhir_case.documents import find_documents

if TYPE_CHECKING:
    from pathlib import Path

# Hexadecimal digits by chance are packed to half their length and no more.
_LINE = b'{"resourceType":"Binary","data":"' + random.Random(1).randbytes(10_000).hex().encode() + b'"}\n'  # noqa: S311


def _peak(path: Path, documents: int) -> int:
    """Return the least of three peaks: what other tests of this process still do can only add to one."""
    return min(_one_peak(path, documents) for _ in range(3))


def _one_peak(path: Path, documents: int) -> int:
    tracemalloc.start()
    try:
        assert documents == sum(len(one.raw) == len(_LINE) for one in find_documents(path, keep_raw=True))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _write(path: Path, documents: int) -> Path:
    text = _LINE * documents
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.writestr("x.ndjson", text)
    else:
        path.write_bytes(gzip.compress(text, 1) if path.suffix == ".gz" else bz2.compress(text, 1))
    return path


@pytest.mark.parametrize("kind", [".ndjson.gz", ".ndjson.bz2", ".zip"])
def test_ten_times_the_lines_take_no_more_memory(kind: str, tmp_path: Path) -> None:
    small, large = _write(tmp_path / f"small{kind}", 20), _write(tmp_path / f"large{kind}", 200)

    # Lines that are kept would take ten times as much.
    assert _peak(large, 200) < 2 * _peak(small, 20)

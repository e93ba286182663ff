"""The minimal inputs made from real files and public reports come out as the specification says."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from fhir_case.documents import find_documents
from fhir_case.validation.document import check_document

_FOLDER = Path(__file__).resolve().parents[3] / "shared" / "reports" / "validate"
_ROW = re.compile(r"\| (?P<file>\S+\.json) \| (?P<release>R[45]) \| (?P<expected>[^|]+) \|")
_README = (_FOLDER / "README.md").read_text("utf-8") if _FOLDER.is_dir() else ""
_REPORTED = [tuple(row.groups()) for row in map(_ROW.match, _README.splitlines()) if row]


def test_the_inputs_are_there() -> None:
    if not _REPORTED and not os.environ.get("CI"):
        pytest.skip(f"{_FOLDER} is not there")
    assert 70 < len(_REPORTED), f"{_FOLDER} is needed"


@pytest.mark.parametrize(("name", "release", "expected"), _REPORTED)
def test_a_reported_file_is_judged_as_the_specification_says(name: str, release: str, expected: str) -> None:
    documents = list(find_documents(_FOLDER / name))

    issues = [
        issue for one in documents for issue in check_document(one, fhir="R5" if release == "R5" else "R4").issues
    ]

    found = {issue.severity for issue in issues if issue.check != "dom-6"}
    assert expected.startswith("invalid") == ("error" in found), issues
    assert "warning" in found or "with a warning" not in expected

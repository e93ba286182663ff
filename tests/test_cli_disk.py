"""Disks that are full, files that never end, and who may read and redirect what is written."""

from __future__ import annotations

import errno
import json
import os
import stat
import tempfile
from threading import Thread
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from fhir_case.load import temporary
from load.sample import TEST_DATA
from support import SHIPPED, run_command

if TYPE_CHECKING:
    from pathlib import Path

    from smallserver import SmallServer

pytestmark = pytest.mark.usefixtures("state_home")
FULL = "No space left on device"


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Resources enough that the small database of `full_database` does not hold them."""
    file = tmp_path / "many.ndjson"
    lines = [{"resourceType": "Patient", "id": f"{n}-{'x' * 50}", "meta": TEST_DATA} for n in range(1000)]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return file


class _FullDatabase(temporary._Database):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        super().execute("PRAGMA max_page_count = 20")


@pytest.mark.parametrize("more", [["--dry-run"], ["--journal", "j.jsonl"]], ids=["plan", "upload"])
def test_a_temporary_database_without_room_is_said_with_what_to_do(
    more: list[str], small: SmallServer, many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["upload", many, "--server", small.url, "--quiet", *more]
    with monkeypatch.context() as patch:
        patch.setattr(temporary, "_Database", _FullDatabase)
        done = run_command(*words, cwd=tmp_path)

    assert 1 == done.exit_code
    assert "a temporary file cannot be written: database or disk is full; make room" in done.stderr
    assert "Traceback" not in done.stderr
    assert 0 == run_command(*words, cwd=tmp_path).exit_code


def test_standard_input_that_finds_no_room_is_said_with_the_folder(
    small: SmallServer, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, FULL)

    monkeypatch.setattr("shutil.copyfileobj", no_room)
    done = run_command("upload", "-", "--server", small.url, stdin=many.read_bytes())

    assert 1 == done.exit_code
    assert f"{tempfile.gettempdir()}: a temporary file cannot be written: {FULL}; make room" in done.stderr


def test_the_report_of_verify_without_room_is_said(
    small: SmallServer, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = open("/dev/full", "w+b", buffering=0)  # noqa: PTH123, SIM115
    monkeypatch.setattr("fhir_case.report.verification.TemporaryFile", lambda: full)
    done = run_command("verify", many, "--server", small.url, "--format", "json")

    assert 1 == done.exit_code
    assert f"a temporary file cannot be written: {FULL}" in done.stderr


def _mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_what_is_written_is_for_its_owner_alone_and_a_file_that_is_there_keeps_its_mode(
    small: SmallServer, many: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert 0 == run_command("build", SHIPPED, "-o", out / "b.json").exit_code
    run_command("upload", many, "--server", small.url, "--dry-run", "--out", out / "plan")
    reports = [part for name in ("html", "json", "junit", "markdown") for part in (f"--{name}", out / name)]
    run_command("interop", "--server", small.url, "--probe", "etag", *reports)
    run_command("new", out / "case.yaml")
    run_command("upload", many, "--server", small.url, "--journal", out / "j.jsonl")
    run_command("run", "--server", small.url, "--out", out / "run")
    files = [file for file in out.rglob("*") if file.is_file()]

    assert {"b.json", "html", "json", "case.yaml", "j.jsonl", "journal.jsonl"} <= {file.name for file in files}
    assert {0o600} == {_mode(file) for file in files}

    shared = tmp_path / "shared.json"
    shared.touch()
    shared.chmod(0o640)
    run_command("build", SHIPPED, "-o", shared)
    assert 0o640 == _mode(shared)


def test_a_link_at_the_old_temporary_name_leads_nowhere(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    for name in (".b.json.part", "b.json.part", ".b.json.new"):
        (tmp_path / name).symlink_to(victim)

    assert 0 == run_command("build", SHIPPED, "-o", tmp_path / "b.json").exit_code
    assert "precious" == victim.read_text()
    assert not (tmp_path / "b.json").is_symlink()


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can make links of others")
def test_a_link_of_another_user_is_not_followed_and_an_own_one_is(tmp_path: Path) -> None:
    victim, link = tmp_path / "victim", tmp_path / "link"
    victim.write_text("precious")
    link.symlink_to(victim)
    os.lchown(link, 12345, 12345)

    done = run_command("build", SHIPPED, "-o", link)

    assert "it is a link of another user" in done.stderr
    assert "precious" == victim.read_text()
    os.lchown(link, 0, 0)
    assert 0 == run_command("build", SHIPPED, "-o", link).exit_code
    assert link.is_symlink()
    assert "precious" != victim.read_text()


OUTPUTS = {
    "build": ["build", SHIPPED, "-o", "SHARED/file"],
    "plan": ["upload", "FILE", "--server", "URL", "--dry-run", "--out", "SHARED"],
    "journal": ["upload", "FILE", "--server", "URL", "--journal", "SHARED/file"],
    "interop": ["interop", "--server", "URL", "--probe", "etag", "--html", "SHARED/file"],
    "run": ["run", "--server", "URL", "--out", "SHARED"],
    "new": ["new", "SHARED/file"],
}


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can make links of others")
@pytest.mark.parametrize("words", OUTPUTS.values(), ids=OUTPUTS)
def test_a_folder_that_is_a_link_of_another_user_is_not_followed(
    words: list[str], small: SmallServer, many: Path, tmp_path: Path
) -> None:
    folder, own, foreign = tmp_path / "folder", tmp_path / "own", tmp_path / "foreign"
    folder.mkdir()
    own.symlink_to(foreign)
    foreign.symlink_to(folder)
    os.lchown(foreign, 12345, 12345)
    named = {"FILE": str(many), "URL": small.url}

    done = run_command(*(named.get(word, word).replace("SHARED", str(own)) for word in words))

    assert 0 != done.exit_code
    assert "is a link of another user" in " ".join(done.stderr.split())
    assert [] == list(folder.iterdir())


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can make files of others")
@pytest.mark.parametrize(
    ("owner", "mode", "said"), [(12345, 0o600, "it belongs to another user"), (0, 0o666, "others may write it")]
)
@pytest.mark.parametrize("content", [True, False], ids=["content", "empty"])
def test_a_journal_that_others_may_have_written_is_refused_with_what_to_do(
    owner: int, mode: int, said: str, content: bool, small: SmallServer, many: Path, tmp_path: Path
) -> None:
    journal = tmp_path / "j.jsonl"
    if content:
        assert 0 == run_command("upload", many, "--server", small.url, "--journal", journal).exit_code
    else:
        journal.touch()
    os.chown(journal, owner, owner)
    journal.chmod(mode)
    before = journal.read_bytes()
    for words in (
        ["upload", many, "--server", small.url, "--journal", journal],
        *([["undo", journal]] if content else ()),
    ):
        done = run_command(*words)

        assert 1 == done.exit_code, done.stderr
        assert f"this journal may be from somebody else: {said}" in " ".join(done.stderr.split())
        assert "chmod 600" in done.stderr
    assert before == journal.read_bytes()


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can make links of others")
@pytest.mark.parametrize("options", [[], ["--restart"]], ids=str)
def test_a_journal_is_not_written_through_a_link_of_another_user_and_is_through_an_own_one(
    options: list[str], small: SmallServer, many: Path, tmp_path: Path
) -> None:
    link, target = tmp_path / "link.jsonl", tmp_path / "target.jsonl"
    link.symlink_to(target)
    os.lchown(link, 12345, 12345)
    words = ["upload", many, "--server", small.url, "--journal", link, *options]

    done = run_command(*words)

    assert 1 == done.exit_code
    assert "is a link of another user" in done.stderr
    assert not target.exists()
    os.lchown(link, 0, 0)
    assert 0 == run_command(*words).exit_code
    assert target.read_bytes()


ENDLESS_FILES = [
    ["undo", "ENDLESS"],
    ["verify", "ENDLESS"],
    ["upload", "FILE", "--server", "URL", "--journal", "ENDLESS"],
    ["upload", "FILE", "--server", "s", "--servers", "ENDLESS"],
    ["validate", "FILE", "--waivers", "ENDLESS"],
    ["interop", "--server", "URL", "--probe", "etag", "--baseline", "ENDLESS"],
    ["build", "ENDLESS"],
    ["validate", "FILE", "--mapping", "ENDLESS"],
    ["validate", "FILE", "--package", "ENDLESS"],
    ["interop", "ENDLESS", "--server", "URL", "--no-probes"],
    ["upload", "FILE", "--server", "https://127.0.0.1:9/fhir", "--ca-file", "ENDLESS"],
    ["upload", "FILE", "--server", "URL", "FHIR_CASE_TOKEN_FILE=ENDLESS"],
    ["upload", "FILE", "--server", "URL", "FHIR_CASE_PRIVATE_KEY_FILE=ENDLESS"],
    ["upload", "FILE", "--server", "URL", "--auth", "netrc", "NETRC=ENDLESS"],
]
# An input may be a pipe; that one is waited for.
ENDLESS_PIPES = [words for words in ENDLESS_FILES if words[1] != "ENDLESS" or words[0] == "undo"]


@pytest.mark.parametrize(
    ("words", "kind"),
    [*((words, "device") for words in ENDLESS_FILES), *((words, "pipe") for words in ENDLESS_PIPES)],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_a_file_that_never_ends_is_refused_in_words(
    words: list[str], kind: str, small: SmallServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, endless = tmp_path / "p.json", tmp_path / "endless.jsonl"
    file.write_text(json.dumps({"resourceType": "Patient", "id": "a", "meta": TEST_DATA}), "utf-8")
    if kind == "pipe":
        os.mkfifo(endless)
    else:
        endless.symlink_to("/dev/zero")
    smart = {"FHIR_CASE_CLIENT_ID": "c", "FHIR_CASE_SCOPE": "s", "FHIR_CASE_TOKEN_URL": f"{small.url}/token"}
    environment = dict(word.replace("ENDLESS", str(endless)).split("=") for word in words if "=" in word)
    environment |= smart if "FHIR_CASE_PRIVATE_KEY_FILE" in environment else {}
    named = {"FILE": str(file), "URL": small.url, "ENDLESS": str(endless)}
    arguments = [named.get(word, word) for word in words if "=" not in word]
    import resource

    limits = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (3_000_000_000, limits[1]))
    try:
        done = run_command(*arguments, environment=environment)
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, limits)

    assert done.exit_code in (1, 2, 3, 4, 5, 6, 8)
    assert str(endless) in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
@pytest.mark.parametrize(
    "words", [["validate"], ["upload", "--server", "URL"], ["interop", "--no-probes", "--server", "URL"]], ids=" ".join
)
def test_a_pipe_is_read_as_an_input(words: list[str], small: SmallServer, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    resource = {"resourceType": "Patient", "id": "a", "meta": TEST_DATA}
    request = {"method": "PUT", "url": "Patient/a"}
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{"fullUrl": f"urn:uuid:{uuid4()}", "resource": resource, "request": request}],
    }
    writer = Thread(target=pipe.write_text, args=(json.dumps(bundle),), daemon=True)
    writer.start()

    done = run_command(words[0], pipe, *({"URL": small.url}.get(word, word) for word in words[1:]))

    writer.join()
    assert 0 == done.exit_code, done.stderr
    assert f"Waiting for what is written into the pipe {pipe}" in done.stderr


NOWHERE = "http://127.0.0.1:1/fhir"


def test_a_dry_run_plans_without_the_server_and_says_so(many: Path) -> None:
    done = run_command("upload", many, "--server", NOWHERE, "--dry-run")

    assert 0 == done.exit_code, done.stderr
    assert "PUT  Patient/0-" in done.stdout
    assert "Planned without the server" in done.stderr


def test_an_upload_without_the_server_sends_nothing_and_says_why(many: Path) -> None:
    done = run_command("upload", many, "--server", NOWHERE)

    assert 6 == done.exit_code
    assert "nothing listens" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["verify", "nothere.jsonl"], "nothere.jsonl: there is no such file."),
        (["verify", "many.ndjson"], "only the journal of an upload names its server"),
        (["undo", "many.ndjson"], "this is not the journal of an upload"),
        (["undo", "nothere.jsonl"], "does not exist"),
    ],
    ids=str,
)
def test_what_is_no_journal_is_a_wrong_command_line_that_is_told(
    words: list[str], said: str, many: Path, tmp_path: Path
) -> None:
    done = run_command(*words, cwd=many.parent)

    assert 2 == done.exit_code
    assert said in done.stderr

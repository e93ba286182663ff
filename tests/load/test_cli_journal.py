"""The journal of an upload: a run that was broken off goes on, sends nothing twice, and notices what has changed."""

from __future__ import annotations

import errno
import json
import os
import signal
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from load.sample import bundle, by_type, counts_of, patient, write, write_numbered
from smallserver import Reply, Request, SmallServer
from support import result_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]

FILES = 6
ALL = {"Observation": FILES, "Organization": 1, "Patient": FILES}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six files; a server would create each finding as often as it is sent."""
    return write_numbered(tmp_path / "in", FILES)


def command(folder: Path, fake: SmallServer, *more: object) -> list[str]:
    options = ["--merge", "3", "--concurrency", "1", "--retry-for", "0.2", "--settle-for", "0.3"]
    return ["upload", str(folder), "--server", fake.url, *options, *map(str, more)]


def broken_off(fake: SmallServer, run: Run, folder: Path, *more: object) -> None:
    """Let the server be overloaded for good after the second transaction."""
    fake.hook = lambda request, answer: (
        Reply(429) if len(fake.transactions) > 2 and request.method == "POST" else answer()
    )
    assert 6 == run(*command(folder, fake, *more))[0]
    assert 5 == len(fake.names)
    fake.hook = lambda _, answer: answer()


def the_journal(state_home: Path) -> Path:
    [found] = state_home.rglob("*.jsonl")
    return found


def patients_sent(fake: SmallServer) -> list[str]:
    """Return the patients of every transaction that was sent, in order, also when it was sent in vain."""
    entries = [entry["resource"] for each in fake.transactions for entry in each.entries]
    return [each["id"] for each in entries if each["resourceType"] == "Patient"]


def test_a_run_that_was_interrupted_resumes_and_sends_nothing_twice(fake: SmallServer, run: Run, folder: Path) -> None:
    broken_off(fake, run, folder)
    fake.requests.clear()
    code, out, err = run(*command(folder, fake, "--format", "json"))
    value = result_of(out)

    assert (0, ALL) == (code, by_type(fake.names))
    assert ["p-n2", "p-n3", "p-n4", "p-n5"] == patients_sent(fake)
    assert "Resuming: 6 resources of an earlier run are stored" in err
    assert (6, 0) == (value["resources_of_an_earlier_run"], value["resources_not_sent"])
    assert {"created": 8, "unchanged": 4} == {name: number for name, number in value["resources"].items() if number}


def test_a_finished_run_starts_again_and_the_journal_before_is_kept(
    fake: SmallServer, run: Run, tmp_path: Path, state_home: Path
) -> None:
    file = write(tmp_path, "a.json", bundle("a"))
    for expected in (1, 2, 3):
        code, _, err = run(*command(file, fake))
        assert (0, expected) == (code, len(list(state_home.rglob("*.jsonl"))))
        assert "Resuming" not in err
    assert {"Observation": 1, "Organization": 1, "Patient": 1} == by_type(fake.names)


@pytest.mark.parametrize("committed", [False, True])
def test_a_process_that_was_killed_resumes_and_every_resource_is_there_once(
    fake: SmallServer, run: Run, folder: Path, committed: bool
) -> None:
    process: list[subprocess.Popen[bytes]] = []

    def kill_at_the_third(request: Request, answer: Callable[[], Reply]) -> Reply | None:
        if request.is_transaction and len(fake.transactions) == 3:
            if committed:
                answer()
            process[0].kill()
            process[0].wait()
            return None
        return answer()

    fake.hook = kill_at_the_third
    process.append(started(folder, fake))
    process[0].communicate(timeout=30)
    assert -signal.SIGKILL == process[0].returncode
    assert (7 if committed else 5) == len(fake.names)
    fake.hook = lambda _, answer: answer()
    code, _, err = run(*command(folder, fake))

    assert (0, ALL) == (code, by_type(fake.names)), err
    again = ["p-n2"] if not committed else []
    assert sorted([f"p-n{number}" for number in range(FILES)] + again) == sorted(patients_sent(fake))


def started(folder: Path, fake: SmallServer) -> subprocess.Popen[bytes]:
    """Start the command in a process of its own; it writes its journal where this process looks for it."""
    return subprocess.Popen(
        [sys.executable, "-m", "fhir_case", *command(folder, fake)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def test_ctrl_c_stops_after_in_flight_requests_and_the_run_resumes_later(
    fake: SmallServer, run: Run, folder: Path, state_home: Path
) -> None:
    process: list[subprocess.Popen[bytes]] = []

    def interrupt_at_the_second(request: Request, answer: Callable[[], Reply]) -> Reply | None:
        if request.is_transaction and len(fake.transactions) == 2:
            process[0].send_signal(signal.SIGINT)
        return answer()

    fake.hook = interrupt_at_the_second
    process.append(started(folder, fake))
    _, err = process[0].communicate(timeout=30)
    assert 130 == process[0].returncode
    assert b"the same command resumes\nfhir-case: interrupted\n" in err
    sent, answered = (the_journal(state_home).read_text().count(word) for word in ('{"sending"', '{"answered"'))
    assert sent == answered
    assert 0 == run(*command(folder, fake))[0]
    assert ALL == by_type(fake.names)


def test_what_a_lost_request_stored_and_nothing_tells_is_listed_and_not_sent_again(run: Run, folder: Path) -> None:
    with SmallServer.like("another server") as fake:
        fake.put({"resourceType": "Patient", "id": "p-n0"})  # else its absence would tell that nothing was stored
        fake.hook = lambda request, answer: Reply(429) if request.is_transaction else answer()
        journal = folder.parent / "j.jsonl"
        run(*command(folder, fake, "--journal", journal))
        lines = journal.read_text().splitlines(keepends=True)
        sending = next(number for number, line in enumerate(lines) if line.startswith('{"sending"'))
        journal.write_text("".join(lines[: sending + 1]))
        fake.requests.clear()
        fake.hook = lambda _, answer: answer()
        code, out, _ = run(*command(folder, fake, "--journal", journal))

        assert 6 == code
        assert ["p-n1", "p-n2", "p-n3", "p-n4", "p-n5"] == patients_sent(fake)
        assert 3 == counts_of(out, "Resources")["unknown"]
        (line,) = out.partition("Failed:\n")[2].splitlines()  # all three for one reason
        assert f"{folder / '0.json'}: Patient/p-n0" in line
        reason = "an earlier run was interrupted here, or got an answer that confirms nothing"
        assert line.endswith(f": {reason}; it is not known whether it is stored")


def test_input_that_has_changed_is_noticed_and_can_be_started_again(fake: SmallServer, run: Run, folder: Path) -> None:
    broken_off(fake, run, folder)
    fake.requests.clear()
    changed = write(folder, "4.json", bundle("other", once=False))
    code, _, err = run(*command(folder, fake))

    assert 1 == code
    assert f"the input has changed since this journal was begun: {changed}" in err
    assert [] == fake.transactions
    assert 0 == run(*command(folder, fake, "--restart"))[0]
    assert "Patient/p-other" in fake.names


def test_restart_answers_under_its_old_name_which_help_does_not_show(fake: SmallServer, run: Run, folder: Path) -> None:
    broken_off(fake, run, folder)
    write(folder, "4.json", bundle("other", once=False))
    code, _, err = run(*command(folder, fake, "--new"))

    assert 0 == code
    assert "--new is now --restart; the old name goes with the next release\n" in err
    assert "--new" not in run("upload", "--help")[1]


def test_the_journal_of_another_server_is_refused(fake: SmallServer, run: Run, folder: Path) -> None:
    journal = folder.parent / "j.jsonl"
    broken_off(fake, run, folder, "--journal", journal)
    with SmallServer.like() as other:
        code, _, err = run(*command(folder, other, "--journal", journal))

        assert 1 == code
        assert f"this journal is about {fake.url} and FHIR R4" in err
        assert [] == other.transactions


@pytest.mark.parametrize(
    ("begun", "words", "other"),
    [
        ((), "with --ids given", ("--ids", "server")),
        (("--ids", "server"), "with --ids server", ()),
        ((), "without --as-is", ("--as-is",)),
        (("--as-is",), "with --as-is", ()),
    ],
)
def test_options_that_decide_where_resources_are_stored_are_refused_with_what_to_do_which_helps(
    fake: SmallServer, run: Run, folder: Path, begun: tuple[str, ...], words: str, other: tuple[str, ...]
) -> None:
    journal = folder.parent / "j.jsonl"
    broken_off(fake, run, folder, "--journal", journal, *begun)
    sent = len(fake.transactions)
    code, _, err = run(*command(folder, fake, "--journal", journal, *other))

    assert (1, sent) == (code, len(fake.transactions))
    assert f"this journal was begun {words}, which decides" in err
    assert f"resume {words}; or take back what is stored (fhir-case undo {journal}), then repeat this command" in err
    assert 0 == run(*command(folder, fake, "--journal", journal, *begun))[0]
    assert 0 == run("undo", journal)[0]
    assert {} == fake.resources
    assert 0 == run(*command(folder, fake, "--journal", journal, *other, "--restart"))[0]


@pytest.mark.parametrize(
    "other",
    [
        ("--merge", "200"),
        ("--merge", "1", "--concurrency", "4"),
        ("--max-entries", "3"),
        ("--max-bytes", "5000"),
    ],
)
@pytest.mark.parametrize("killed", [False, True])
def test_how_much_is_sent_at_once_may_change_and_what_is_settled_stays_so(
    fake: SmallServer, run: Run, folder: Path, other: tuple[str, ...], killed: bool
) -> None:
    journal = folder.parent / "j.jsonl"
    broken_off(fake, run, folder, "--journal", journal)
    if killed:  # before it noted what became of the last request
        lines = journal.read_text().splitlines(keepends=True)
        last = max(number for number, line in enumerate(lines) if line.startswith('{"sending"'))
        journal.write_text("".join(lines[: last + 1]))
    before = patients_sent(fake)
    fake.requests.clear()
    code, out, err = run(*command(folder, fake, "--journal", journal), *other)

    assert (0, ALL) == (code, by_type(fake.names)), out + err
    assert not set(patients_sent(fake)) & {"p-n0", "p-n1"}
    assert {"p-n0", "p-n1"} <= set(before)


def test_what_the_journal_says_and_the_server_has_no_more_is_noticed(fake: SmallServer, run: Run, folder: Path) -> None:
    broken_off(fake, run, folder)
    fake.resources.clear()
    fake.requests.clear()
    code, _, err = run(*command(folder, fake))

    assert 1 == code
    assert " any more, which this journal says is stored there; --resend-missing sends again what is not there" in err
    assert [] == fake.transactions
    assert 0 == run(*command(folder, fake, "--restart"))[0]
    assert ALL == by_type(fake.names)


def test_only_the_user_may_read_the_journal(fake: SmallServer, run: Run, tmp_path: Path, state_home: Path) -> None:
    run(*command(write(tmp_path, "p.json", patient("a")), fake))

    assert 0o600 == stat.S_IMODE(the_journal(state_home).stat().st_mode)


@pytest.mark.parametrize("content", ['{"resourceType":"Patient"}', '{"resourceType":"Patient"}\n', "text\n"])
@pytest.mark.parametrize("more", [[], ["--restart"]])
def test_a_file_that_is_no_journal_stays_as_it_is(
    fake: SmallServer, run: Run, folder: Path, tmp_path: Path, content: str, more: list[str]
) -> None:
    journal = tmp_path / "notes.txt"
    journal.write_text(content)
    code, _, err = run(*command(folder, fake, "--journal", journal, *more))

    assert (1, content) == (code, journal.read_text())
    assert f"{journal}: this is not the journal of an upload" in err
    assert [] == fake.transactions


@pytest.mark.parametrize("writes", range(8))
def test_a_full_disk_stops_the_run_and_the_same_command_completes_it_later(
    fake: SmallServer, run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    write_, count = os.write, [0]

    def fill_up(file: int, data: bytes) -> int:
        count[0] += 1
        if count[0] == writes:
            return write_(file, data[: len(data) // 2])
        if count[0] > writes:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_(file, data)

    with monkeypatch.context() as full:
        full.setattr("os.write", fill_up)
        code, _, err = run(*command(folder, fake))
    assert 1 == code
    assert "the journal cannot be written: No space left on device; nothing more is sent; make room" in err
    assert "Traceback" not in err
    sent = len(fake.transactions)
    assert sent <= writes
    code, _, err = run(*command(folder, fake))

    assert (0, ALL) == (code, by_type(fake.names)), err


def test_the_journal_holds_what_became_of_every_resource(
    fake: SmallServer, run: Run, folder: Path, state_home: Path
) -> None:
    run(*command(folder, fake))
    lines: list[dict[str, Any]] = [json.loads(line) for line in the_journal(state_home).read_text().splitlines()]
    told = [each for each in lines if "resource" in each]

    assert fake.url == lines[0]["server"]
    assert lines[-1]["finished"]
    assert 3 * FILES == len(told)
    assert fake.names == {each["stored_as"] for each in told}
    assert {str(folder / f"{number}.json") for number in range(FILES)} == {each["source"] for each in told}

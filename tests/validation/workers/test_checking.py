"""Several processes check as one does: the same results in the same order, whatever happens to the processes."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psutil
import pytest

from checks import breaks_off_at_seven, dies_at_seven, dies_once, echo
from fhir_case.documents import Text
from fhir_case.validation.workers import checking as pool
from fhir_case.validation.workers.checking import Checking
from fhir_case.validation.workers.process import Process

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from fhir_case.documents import Document
    from fhir_case.issues import ValidationResult
    from fhir_case.validation.workers.process import Check

_LINES = [str(number) for number in range(1, 301)]
_TEXTS = [Text(line.encode(), "x.ndjson", int(line)) for line in _LINES]


def _messages(results: Iterable[tuple[Document | Text, ValidationResult]]) -> list[str]:
    return [issue.message for _, result in results for issue in result.issues]


def _makers(results: Iterable[tuple[Document | Text, ValidationResult]]) -> list[int]:
    """Return the processes that made the results."""
    return [int(issue.check) for _, result in results for issue in result.issues]


def _children() -> list[psutil.Process]:
    """Return the processes that check and were not seen to have ended."""
    alive = [each for each in psutil.Process().children() if each.status() != psutil.STATUS_ZOMBIE]
    return [each for each in alive if "spawn_main" in " ".join(each.cmdline())]


def test_documents_are_checked_in_other_processes_and_come_in_their_order() -> None:
    with Checking(echo, jobs=2) as checking:
        found = list(checking.results(_TEXTS))

    assert _TEXTS == [document for document, _ in found]
    assert _LINES == _messages(found)
    assert 2 == len(set(_makers(found)))
    assert os.getpid() not in _makers(found)
    assert [] == _children()


def test_one_job_is_this_process() -> None:
    with Checking(echo, jobs=1) as checking:
        assert {os.getpid()} == set(_makers(checking.results(_TEXTS)))


def test_a_little_work_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_WORTH_S", 1e9)
    with Checking(echo) as checking:
        assert {os.getpid()} == set(_makers(checking.results(_TEXTS)))


def test_more_work_starts_processes_of_itself_when_there_are_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_WORTH_S", 1e-9)
    monkeypatch.setattr(pool, "usable_cores", lambda: 2)
    with Checking(echo) as checking:
        first, *others = _makers(checking.results(_TEXTS))

    assert os.getpid() == first
    assert os.getpid() not in others


def test_what_ends_a_process_twice_is_named_and_all_else_is_checked() -> None:
    with Checking(dies_at_seven, jobs=2) as checking:
        found = list(checking.results(_TEXTS))

    ((lost, result),) = [(document, result) for document, result in found if result.checks]
    assert ("x.ndjson", 7) == (lost.source, lost.line)
    assert "could not run" == result.checks[0].state
    assert "error" == result.issues[0].severity
    assert "the process that checked it ended, twice" in result.issues[0].message
    assert [line for line in _LINES if line != "7"] == [one for one in _messages(found) if one.isdecimal()]


def test_a_process_that_dies_once_takes_nothing_along(tmp_path: Path) -> None:
    mark = tmp_path / "mark"

    with Checking(dies_once, jobs=2) as checking:
        found = _messages(checking.results(text._replace(source=str(mark)) for text in _TEXTS))

    assert mark.exists()
    assert _LINES == found


def test_processes_that_are_killed_are_replaced() -> None:
    killed: set[int] = set()
    found = []

    with Checking(echo, jobs=2) as checking:
        for document, result in checking.results(_TEXTS * 3):
            found.append((document, result))
            if document.line == 1 and (alive := _children()):
                os.kill(alive[-1].pid, signal.SIGKILL)
                killed.add(alive[-1].pid)

    assert killed
    assert _LINES * 3 == _messages(found)
    assert os.getpid() not in _makers(found)


def test_where_no_process_can_be_started_this_one_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(pool, "Process", refused)
    with Checking(echo, jobs=2) as checking:
        found = list(checking.results(_TEXTS))

    assert _LINES == _messages(found)
    assert {os.getpid()} == set(_makers(found))


def test_where_every_process_ends_before_it_is_ready_this_one_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    def killed_at_once(check: Check) -> Process:
        process = Process(check)
        process.kill()
        return process

    monkeypatch.setattr(pool, "Process", killed_at_once)
    with Checking(echo, jobs=2) as checking:
        found = list(checking.results(_TEXTS))

    assert _LINES == _messages(found)
    assert {os.getpid()} == set(_makers(found))


def test_a_check_that_breaks_off_does_so_here_after_the_results_before_it() -> None:
    found: list[int] = []

    def check_all() -> None:
        with Checking(breaks_off_at_seven, jobs=2) as checking:
            found.extend(document.line for document, _ in checking.results(_TEXTS))

    with pytest.raises(LookupError, match="a bug in a check"):
        check_all()
    assert [1, 2, 3, 4, 5, 6] == found
    assert [] == _children()


def test_large_documents_are_under_way_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_CHUNK_BYTES", 10)
    monkeypatch.setattr(pool, "_BYTES_IN_FLIGHT", 100)
    taken: list[int] = []
    given: list[int] = []
    most = 0

    def texts() -> Iterator[Text]:
        nonlocal most
        for number in range(20):
            most = max(most, len(taken) - len(given))
            taken.append(number)
            yield Text(b"x" * 90, "x.ndjson", number)

    with Checking(echo, jobs=2) as checking:
        for document, _ in checking.results(texts()):
            given.append(document.line)

    assert list(range(20)) == given
    assert most <= 2


class _StartingProcess:
    """A process that is not ready before it is ended, and takes a while to end."""

    def __init__(self, _: Check) -> None:
        self._ended = threading.Event()
        started.append(self)

    def wait_until_ready(self) -> None:
        self._ended.wait(30)
        raise EOFError

    def kill(self) -> None:
        self._ended.set()

    def close(self) -> None:
        self.kill()
        time.sleep(0.2)  # the threads see in this time that their processes have ended


started: list[_StartingProcess] = []


class _ForgetfulPool(ThreadPoolExecutor):
    """What Ctrl-C leaves while a thread is started: a thread that the end of the pool does not wait for."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        super().shutdown(wait=False, cancel_futures=cancel_futures)


def test_the_end_waits_for_processes_that_threads_lose_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "Process", _StartingProcess)
    monkeypatch.setattr(pool, "ThreadPoolExecutor", _ForgetfulPool)
    started.clear()

    def many() -> Iterator[Text]:
        yield from _TEXTS
        while len(started) < 2:
            time.sleep(0.01)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Checking(echo, jobs=2) as checking:
        list(checking.results(many()))

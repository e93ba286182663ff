"""A server that fails again and again at one document: what was merged with it is stored all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from load.sample import write
from smallserver import Reply

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smallserver import Request, SmallServer


def three(folder: Path) -> Path:
    for key in ("a-good", "b-bad", "c-good"):
        write(folder, f"in/{key}.json", {"resourceType": "Patient", "id": key})
    return folder / "in"


@pytest.fixture
def impatient(fake: SmallServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[object, ...]:
    """The command that loads three documents, and soon gives up."""
    monkeypatch.setattr("fhir_case.server.retry.RetryPolicy.pause_s", lambda *_, **__: 0.2)
    return ("upload", three(tmp_path), "--server", fake.url, "--retry-for", "2", "--settle-for", "0")


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_document_at_which_the_server_is_never_available_takes_no_innocent_one_down(
    run: Callable[..., tuple[int, str, str]],
    fake: SmallServer,
    impatient: tuple[object, ...],
    status: int,
) -> None:
    fake.hook = lambda request, answer: (
        Reply(status) if request.is_transaction and "b-bad" in str(request.entries) else answer()
    )
    run(*impatient)
    code, out, _ = run(*impatient)

    assert {"Patient/a-good", "Patient/c-good"} == fake.names
    assert "c-good" not in out.partition("Failed:")[2]
    assert "b-bad" in out.splitlines()[0]
    assert 7 == code


@pytest.mark.parametrize("status", [502, 503, 504])
def test_an_outage_ends_the_run_as_a_whole_and_divides_nothing(
    run: Callable[..., tuple[int, str, str]],
    fake: SmallServer,
    impatient: tuple[object, ...],
    status: int,
) -> None:
    began: list[bool] = []  # with the first transaction

    def outage(request: Request, answer: Callable[[], Reply]) -> Reply:
        if request.is_transaction:
            began.append(True)
        return Reply(status) if began else answer()

    fake.hook = outage
    code, _, err = run(*impatient)

    assert (6, set()) == (code, fake.names)
    assert "the same command resumes" in err
    assert {3} == {len(each.entries) for each in fake.transactions}
    fake.hook = lambda _, answer: answer()
    assert 0 == run(*impatient)[0]


@pytest.mark.parametrize("again", [1, 2])
def test_a_document_at_which_the_server_fails_takes_no_innocent_one_down(
    run: Callable[..., tuple[int, str, str]], fake: SmallServer, tmp_path: Path, again: int
) -> None:
    for key in ("a-good", "b-bad", "c-good"):
        write(tmp_path, f"in/{key}.json", {"resourceType": "Patient", "id": key})
    fake.hook = lambda request, answer: (
        Reply(500) if request.is_transaction and "b-bad" in str(request.entries) else answer()
    )
    command = ("upload", tmp_path / "in", "--server", fake.url, "--retry-for", "8")
    code, out, _ = [run(*command) for _ in range(again)][-1]

    assert {"Patient/a-good", "Patient/c-good"} == fake.names
    assert "c-good" not in out.partition("Failed:")[2]
    assert 7 == code


def test_a_run_that_has_time_for_two_attempts_only_takes_no_innocent_one_down(
    run: Callable[..., tuple[int, str, str]], fake: SmallServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fhir_case.server.retry.RetryPolicy.pause_s", lambda *_, **__: 0.6)
    fake.hook = lambda request, answer: (
        Reply(500) if request.is_transaction and "b-bad" in str(request.entries) else answer()
    )
    options = ("--retry-for", "1", "--settle-for", "0")
    code, out, _ = run("upload", three(tmp_path), "--server", fake.url, *options)

    assert (7, {"Patient/a-good", "Patient/c-good"}) == (code, fake.names)
    assert "b-bad" in out.splitlines()[0]

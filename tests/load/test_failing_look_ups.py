"""A look-up that fails ends a load, not what it has stored: the message says that the same command resumes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from load.sample import write
from smallserver import Reply

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smallserver import Request, SmallServer

    Run = Callable[..., tuple[int, str, str]]

QUICK = ("--retry-for", "0", "--settle-for", "0")
PATIENT = {"resourceType": "Patient", "identifier": [{"system": "urn:made-up", "value": "1"}]}
CONDITION = {"method": "POST", "url": "Patient", "ifNoneExist": "identifier=urn:made-up|1"}


def transaction(**about: object) -> dict[str, object]:
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{"resource": {**PATIENT, **about}, "request": CONDITION}],
    }


def searches_fail(request: Request, answer: Callable[[], Reply]) -> Reply:
    return answer() if request.is_transaction or request.path == ("metadata",) else Reply(503)


@pytest.mark.parametrize("about", [{}, {"managingOrganization": {"reference": "Organization/elsewhere"}}], ids=str)
def test_a_look_up_that_fails_before_anything_is_sent_says_how_to_go_on(
    fake: SmallServer, run: Run, tmp_path: Path, journal: Path, about: dict[str, object]
) -> None:
    command = ("upload", write(tmp_path, "a.json", transaction(**about)), "--server", fake.url, "--journal", journal)
    fake.hook = searches_fail
    code, _, err = run(*command, *QUICK)

    assert (6, []) == (code, fake.transactions)
    assert err.endswith("; the same command resumes\n")


def test_a_look_up_that_fails_when_a_journal_is_resumed_says_how_to_go_on(
    fake: SmallServer, run: Run, tmp_path: Path, journal: Path
) -> None:
    command = ("upload", write(tmp_path, "a.json", transaction()), "--server", fake.url, "--journal", journal)

    def lost(request: Request, answer: Callable[[], Reply]) -> Reply | None:
        if not request.is_transaction:
            return answer() if not fake.transactions else searches_fail(request, answer)
        answer()
        return None

    fake.hook = lost
    assert 6 == run(*command, *QUICK)[0]
    code, _, err = run(*command, *QUICK)

    assert (6, 1) == (code, len(fake.transactions))
    assert err.endswith("; the same command resumes\n")
    fake.hook = lambda _, answer: answer()
    assert 0 == run(*command)[0]
    assert 0 == run("undo", journal)[0]
    assert {} == fake.resources


def test_a_look_up_that_fails_after_a_response_leaves_the_request_open(
    fake: SmallServer, run: Run, tmp_path: Path, journal: Path
) -> None:
    """The first attempt is carried out late; which of the two has created what is there is asked without a response."""
    command = ("upload", write(tmp_path, "a.json", transaction()), "--server", fake.url, "--journal", journal)
    late: list[Request] = []

    def slow(request: Request, answer: Callable[[], Reply]) -> Reply:
        if not request.is_transaction:
            return answer() if len(fake.transactions) < 2 else Reply(503)
        if not late:
            late.append(request)
            return Reply(504)
        fake.answer(late[0])
        return answer()

    fake.hook = slow
    code, _, err = run(*command, "--retry-for", "1", "--settle-for", "0")

    assert (6, 2) == (code, len(fake.transactions))
    assert err.endswith("; the same command resumes\n")
    fake.hook = lambda _, answer: answer()
    assert 0 == run(*command)[0]
    assert 0 == run("undo", journal)[0]
    assert {} == fake.resources

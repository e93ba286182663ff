"""A Bundle in memory goes the way of files: with a journal that is resumed and undone, and nothing else on the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fhir_case import upload, verify
from fhir_case.errors import FhirCaseError, RejectedError
from load.sample import bundle, by_type, counts_of
from smallserver import Reply, SmallServer
from support import SHIPPED, SHIPPED_COUNT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smallserver import Request

    Run = Callable[..., tuple[int, str, str]]

ALL = {"Observation": 1, "Organization": 1, "Patient": 1}


def test_what_a_bundle_in_memory_created_is_undone_by_its_journal(
    fake: SmallServer, run: Run, journal: Path, tmp_path: Path
) -> None:
    found = upload(bundle("a"), fake.url, journal=journal)
    assert ({"created": 3}, ALL) == (
        {state: number for state, number in found.counts.items() if number},
        by_type(fake.names),
    )
    assert verify(bundle("a"), fake.url, journal=found).ok
    assert [journal] == list(tmp_path.iterdir())
    code, out, err = run("undo", journal)

    assert (0, set()) == (code, fake.names), err
    code, _, err = run("verify", journal)
    assert 2 == code
    assert f"{journal} has no Bundle to compare with: give its file instead" in err
    assert {"deleted": 3, "already gone": 0, "not deleted": 0} == counts_of(out, "Resources")


def test_a_load_that_broke_off_is_resumed_by_the_same_call_which_returns_all_of_it(
    fake: SmallServer, journal: Path, pauses: list[float]
) -> None:
    def lose(request: Request, answer: Callable[[], Reply]) -> Reply | None:
        if request.is_transaction:
            answer()
            fake.hook = lambda *_: Reply(401)
            return None
        return answer()

    fake.hook = lose
    with pytest.raises((FhirCaseError,)):
        upload(bundle("a", once=False), fake.url, journal=journal)
    fake.hook = lambda _, answer: answer()
    found = upload(bundle("a", once=False), fake.url, journal=journal)

    assert (ALL, 1) == (by_type(fake.names), len(fake.transactions))
    assert [("created", True)] * 3 == [(entry.state, entry.stored_as in fake.names) for entry in found.entries]


def test_the_journal_of_another_bundle_is_refused(fake: SmallServer, journal: Path) -> None:
    upload(bundle("a"), fake.url, journal=journal)
    with pytest.raises(FhirCaseError, match="the input has changed since this journal was begun: Bundle in memory"):
        upload(bundle("b"), fake.url, journal=journal)


def test_a_refusal_ends_the_load_and_is_raised(fake: SmallServer, journal: Path) -> None:
    fake.hook = lambda request, answer: Reply(422) if request.is_transaction else answer()
    with pytest.raises(RejectedError, match="nothing was stored: HTTP 422"):
        upload(bundle("a"), fake.url, journal=journal)

    assert set() == fake.names


def test_what_run_loaded_is_undone_by_the_journal_beside_its_report(
    fake: SmallServer, run: Run, tmp_path: Path
) -> None:
    command = ("run", SHIPPED, "--server", fake.url, "--out", tmp_path)
    assert 0 == run(*command)[0]
    assert 0 == run(*command)[0]  # the journal of the first run is kept
    assert SHIPPED_COUNT == len(fake.names)
    assert [0, 0] == [run("undo", tmp_path / name)[0] for name in ("journal.jsonl", "journal.1.jsonl")]

    assert set() == fake.names

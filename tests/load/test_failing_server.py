"""A server that fails again and again at one document: what was merged with it is stored all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from load.sample import write
from smallserver import Reply

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smallserver import SmallServer


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

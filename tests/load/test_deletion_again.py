"""A deletion whose connection breaks off is sent again: to delete twice does no harm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_case.server.client import Client
from fhir_case.server.deletion import delete

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from smallserver import Reply, Request, SmallServer


def test_a_deletion_without_a_response_is_repeated(fake: SmallServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fhir_case.server.retry._pause_s", lambda _state: 0.0)
    fake.put({"resourceType": "Patient", "id": "a"})

    def lost(_: Request, answer: Callable[[], Reply]) -> Reply | None:
        found = answer()
        return found if len(fake.transactions) > 1 else None

    fake.hook = lost
    with Client(fake.url) as client:
        assert {} == delete(client, ["Patient/a"])
    assert (2, set()) == (len(fake.transactions), fake.names)
